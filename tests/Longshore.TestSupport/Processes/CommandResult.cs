namespace Longshore.TestSupport.Processes;

/// <summary>What a program left behind.</summary>
/// <param name="CommandLine">Program and arguments, for messages.</param>
public sealed record CommandResult(string CommandLine, int ExitCode, string StandardOutput, string StandardError)
{
    /// <summary>Everything, for a failed assertion.</summary>
    public override string ToString() =>
        $"$ {CommandLine}\nexit code {ExitCode}\n--- stdout\n{StandardOutput}\n--- stderr\n{StandardError}";
}
