using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Security;

/// <summary>The real binary, run to its end.</summary>
internal static class Binary
{
    public static Task<CommandResult> RunAsync(params string[] arguments)
    {
        var binary = LongshoreProcess.BinaryPath();
        // A command that is given a data directory works on the database that goes with it.
        var data = Array.IndexOf(arguments, "--data");
        if (data >= 0 && !arguments.Contains("--database") && arguments[0] is "serve" or "keys" or "verify" or "trail")
            arguments = [.. arguments, .. TestDatabases.Arguments(arguments[data + 1])];
        // A server works on the store of bodies that goes with it, too.
        if (data >= 0 && !arguments.Contains("--blobs") && arguments[0] == "serve") arguments = [.. arguments, .. S3Gateway.BlobArguments(arguments[data + 1])];
        var token = TestContext.Current.CancellationToken;
        return binary.EndsWith(".dll", StringComparison.Ordinal)
            ? CommandRunner.TryRunAsync("dotnet", [binary, .. arguments], token, timeout: TimeSpan.FromSeconds(60))
            : CommandRunner.TryRunAsync(binary, arguments, token, timeout: TimeSpan.FromSeconds(60));
    }
}
