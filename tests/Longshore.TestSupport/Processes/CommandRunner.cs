using System.Diagnostics;

namespace Longshore.TestSupport.Processes;

/// <summary>Runs real clients (skopeo, aws, python3, node, …) to their end.</summary>
public static class CommandRunner
{
    /// <summary>Default bound on a command.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Runs a program and throws unless it ends with 0.</summary>
    /// <exception cref="InvalidOperationException">Exit code not 0; the message holds the whole output.</exception>
    /// <exception cref="TimeoutException">Still running after the timeout; it has been killed with its children.</exception>
    public static async Task<CommandResult> RunAsync(
        string program,
        IEnumerable<string> arguments,
        CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null,
        string? input = null,
        TimeSpan? timeout = null)
    {
        var result = await TryRunAsync(program, arguments, cancellationToken, environment, workingDirectory, input, timeout);
        return result.ExitCode == 0 ? result : throw new InvalidOperationException("Command failed.\n" + result);
    }

    /// <summary>Runs a program and returns whatever its exit code was.</summary>
    /// <param name="environment">Added to the inherited environment; a null value removes the variable.</param>
    /// <param name="input">Text for standard input, which is closed afterwards.</param>
    /// <exception cref="TimeoutException">Still running after the timeout; it has been killed with its children.</exception>
    public static async Task<CommandResult> TryRunAsync(
        string program,
        IEnumerable<string> arguments,
        CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null,
        string? input = null,
        TimeSpan? timeout = null)
    {
        var start = new ProcessStartInfo(Requires.Tool(program))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }

        var commandLine = string.Join(' ', [program, .. start.ArgumentList]);
        var bound = timeout ?? DefaultTimeout;
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"Could not start {program}.");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(bound);

        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            // A program that ends without reading its input breaks the pipe; its exit code tells the story.
            try
            {
                if (input is not null)
                    await process.StandardInput.WriteAsync(input.AsMemory(), deadline.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
            }
            await process.WaitForExitAsync(deadline.Token);
            return new(commandLine, process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            var partial = new CommandResult(commandLine, -1, await output, await error);
            throw new TimeoutException($"Command still running after {bound}.\n{partial}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
