using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Security;

/// <summary>The real binary, run to its end.</summary>
internal static class Binary
{
    public static Task<CommandResult> RunAsync(params string[] arguments)
    {
        var binary = LongshoreProcess.BinaryPath();
        var token = TestContext.Current.CancellationToken;
        return binary.EndsWith(".dll", StringComparison.Ordinal)
            ? CommandRunner.TryRunAsync("dotnet", [binary, .. arguments], token, timeout: TimeSpan.FromSeconds(60))
            : CommandRunner.TryRunAsync(binary, arguments, token, timeout: TimeSpan.FromSeconds(60));
    }
}
