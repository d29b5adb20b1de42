using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Iam;

/// <summary>AWS's own clients through IAM: <c>tests/clients</c>.</summary>
[Collection(IamCollection.Name)]
public sealed class IamClientTests(IamFixture iam)
{
    [Fact]
    public async Task The_aws_cli_goes_through_every_group_of_commands()
    {
        var aws = Environment.GetEnvironmentVariable("LONGSHORE_TEST_AWS") ?? "/usr/bin/aws";
        Requires.That(File.Exists(aws), $"the AWS CLI at {aws} (Debian package awscli)");
        await RunAsync("sh", "awscli_iam.sh");
    }

    [Fact]
    public async Task Boto3_goes_through_paginators_waiters_and_errors()
    {
        const string Python = "/usr/bin/python3";
        Requires.That(File.Exists(Python), Python);
        var check = await CommandRunner.TryRunAsync(Python, ["-c", "import boto3"], IamFixture.Token);
        Requires.That(check.ExitCode == 0, "boto3 (Debian package python3-boto3)");
        await RunAsync(Python, "boto3_iam.py");
    }

    private async Task RunAsync(string program, string script)
    {
        var environment = new Dictionary<string, string?>
        {
            ["AWS_ACCESS_KEY_ID"] = iam.Server.Options.AccessKeyId,
            ["AWS_SECRET_ACCESS_KEY"] = iam.Server.Options.SecretAccessKey,
            ["AWS_SESSION_TOKEN"] = null,
            ["AWS_REGION"] = "us-east-1",
            ["AWS_DEFAULT_REGION"] = "us-east-1",
            // Nothing of the machine's own AWS set-up.
            ["AWS_PROFILE"] = null,
            ["AWS_CONFIG_FILE"] = "/dev/null",
            ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null",
            ["AWS_EC2_METADATA_DISABLED"] = "true",
            ["no_proxy"] = "127.0.0.1",
            ["NO_PROXY"] = "127.0.0.1",
        };
        var path = Path.Combine(RepositoryRoot.Path, "tests/clients", script);
        var result = await CommandRunner.RunAsync(
            program, [path, iam.Server.BaseAddress.AbsoluteUri.TrimEnd('/')], IamFixture.Token, environment, timeout: TimeSpan.FromMinutes(5));
        Assert.Contains("OK ", result.StandardOutput, StringComparison.Ordinal);
    }
}
