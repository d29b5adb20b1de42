using System.Text;
using System.Text.Json.Nodes;
using Longshore.Server.Tests.Clients;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Oidc;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Sts;

/// <summary>
/// Pipelines without a key, end to end: a signed token of a real issuer, a role, a registry login, and exactly the repositories that the role's policy
/// grants. Everything is set up and used by the clients that people use.
/// </summary>
[Collection(ClientsCollection.Name)]
public sealed class KeylessTests(ClientsFixture clients) : IAsyncLifetime
{
    private const string Account = "123456789012";
    private const string Aws = "/usr/bin/aws";
    private readonly TemporaryDirectory directory = new("keyless");
    private readonly string id = Guid.NewGuid().ToString("N")[..8];
    private TestIssuer issuer = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private string Team => $"team-{id}";

    public async ValueTask InitializeAsync()
    {
        issuer = await TestIssuer.StartAsync(Token);
        await IamAsync("create-open-id-connect-provider", "--url", issuer.Issuer, "--client-id-list", "sts.amazonaws.com", "--thumbprint-list", issuer.Thumbprint);
        foreach (var name in new[] { $"{Team}/app", $"other-{id}/app", $"base-{id}/os" }) await clients.CreateRepositoryAsync(name, Token);
    }

    public async ValueTask DisposeAsync()
    {
        directory.Dispose();
        await issuer.DisposeAsync();
    }

    [Fact]
    public async Task Github_job_gets_a_role_a_login_and_the_repositories_of_its_policy()
    {
        await CreateRoleAsync("github", new JsonObject
        {
            ["StringEquals"] = new JsonObject { [$"{issuer.Url}:aud"] = "sts.amazonaws.com", [$"{issuer.Url}:repository_owner"] = "acme" },
            ["StringLike"] = new JsonObject { [$"{issuer.Url}:sub"] = "repo:acme/app:*" },
        });
        var login = await LogInAsync(await AssumeAsync("github", issuer.GitHubClaims("acme/app", "refs/heads/main", Now)));
        await MayPushAndPullWhatThePolicyGrantsAsync(login);

        // A fork, another owner: no session at all.
        foreach (var repository in new[] { "acme/application", "evil/app" })
        {
            var refused = await TryAssumeAsync("github", issuer.GitHubClaims(repository, "refs/heads/main", Now));
            Assert.Contains("(AccessDenied)", refused.StandardError, StringComparison.Ordinal);
            Assert.Contains("Not authorized to perform sts:AssumeRoleWithWebIdentity", refused.StandardError, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Kubernetes_service_account_gets_a_role_a_login_and_the_repositories_of_its_policy()
    {
        await CreateRoleAsync("kubernetes", new JsonObject
        {
            ["StringEquals"] = new JsonObject { [$"{issuer.Url}:kubernetes.io/namespace"] = "build", [$"{issuer.Url}:sub"] = "system:serviceaccount:build:kaniko" },
        });
        var login = await LogInAsync(await AssumeAsync("kubernetes", issuer.KubernetesClaims("build", "kaniko", Now)));
        await MayPushAndPullWhatThePolicyGrantsAsync(login);
        Assert.NotEqual(0, (await TryAssumeAsync("kubernetes", issuer.KubernetesClaims("build", "default", Now))).ExitCode);
        Assert.NotEqual(0, (await TryAssumeAsync("kubernetes", issuer.GitHubClaims("acme/app", "refs/heads/main", Now))).ExitCode);
    }

    [Fact]
    public async Task Docker_logs_in_pushes_and_pulls_with_a_session_until_it_is_revoked()
    {
        await CreateRoleAsync("docker", null);
        var docker = await clients.DockerAsync(Token);
        var credentials = await AssumeAsync("docker", issuer.GitHubClaims("acme/app", "refs/heads/main", Now));
        var environment = new Dictionary<string, string?>([.. Environment(credentials), .. docker.Environment]) { ["DOCKER_CONFIG"] = directory.Combine("docker") };
        await CommandRunner.RunAsync(
            "bash",
            ["-o", "pipefail", "-c", $"{Aws} ecr get-login-password --endpoint-url {clients.Server.BaseAddress} | {DockerDaemon.Client} login --username AWS --password-stdin {clients.Registry}"],
            Token, environment);
        var archive = directory.Combine("content.tar");
        await File.WriteAllTextAsync(directory.Combine("hello"), id, Token);
        await CommandRunner.RunAsync("tar", ["-C", directory.Path, "-cf", archive, "hello"], Token);
        var (own, others) = ($"{clients.Registry}/{Team}/app:docker", $"{clients.Registry}/other-{id}/app:docker");
        await DockerAsync(0, "import", archive, own);
        await DockerAsync(0, "push", own);
        await DockerAsync(0, "tag", own, others);
        var refused = await DockerAsync(1, "push", others);
        Assert.Contains($"is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:{Account}:repository/other-{id}/app", refused, StringComparison.Ordinal);
        await DockerAsync(0, "rmi", own, others);
        await DockerAsync(0, "pull", own);

        await RevokeAsync("docker");
        await DockerAsync(0, "rmi", own);
        Assert.Contains("Log in again", await DockerAsync(1, "pull", own), StringComparison.Ordinal);

        async Task<string> DockerAsync(int exit, params string[] arguments)
        {
            var result = await CommandRunner.TryRunAsync(DockerDaemon.Client, arguments, Token, environment);
            Assert.True(result.ExitCode == exit, result.ToString());
            return result.StandardOutput + result.StandardError;
        }
    }

    [Fact]
    public async Task Session_policy_narrows_the_roles_policy_and_cannot_widen_it()
    {
        await CreateRoleAsync("narrow", null);
        var everything = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""";
        var wide = await LogInAsync(await AssumeAsync("narrow", issuer.GitHubClaims("acme/app", "refs/heads/main", Now), "--policy", everything));
        Assert.Contains("because no identity-based policy allows the ecr:InitiateLayerUpload action", await PushRefusedAsync(wide, $"other-{id}/app"), StringComparison.Ordinal);

        var pull = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"*"}}""";
        var narrow = await LogInAsync(await AssumeAsync("narrow", issuer.GitHubClaims("acme/app", "refs/heads/main", Now), "--policy", pull));
        Assert.Contains("because no session policy allows the ecr:InitiateLayerUpload action", await PushRefusedAsync(narrow, $"{Team}/app"), StringComparison.Ordinal);

        // Nor a managed one, nor going on to the same role without a policy.
        var managed = await LogInAsync(await AssumeAsync(
            "narrow", issuer.GitHubClaims("acme/app", "refs/heads/main", Now), "--policy-arns", "arn=arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"));
        Assert.Contains("no session policy allows", await PushRefusedAsync(managed, $"{Team}/app"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Policy_variables_of_a_session_reach_its_own_repositories_alone()
    {
        var policy = $$"""
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"},
              {"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:us-east-1:{{Account}}:repository/${aws:PrincipalTag/team}/*"}]}
            """;
        await CreateRoleAsync("tagged", null, policy, "sts:AssumeRoleWithWebIdentity", "sts:TagSession");
        foreach (var (team, allowed) in new[] { (Team, true), ($"other-{id}", false), ("${aws:username}", false), ("*", false), ($"{Team}/..", false) })
        {
            var claims = issuer.GitHubClaims("acme/app", "refs/heads/main", Now);
            claims["https://aws.amazon.com/tags"] = new JsonObject { ["principal_tags"] = new JsonObject { ["team"] = new JsonArray(team) } };
            var answer = await TryAssumeAsync("tagged", claims);
            if (team.Contains('*', StringComparison.Ordinal) || team.Contains('$', StringComparison.Ordinal))
            {
                Assert.Contains("(InvalidIdentityToken)", answer.StandardError, StringComparison.Ordinal);
                continue;
            }

            Assert.True(answer.ExitCode == 0, answer.ToString());
            var login = await LogInAsync(JsonNode.Parse(answer.StandardOutput)!["Credentials"]!);
            if (allowed) await PushAsync(login, $"{Team}/app");
            else await PushRefusedAsync(login, $"{Team}/app");
        }
    }

    [Fact]
    public async Task Sdk_for_javascript_does_it_by_itself()
    {
        var scripts = Path.Combine(RepositoryRoot.Path, "tests/clients/node");
        Requires.That(Directory.Exists(Path.Combine(scripts, "node_modules/@aws-sdk/client-ecr")), "@aws-sdk/client-ecr (run tests/clients/install)");
        await CreateRoleAsync("node", null);
        var result = await CommandRunner.RunAsync(
            Requires.Tool("node"), [Path.Combine(scripts, "keyless.mjs"), $"{Team}/app", $"other-{id}/app"], Token, await KeylessEnvironmentAsync("node"));
        Assert.Contains("OK keyless", result.StandardOutput, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/usr/bin/python3")]
    [InlineData("python3")]
    public async Task Boto3_does_it_with_the_sdks_own_provider(string python)
    {
        // Debian's, from before AWS_ENDPOINT_URL; and whatever newer one is on PATH.
        Requires.Tool(python);
        if ((await CommandRunner.TryRunAsync(python, ["-c", "import boto3"], Token)).ExitCode != 0) throw new SkipTestException($"no boto3 for {python}");
        await CreateRoleAsync("boto3", null);
        var result = await CommandRunner.RunAsync(
            python, [Path.Combine(RepositoryRoot.Path, "tests/clients/keyless.py"), $"{Team}/app", $"other-{id}/app"], Token, await KeylessEnvironmentAsync("boto3"));
        Assert.Contains("OK keyless", result.StandardOutput, StringComparison.Ordinal);
        TestContext.Current.SendDiagnosticMessage(result.StandardOutput);
    }

    [Fact]
    public async Task Aws_cli_does_it_by_itself()
    {
        // Debian's AWS CLI is from before AWS_ENDPOINT_URL (2.13, or 1.29 of the first version).
        if (!Requires.HasTool("aws")) throw new SkipTestException("no AWS CLI on PATH");
        var version = (await CommandRunner.RunAsync("aws", ["--version"], Token)).StandardOutput.Split('/', ' ')[1].Split('.');
        if (!(version[0] == "2" ? int.Parse(version[1], System.Globalization.CultureInfo.InvariantCulture) >= 13 : int.Parse(version[1], System.Globalization.CultureInfo.InvariantCulture) >= 29))
            throw new SkipTestException("the AWS CLI on PATH does not know AWS_ENDPOINT_URL");
        await CreateRoleAsync("cli", null);
        var environment = await KeylessEnvironmentAsync("cli");
        var identity = JsonNode.Parse((await CommandRunner.RunAsync("aws", ["sts", "get-caller-identity", "--output", "json"], Token, environment)).StandardOutput)!;
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/cli-{id}/pipeline", (string?)identity["Arn"]);
        var password = (await CommandRunner.RunAsync("aws", ["ecr", "get-login-password"], Token, environment)).StandardOutput.Trim();
        await PushAsync(password, $"{Team}/app");
        await PushRefusedAsync(password, $"other-{id}/app");
    }

    private async Task MayPushAndPullWhatThePolicyGrantsAsync(string password)
    {
        var image = TestImage.Create(71, 3000);
        await clients.Oci.PushImageAsync($"base-{id}/os", image, "1", Token);
        await clients.Oci.PushImageAsync($"other-{id}/app", image, "1", Token);
        await PushAsync(password, $"{Team}/app");
        await PullAsync(password, $"{Team}/app");
        await PullAsync(password, $"base-{id}/os");
        Assert.Contains($"ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:{Account}:repository/base-{id}/os", await PushRefusedAsync(password, $"base-{id}/os"), StringComparison.Ordinal);
        Assert.Contains("ecr:InitiateLayerUpload", await PushRefusedAsync(password, $"other-{id}/app"), StringComparison.Ordinal);
        var refused = await SkopeoAsync("copy", "--src-tls-verify=false", "--src-creds", "AWS:" + password, $"docker://{clients.Registry}/other-{id}/app:1", $"dir:{directory.Combine("no")}");
        Assert.True(refused.ExitCode != 0, refused.ToString());
        Assert.Contains("ecr:BatchGetImage on resource", refused.StandardError, StringComparison.Ordinal);
    }

    private async Task PushAsync(string password, string repository)
    {
        var result = await PushingAsync(password, repository);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private async Task<string> PushRefusedAsync(string password, string repository)
    {
        var result = await PushingAsync(password, repository);
        Assert.True(result.ExitCode != 0, result.ToString());
        // skopeo begins with a HEAD, whose answer has no body to tell the reason in.
        Assert.Matches("403|denied", result.StandardError);
        using var client = new OciClient(clients.Server.BaseAddress, "AWS", password);
        var refused = await client.SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/", Token);
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, refused.Status);
        return Encoding.UTF8.GetString(refused.Body);
    }

    // A layer of its own each time, so that something must be uploaded.
    private async Task<CommandResult> PushingAsync(string password, string repository)
    {
        using var layout = new TemporaryDirectory("layout");
        var from = await TestImages.WriteLayoutAsync(layout, TestImage.Create(System.Security.Cryptography.RandomNumberGenerator.GetInt32(1 << 30), 3000), Token);
        return await SkopeoAsync("copy", "--dest-tls-verify=false", "--dest-creds", "AWS:" + password, from, $"docker://{clients.Registry}/{repository}:pushed");
    }

    private async Task PullAsync(string password, string repository)
    {
        var to = directory.Combine(Guid.NewGuid().ToString("N"));
        var tag = repository.StartsWith("base", StringComparison.Ordinal) ? "1" : "pushed";
        var result = await SkopeoAsync("copy", "--src-tls-verify=false", "--src-creds", "AWS:" + password, $"docker://{clients.Registry}/{repository}:{tag}", $"dir:{to}");
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private static Task<CommandResult> SkopeoAsync(params string[] arguments) => CommandRunner.TryRunAsync("skopeo", ["--insecure-policy", .. arguments], Token);

    private async Task CreateRoleAsync(string name, JsonObject? condition, string? policy = null, params string[] actions)
    {
        var statement = new JsonObject
        {
            ["Effect"] = "Allow",
            ["Principal"] = new JsonObject { ["Federated"] = $"arn:aws:iam::{Account}:oidc-provider/{issuer.Url}" },
            ["Action"] = new JsonArray([.. (actions.Length == 0 ? ["sts:AssumeRoleWithWebIdentity"] : actions).Select(static a => (JsonNode)a)]),
        };
        if (condition is not null) statement["Condition"] = condition;
        var trust = new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = new JsonArray(statement) }.ToJsonString();
        await IamAsync("create-role", "--role-name", $"{name}-{id}", "--assume-role-policy-document", trust);
        await IamAsync("put-role-policy", "--role-name", $"{name}-{id}", "--policy-name", "registry", "--policy-document", policy ?? $$"""
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"},
              {"Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload","ecr:PutImage","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:DescribeRepositories"],"Resource":"arn:aws:ecr:us-east-1:{{Account}}:repository/{{Team}}/*"},
              {"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"arn:aws:ecr:us-east-1:{{Account}}:repository/base-{{id}}/*"}]}
            """);
    }

    private async Task IamAsync(params string[] arguments) =>
        await CommandRunner.RunAsync(Aws, ["iam", "--endpoint-url", clients.Server.BaseAddress.ToString(), .. arguments], Token, clients.AwsEnvironment);

    private async Task<JsonNode> AssumeAsync(string role, JsonObject claims, params string[] more)
    {
        var result = await TryAssumeAsync(role, claims, more);
        Assert.True(result.ExitCode == 0, result.ToString());
        return JsonNode.Parse(result.StandardOutput)!["Credentials"]!;
    }

    private Task<CommandResult> TryAssumeAsync(string role, JsonObject claims, params string[] more) => CommandRunner.TryRunAsync(
        Aws,
        [
            "sts", "assume-role-with-web-identity", "--endpoint-url", clients.Server.BaseAddress.ToString(), "--output", "json", "--role-arn", $"arn:aws:iam::{Account}:role/{role}-{id}",
            "--role-session-name", "pipeline", "--web-identity-token", issuer.Key.Sign(claims), .. more,
        ],
        Token,
        new Dictionary<string, string?>(clients.AwsEnvironment) { ["AWS_ACCESS_KEY_ID"] = null, ["AWS_SECRET_ACCESS_KEY"] = null });

    private Dictionary<string, string?> Environment(JsonNode credentials) => new(clients.AwsEnvironment)
    {
        ["AWS_ACCESS_KEY_ID"] = (string?)credentials["AccessKeyId"],
        ["AWS_SECRET_ACCESS_KEY"] = (string?)credentials["SecretAccessKey"],
        ["AWS_SESSION_TOKEN"] = (string?)credentials["SessionToken"],
    };

    /// <summary>The password of user <c>AWS</c> for temporary credentials.</summary>
    private async Task<string> LogInAsync(JsonNode credentials) => (await CommandRunner.RunAsync(
        Aws, ["ecr", "get-login-password", "--endpoint-url", clients.Server.BaseAddress.ToString()], Token, Environment(credentials))).StandardOutput.Trim();

    private async Task<Dictionary<string, string?>> KeylessEnvironmentAsync(string role)
    {
        var file = directory.Combine($"{role}.jwt");
        await File.WriteAllTextAsync(file, issuer.Key.Sign(issuer.GitHubClaims("acme/app", "refs/heads/main", Now)), Token);
        return new(clients.AwsEnvironment)
        {
            ["AWS_ACCESS_KEY_ID"] = null,
            ["AWS_SECRET_ACCESS_KEY"] = null,
            ["AWS_REGION"] = "us-east-1",
            ["AWS_ROLE_ARN"] = $"arn:aws:iam::{Account}:role/{role}-{id}",
            ["AWS_ROLE_SESSION_NAME"] = "pipeline",
            ["AWS_WEB_IDENTITY_TOKEN_FILE"] = file,
            ["AWS_ENDPOINT_URL"] = clients.Server.BaseAddress.ToString().TrimEnd('/'),
            ["no_proxy"] = "127.0.0.1",
            ["NO_PROXY"] = "127.0.0.1",
        };
    }

    private async Task RevokeAsync(string role)
    {
        var body = Encoding.UTF8.GetBytes(new JsonObject { ["principalArn"] = $"arn:aws:iam::{Account}:role/{role}-{id}" }.ToJsonString());
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(clients.Server.BaseAddress, "longshore/v1/sessions/revoke")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        new AwsSigner(clients.Server.Options.AccessKeyId, clients.Server.Options.SecretAccessKey, "us-east-1", "longshore", TimeProvider.System).Sign(request, body);
        using var response = await http.SendAsync(request, Token);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Token));
    }
}
