using Longshore.Server.Tests.Clients;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Ecr;

/// <summary>AWS's own clients through every operation that they know and we offer: <c>tests/clients</c>.</summary>
[Collection(EcrCollection.Name)]
public sealed class ClientTests(EcrFixture ecr)
{
    [Fact]
    public async Task The_aws_cli_goes_through_every_operation()
    {
        using var models = NewestModel();
        await ClientScripts.RunAwsAsync(ecr.Server, "awscli.sh", models?.Path, EcrFixture.Token);
    }

    [Fact]
    public async Task Boto3_goes_through_every_operation()
    {
        using var models = NewestModel();
        await ClientScripts.RunBotoAsync(ecr.Server, "boto3_ecr.py", models?.Path, EcrFixture.Token);
    }

    [Fact]
    public Task The_newest_sdk_for_javascript_goes_through_every_operation() => ClientScripts.RunNodeAsync(ecr.Server, "node/ecr.mjs", EcrFixture.Token);

    /// <summary>
    /// The newest model of ECR as botocore looks for it, or null where the models are not beside the repository: boto3 and the CLI of Debian
    /// are older than many operations.
    /// </summary>
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
