using Longshore.Server.Tests.Clients;

namespace Longshore.Server.Tests.Iam;

/// <summary>AWS's own clients through IAM: <c>tests/clients</c>.</summary>
[Collection(IamCollection.Name)]
public sealed class IamClientTests(IamFixture iam)
{
    [Fact]
    public Task The_aws_cli_goes_through_every_group_of_commands() => ClientScripts.RunAwsAsync(iam.Server, "awscli_iam.sh", models: null, IamFixture.Token);

    [Fact]
    public Task Boto3_goes_through_paginators_waiters_and_errors() => ClientScripts.RunBotoAsync(iam.Server, "boto3_iam.py", models: null, IamFixture.Token);
}
