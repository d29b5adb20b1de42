using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>The scripts of <c>tests/clients</c>, which drive a server with AWS's own clients and end with a line that begins with "OK".</summary>
internal static class ClientScripts
{
    private static readonly string Folder = Path.Combine(RepositoryRoot.Path, "tests/clients");

    /// <summary>Runs a shell script that calls the AWS CLI.</summary>
    public static Task RunAwsAsync(LongshoreProcess server, string script, string? models, CancellationToken cancellationToken)
    {
        var aws = Environment.GetEnvironmentVariable("LONGSHORE_TEST_AWS") ?? "/usr/bin/aws";
        Requires.That(File.Exists(aws), $"the AWS CLI at {aws} (Debian package awscli)");
        return RunAsync(server, "sh", script, models, cancellationToken);
    }

    /// <summary>Runs a script for boto3, with Debian's interpreter, which has Debian's python3-boto3: another one on PATH may have neither.</summary>
    public static async Task RunBotoAsync(LongshoreProcess server, string script, string? models, CancellationToken cancellationToken)
    {
        const string Python = "/usr/bin/python3";
        Requires.That(File.Exists(Python), Python);
        var check = await CommandRunner.TryRunAsync(Python, ["-c", "import boto3"], cancellationToken);
        Requires.That(check.ExitCode == 0, "boto3 (Debian package python3-boto3)");
        await RunAsync(server, Python, script, models, cancellationToken);
    }

    /// <summary>Runs a script for the SDK for JavaScript.</summary>
    public static Task RunNodeAsync(LongshoreProcess server, string script, CancellationToken cancellationToken)
    {
        Requires.That(Directory.Exists(Path.Combine(Folder, "node/node_modules/@aws-sdk/client-ecr")), "@aws-sdk/client-ecr (run tests/clients/install)");
        return RunAsync(server, Requires.Tool("node"), script, null, cancellationToken);
    }

    private static async Task RunAsync(LongshoreProcess server, string program, string script, string? models, CancellationToken cancellationToken)
    {
        var environment = AwsEnvironment.Of(server);
        environment["AWS_DATA_PATH"] = models;
        var result = await CommandRunner.RunAsync(
            program, [Path.Combine(Folder, script), server.BaseAddress.AbsoluteUri.TrimEnd('/')], cancellationToken, environment, timeout: TimeSpan.FromMinutes(5));
        Assert.Contains("OK ", result.StandardOutput, StringComparison.Ordinal);
    }
}
