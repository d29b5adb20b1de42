using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Longshore.TestSupport.S3;

namespace Longshore.TestSupport.Processes;

/// <summary>The real server binary, started as a user starts it. Not for concurrent use of its start and stop methods.</summary>
public sealed partial class LongshoreProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private const int SigContinue = 18;
    private const int SigStop = 19;
    private readonly TemporaryDirectory? _ownDirectory;
    private readonly StringBuilder _output = new();
    private Process? _process;
    private TaskCompletionSource<Uri> _listening = NewSource();

    private LongshoreProcess(LongshoreOptions options)
    {
        Options = options;
        if (options.DataDirectory is null)
            _ownDirectory = new TemporaryDirectory("data");
        DataDirectory = options.DataDirectory ?? _ownDirectory!.Path;
    }

    public LongshoreOptions Options { get; }

    public string DataDirectory { get; }

    /// <summary>Where the server listens, with a slash at the end. Changes with a restart unless the port was kept.</summary>
    public Uri BaseAddress { get; private set; } = new("http://127.0.0.1:0/");

    /// <summary>Process id of the running server.</summary>
    /// <exception cref="InvalidOperationException">It is not running.</exception>
    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The server is not running.");

    /// <summary>Exit code of the last run that ended.</summary>
    public int? ExitCode { get; private set; }

    /// <summary>Everything the server wrote to stdout and stderr so far, all runs.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Path of the binary under test: <c>LONGSHORE_BINARY</c>, else the build next to the tests, same configuration.</summary>
    public static string BinaryPath()
    {
        if (Environment.GetEnvironmentVariable("LONGSHORE_BINARY") is { Length: > 0 } given)
            return given;
        var directory = Path.Combine(RepositoryRoot.Path, "src/Longshore.Server/bin", RepositoryRoot.Configuration, "net10.0");
        var host = Path.Combine(directory, "longshore");
        return File.Exists(host) ? host : Path.Combine(directory, "longshore.dll");
    }

    /// <summary>Starts a server and waits until it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended instead; the message holds its output.</exception>
    /// <exception cref="TimeoutException">Not ready within <see cref="LongshoreOptions.StartTimeout"/>.</exception>
    public static async Task<LongshoreProcess> StartAsync(LongshoreOptions options, CancellationToken cancellationToken)
    {
        var server = new LongshoreProcess(options);
        try
        {
            await server.StartProcessAsync(options.Port, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks the server to end (SIGTERM) and waits.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="TimeoutException">It did not end within <see cref="LongshoreOptions.StopTimeout"/>; it has been killed.</exception>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        var process = _process ?? throw new InvalidOperationException("The server is not running.");
        Signal(SigTerm);
        try
        {
            return await WaitForExitAsync(process, cancellationToken);
        }
        catch (TimeoutException)
        {
            await KillAsync();
            throw;
        }
    }

    /// <summary>Ends the server without warning (SIGKILL) and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process)
            return;
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await WaitForExitAsync(process, CancellationToken.None);
    }

    /// <summary>Makes the server stand still (SIGSTOP), with all its connections open.</summary>
    public void Pause() => Signal(SigStop);

    /// <summary>Lets it go on (SIGCONT).</summary>
    public void Resume() => Signal(SigContinue);

    /// <summary>Asks the server to end (SIGTERM) and does not wait.</summary>
    public void BeginStop() => Signal(SigTerm);

    /// <summary>Waits for a server that ends by itself.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> WaitForExitAsync(CancellationToken cancellationToken) =>
        WaitForExitAsync(_process ?? throw new InvalidOperationException("The server is not running."), cancellationToken);

    /// <summary>Starts again on the same data directory, after <see cref="StopAsync"/> or <see cref="KillAsync"/>.</summary>
    /// <param name="samePort">Listen where the last run did, so that clients can go on.</param>
    public Task RestartAsync(bool samePort, CancellationToken cancellationToken) =>
        _process is null
            ? StartProcessAsync(samePort ? BaseAddress.Port : Options.Port, cancellationToken)
            : throw new InvalidOperationException("The server is still running.");

    /// <summary>Ends the server if it runs, and removes the data directory if it was made here.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _ownDirectory?.Dispose();
    }

    private void Signal(int signal)
    {
        var process = _process ?? throw new InvalidOperationException("The server is not running.");
        if (NativeKill(process.Id, signal) != 0 && !process.HasExited)
            throw new InvalidOperationException($"Signal {signal} to {process.Id} failed with errno {Marshal.GetLastPInvokeError()}.");
    }

    private async Task StartProcessAsync(int port, CancellationToken cancellationToken)
    {
        var binary = Options.Binary ?? BinaryPath();
        if (!File.Exists(binary))
            throw new InvalidOperationException($"The server is not built: {binary} is missing.");
        var start = binary.EndsWith(".dll", StringComparison.Ordinal)
            ? new ProcessStartInfo("dotnet") { ArgumentList = { binary } }
            : new ProcessStartInfo(binary);
        start.RedirectStandardOutput = start.RedirectStandardError = start.RedirectStandardInput = true;
        string[] blobs = Options.Arguments.Contains("--blobs") || Options.Environment.ContainsKey("LONGSHORE_BLOBS") ? [] : S3Gateway.BlobArguments(DataDirectory);
        foreach (var argument in (string[])["serve", "--listen", $"http://127.0.0.1:{port}", "--data", DataDirectory, .. blobs, .. Options.Arguments])
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in S3Gateway.Environment)
            start.Environment[name] = value;
        start.Environment["LONGSHORE_ROOT_ACCESS_KEY_ID"] = Options.AccessKeyId;
        start.Environment["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = Options.SecretAccessKey;
        // Many a test is refused on purpose, and all come from one address.
        start.Environment["LONGSHORE_REFUSAL_DELAY"] = "0s";
        if (!Options.Arguments.Contains("--database") && Databases.TestDatabases.UrlOf(DataDirectory) is { } database)
            start.Environment["LONGSHORE_DATABASE"] = database;
        foreach (var (name, value) in Options.Environment)
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }

        _listening = NewSource();
        ExitCode = null;
        var process = _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var listening = _listening;
        process.OutputDataReceived += (_, line) => Collect(line.Data, listening);
        process.ErrorDataReceived += (_, line) => Collect(line.Data, null);
        process.Exited += (_, _) => listening.TrySetCanceled(CancellationToken.None);
        if (!process.Start())
            throw new InvalidOperationException($"Could not start {binary}.");
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Options.StartTimeout);
        try
        {
            BaseAddress = await listening.Task.WaitAsync(deadline.Token);
            await WaitUntilReadyAsync(process, deadline.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var ended = process.HasExited;
            await KillAsync();
            if (ended)
                throw new InvalidOperationException($"The server ended with code {ExitCode} before it was ready.\n{Output}");
            throw new TimeoutException($"The server was not ready after {Options.StartTimeout}.\n{Output}");
        }
    }

    private async Task WaitUntilReadyAsync(Process process, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = BaseAddress };
        while (true)
        {
            if (process.HasExited)
                throw new OperationCanceledException("The server ended.");
            try
            {
                using var response = await client.GetAsync(new Uri("readyz", UriKind.Relative), cancellationToken);
                if (response.StatusCode == HttpStatusCode.OK)
                    return;
            }
            catch (HttpRequestException)
            {
                // Not accepting yet.
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
        }
    }

    private async Task<int> WaitForExitAsync(Process process, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Options.StopTimeout);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The server still ran after {Options.StopTimeout}.\n{Output}");
        }
        var code = process.ExitCode;
        ExitCode = code;
        process.Dispose();
        _process = null;
        return code;
    }

    private void Collect(string? line, TaskCompletionSource<Uri>? listening)
    {
        if (line is null)
            return;
        lock (_output)
            _output.Append(line).Append('\n');
        if (listening is not null && ListeningLine().Match(line) is { Success: true } match)
            listening.TrySetResult(new Uri(match.Groups[1].Value + "/"));
    }

    private static TaskCompletionSource<Uri> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [GeneratedRegex(@"Listening on (https?://127\.0\.0\.1:[0-9]+)")]
    private static partial Regex ListeningLine();

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeKill(int processId, int signal);
}
