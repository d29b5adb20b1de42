using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Ecr;

/// <summary>AWS's own clients through every operation that they know and we offer: <c>tests/clients</c>.</summary>
[Collection(EcrCollection.Name)]
public sealed class ClientTests(EcrFixture ecr)
{
    private static readonly string Clients = Path.Combine(RepositoryRoot.Path, "tests/clients");

    [Fact]
    public async Task The_aws_cli_goes_through_every_operation()
    {
        var aws = Environment.GetEnvironmentVariable("LONGSHORE_TEST_AWS") ?? "/usr/bin/aws";
        Requires.That(File.Exists(aws), $"the AWS CLI at {aws} (Debian package awscli)");
        await RunAsync("sh", "awscli.sh");
    }

    [Fact]
    public async Task Boto3_goes_through_every_operation()
    {
        // Debian's interpreter, which has Debian's python3-boto3: another one on PATH may have neither.
        const string Python = "/usr/bin/python3";
        Requires.That(File.Exists(Python), Python);
        var check = await CommandRunner.TryRunAsync(Python, ["-c", "import boto3"], EcrFixture.Token);
        Requires.That(check.ExitCode == 0, "boto3 (Debian package python3-boto3)");
        await RunAsync(Python, "boto3_ecr.py");
    }

    [Fact]
    public async Task The_newest_sdk_for_javascript_goes_through_every_operation()
    {
        Requires.That(Directory.Exists(Path.Combine(Clients, "node/node_modules/@aws-sdk/client-ecr")), "@aws-sdk/client-ecr (run tests/clients/install)");
        await RunAsync(Requires.Tool("node"), "node/ecr.mjs");
    }

    private async Task RunAsync(string program, string script)
    {
        using var models = NewestModel();
        var environment = new Dictionary<string, string?>
        {
            ["AWS_ACCESS_KEY_ID"] = ecr.Server.Options.AccessKeyId,
            ["AWS_SECRET_ACCESS_KEY"] = ecr.Server.Options.SecretAccessKey,
            ["AWS_SESSION_TOKEN"] = null,
            ["AWS_REGION"] = "us-east-1",
            ["AWS_DEFAULT_REGION"] = "us-east-1",
            // Nothing of the machine's own AWS set-up.
            ["AWS_PROFILE"] = null,
            ["AWS_CONFIG_FILE"] = "/dev/null",
            ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null",
            ["AWS_EC2_METADATA_DISABLED"] = "true",
            // boto3 and the CLI of Debian are older than many operations; a newer model teaches them.
            ["AWS_DATA_PATH"] = models?.Path,
            ["no_proxy"] = "127.0.0.1",
            ["NO_PROXY"] = "127.0.0.1",
        };
        var result = await CommandRunner.RunAsync(
            program, [Path.Combine(Clients, script), ecr.Server.BaseAddress.AbsoluteUri.TrimEnd('/')], EcrFixture.Token, environment, timeout: TimeSpan.FromMinutes(5));
        Assert.Contains("OK ", result.StandardOutput, StringComparison.Ordinal);
    }

    /// <summary>The newest model of ECR as botocore looks for it, or null where the models are not beside the repository.</summary>
    private static TemporaryDirectory? NewestModel()
    {
        var model = Path.Combine(RepositoryRoot.Path, "../shared/aws-models/ecr-2015-09-21.json");
        if (!File.Exists(model)) return null;
        var directory = new TemporaryDirectory("models");
        var folder = Directory.CreateDirectory(directory.Combine("ecr/2015-09-21"));
        File.Copy(model, Path.Combine(folder.FullName, "service-2.json"));
        return directory;
    }
}
