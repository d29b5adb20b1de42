using System.Text.Json;
using System.Text.Json.Nodes;
using Longshore.Server.Tests.Clients;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Trail;

/// <summary>docker, skopeo and the AWS CLI as people use them: what they leave in the trail, and under whose name.</summary>
[Collection(ClientsCollection.Name)]
public sealed class TrailClientTests(ClientsFixture clients)
{
    private const string Account = "123456789012";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_docker_push_and_a_skopeo_pull_are_told_under_api_names_with_their_user_agents()
    {
        var docker = await clients.DockerAsync(Token);
        var name = await clients.CreateRepositoryAsync("trail/docker", Token) + ":1";
        await CommandRunner.RunAsync("bash", ["-o", "pipefail", "-c", $"tar -C /etc -c hostname | {DockerDaemon.Client} import - {name}"], Token, docker.Environment);
        await docker.RunAsync(["push", name], Token);
        var digest = await clients.DigestOfAsync("trail/docker", "1", Token);
        using var directory = new TemporaryDirectory("skopeo");
        await CommandRunner.RunAsync(
            "skopeo", ["--insecure-policy", "copy", "--src-tls-verify=false", "--src-creds", $"AWS:{clients.Password}", $"docker://{name}", $"dir:{directory.Path}"], Token);

        var records = await TrailReader.SearchAsync(clients.Server, "repository=trail%2Fdocker&oldestFirst=true", 10, Token);
        foreach (var (call, agent) in (IEnumerable<(string, string)>)[
            ("InitiateLayerUpload", "docker/"), ("UploadLayerPart", "docker/"), ("CompleteLayerUpload", "docker/"), ("PutImage", "docker/"),
            ("BatchGetImage", "skopeo/"), ("GetDownloadUrlForLayer", "skopeo/"), ("CreateRepository", "aws-cli/")])
            Assert.Contains(records, record => TrailReader.Text(record, "eventName") == call && TrailReader.Text(record, "userAgent")!.StartsWith(agent, StringComparison.Ordinal));
        Assert.Contains(records, record => TrailReader.Text(record, "eventName") == "PutImage" && TrailReader.Text(record, "additionalEventData", "digest") == digest);
        var created = records.First(static record => TrailReader.Text(record, "eventName") == "CreateRepository");
        Assert.Equal("trail/docker", TrailReader.Text(created, "responseElements", "repository", "repositoryName"));
        await TrailReader.VerifyAsync(clients.Server, Token);
    }

    [Fact]
    public async Task Users_and_sessions_of_roles_are_named_and_their_secrets_are_not()
    {
        await AwsAsync("iam", "create-user", "--user-name", "trail-user");
        await AwsAsync("iam", "put-user-policy", "--user-name", "trail-user", "--policy-name", "login", "--policy-document", Allow("ecr:GetAuthorizationToken", "sts:AssumeRole"));
        var key = JsonNode.Parse(await AwsAsync("iam", "create-access-key", "--user-name", "trail-user"))!["AccessKey"]!;
        var (id, secret) = ((string)key["AccessKeyId"]!, (string)key["SecretAccessKey"]!);
        await AwsAsync("iam", "create-role", "--role-name", "trail-role", "--assume-role-policy-document", $$$"""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"{{{Account}}}"},"Action":"sts:AssumeRole"}}""");
        await AwsAsync("iam", "put-role-policy", "--role-name", "trail-role", "--policy-name", "read", "--policy-document", Allow("ecr:DescribeRepositories"));

        await AsAsync(id, secret, null, "ecr", "get-authorization-token");
        var denied = await TryAsAsync(id, secret, null, "ecr", "create-repository", "--repository-name", "trail/denied");
        Assert.NotEqual(0, denied.ExitCode);
        var session = JsonNode.Parse(await AsAsync(id, secret, null, "sts", "assume-role", "--role-arn", $"arn:aws:iam::{Account}:role/trail-role", "--role-session-name", "night-shift"))!["Credentials"]!;
        await AsAsync((string)session["AccessKeyId"]!, (string)session["SecretAccessKey"]!, (string)session["SessionToken"]!, "ecr", "describe-repositories");

        var byUser = await TrailReader.SearchAsync(clients.Server, $"oldestFirst=true&principal={Uri.EscapeDataString($"arn:aws:iam::{Account}:user/trail-user")}", 3, Token);
        Assert.Equal(["GetAuthorizationToken", "CreateRepository", "AssumeRole"], byUser.Select(static record => TrailReader.Text(record, "eventName")));
        Assert.All(byUser, record => Assert.Equal(("IAMUser", "trail-user", id), (TrailReader.Text(record, "userIdentity", "type"), TrailReader.Text(record, "userIdentity", "userName"), TrailReader.Text(record, "userIdentity", "accessKeyId"))));
        Assert.Equal("AccessDeniedException", TrailReader.Text(byUser[1], "errorCode"));
        Assert.Contains("ecr:CreateRepository", TrailReader.Text(byUser[1], "errorMessage"), StringComparison.Ordinal);
        Assert.Equal("sts.amazonaws.com", TrailReader.Text(byUser[2], "eventSource"));

        // By the role, all its sessions; by the session, itself.
        foreach (var arn in (string[])[$"arn:aws:iam::{Account}:role/trail-role", $"arn:aws:sts::{Account}:assumed-role/trail-role/night-shift"])
        {
            var record = Assert.Single(await TrailReader.SearchAsync(clients.Server, $"eventName=DescribeRepositories&principal={Uri.EscapeDataString(arn)}", 1, Token));
            Assert.Equal("AssumedRole", TrailReader.Text(record, "userIdentity", "type"));
            Assert.Equal($"arn:aws:sts::{Account}:assumed-role/trail-role/night-shift", TrailReader.Text(record, "userIdentity", "arn"));
            Assert.Equal($"arn:aws:iam::{Account}:role/trail-role", TrailReader.Text(record, "userIdentity", "sessionContext", "sessionIssuer", "arn"));
            Assert.StartsWith("ASIA", TrailReader.Text(record, "userIdentity", "accessKeyId"), StringComparison.Ordinal);
        }

        var all = string.Join('\n', await TrailReader.SearchAsync(clients.Server, "allAccounts=true", 10, Token));
        foreach (var hidden in (string[])[secret, (string)session["SecretAccessKey"]!, (string)session["SessionToken"]!]) Assert.DoesNotContain(hidden, all, StringComparison.Ordinal);
    }

    private static string Allow(params string[] actions) =>
        JsonSerializer.Serialize(new { Version = "2012-10-17", Statement = new { Effect = "Allow", Action = actions, Resource = "*" } });

    private Task<string> AwsAsync(params string[] arguments) => AsAsync(clients.Server.Options.AccessKeyId, clients.Server.Options.SecretAccessKey, null, arguments);

    private async Task<string> AsAsync(string id, string secret, string? token, params string[] arguments)
    {
        var result = await TryAsAsync(id, secret, token, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.StandardOutput;
    }

    private Task<CommandResult> TryAsAsync(string id, string secret, string? token, params string[] arguments)
    {
        Requires.Tool("aws");
        var environment = clients.AwsEnvironment;
        (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"]) = (id, secret, token);
        return CommandRunner.TryRunAsync("/usr/bin/aws", ["--endpoint-url", clients.Server.BaseAddress.ToString(), "--output", "json", .. arguments], Token, environment);
    }
}
