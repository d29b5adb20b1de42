using System.Text.Json;
using Longshore.Server.Tests.Iam;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Commands;

/// <summary><c>longshore access explain</c> and <c>check</c> as people and scripts run them: the binary against a running server.</summary>
public sealed class AccessCommandTests(IamFixture iam) : IClassFixture<IamFixture>
{
    private const string Account = IamFixture.Account;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_denial_comes_with_the_statement_that_would_allow_it_and_does()
    {
        var repository = await NewRepositoryAsync();
        var (user, key) = await iam.NewUserWithKeyAsync();
        using var client = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        var denied = await RunAsync("explain", "--principal", $"user/{user}", "--action", "ecr:ListImages", "--repository", repository, "--json");
        Assert.Equal(1, denied.ExitCode);
        var answer = JsonDocument.Parse(denied.StandardOutput).RootElement;
        Assert.Equal("implicitDeny", answer.GetProperty("decision").GetString());
        using (var refused = await client.CallAsync("ListImages", $$"""{"repositoryName":"{{repository}}"}""", Token))
            Assert.Equal(answer.GetProperty("reason").GetString(), refused.Root.GetProperty("message").GetString());
        var fix = Assert.Single(answer.GetProperty("fixes").EnumerateArray());
        Assert.Equal($"an identity policy of arn:aws:iam::{Account}:user/{user}", fix.GetProperty("where").GetString());

        await iam.CallAsync("PutUserPolicy", ("UserName", user), ("PolicyName", "fix"), ("PolicyDocument", $$"""{"Version":"2012-10-17","Statement":{{fix.GetProperty("statement").GetString()}} }"""));
        await client.InvokeAsync("ListImages", $$"""{"repositoryName":"{{repository}}"}""", Token);
        var allowed = await RunAsync("explain", "--principal", $"arn:aws:iam::{Account}:user/{user}", "--action", "ecr:ListImages", "--repository", repository);
        Assert.Equal(0, allowed.ExitCode);
        Assert.Contains($"decided by  statement 1 of fix (inline policy of user {user})", allowed.StandardOutput, StringComparison.Ordinal);
        // The smallest: nothing else is allowed.
        Assert.Equal(1, (await RunAsync("explain", "--principal", $"user/{user}", "--action", "ecr:PutImage", "--repository", repository)).ExitCode);
        Assert.Equal(1, (await RunAsync("explain", "--principal", $"user/{user}", "--action", "ecr:ListImages", "--repository", repository + "x")).ExitCode);
    }

    [Fact]
    public async Task An_explicit_denial_names_its_statement_and_offers_no_statement()
    {
        var repository = await NewRepositoryAsync();
        var (user, _) = await iam.NewUserWithKeyAsync("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}""");
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        const string Policy = """{"Statement":[{"Sid":"Away","Effect":"Deny","Principal":"*","Action":"ecr:PutImage","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}""";
        await root.InvokeAsync("SetRepositoryPolicy", JsonSerializer.Serialize(new { repositoryName = repository, policyText = Policy }), Token);
        string[] question = ["explain", "--principal", $"user/{user}", "--action", "ecr:PutImage", "--repository", repository, "--json"];
        var answer = JsonDocument.Parse((await RunAsync(question)).StandardOutput).RootElement;
        Assert.Equal("explicitDeny", answer.GetProperty("decision").GetString());
        Assert.Equal("statement 'Away'", answer.GetProperty("statement").GetString());
        Assert.Equal($"the policy of repository {repository}", answer.GetProperty("policy").GetString());
        Assert.Empty(answer.GetProperty("fixes").EnumerateArray());
        Assert.Equal("aws:SourceIp", Assert.Single(answer.GetProperty("missingContextKeys").EnumerateArray()).GetString());
        Assert.Equal(0, (await RunAsync([.. question, "--context", "aws:SourceIp=10.2.3.4"])).ExitCode);
        Assert.Equal(1, (await RunAsync([.. question, "--context", "aws:SourceIp=11.2.3.4"])).ExitCode);
    }

    [Fact]
    public async Task Another_account_is_told_both_statements_and_bad_questions_are_refused()
    {
        var repository = await NewRepositoryAsync();
        var other = $"7{System.Security.Cryptography.RandomNumberGenerator.GetString("0123456789", 11)}";
        var key = await iam.NewAccountAsync(other);
        await iam.SendAsync("CreateUser", key, ("UserName", "bob"));
        var denied = await RunAsync("explain", "--principal", $"arn:aws:iam::{other}:user/bob", "--action", "ecr:ListImages", "--repository", repository, "--json");
        Assert.Equal(1, denied.ExitCode);
        Assert.Equal(
            [$"an identity policy of arn:aws:iam::{other}:user/bob", $"the policy of repository {repository}"],
            JsonDocument.Parse(denied.StandardOutput).RootElement.GetProperty("fixes").EnumerateArray().Select(static fix => fix.GetProperty("where").GetString()));
        Assert.Equal(2, (await RunAsync("explain", "--principal", "user/nobody", "--action", "ecr:ListImages")).ExitCode);
        // The owner of another account does not see into this one.
        var (status, json) = await iam.ManageAsync(HttpMethod.Get, $"access/explain?principal=arn:aws:iam::{Account}:root&action=ecr:ListImages", null, key);
        Assert.Equal((System.Net.HttpStatusCode.Forbidden, "Denied"), (status, json.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Check_finds_what_is_too_wide_and_nothing_in_what_is_not()
    {
        using var server = new IamServer(await LongshoreProcess.StartAsync(new LongshoreOptions(), Token));
        await server.CallAsync("CreateUser", ("UserName", "wide"));
        await server.CallAsync("PutUserPolicy", ("UserName", "wide"), ("PolicyName", "all"), ("PolicyDocument", """{"Version":"2012-10-17","Statement":{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}}"""));
        await server.CallAsync("CreateUser", ("UserName", "narrow"));
        await server.CallAsync(
            "PutUserPolicy", ("UserName", "narrow"), ("PolicyName", "some"),
            ("PolicyDocument", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecr:PutImage","ecr:BatchGetImage"],"Resource":"arn:aws:ecr:*:*:repository/team/*"}}"""));
        await server.CallAsync("CreateOpenIDConnectProvider", ("Url", "https://token.actions.example.com"), ("ClientIDList.member.1", "sts.amazonaws.com"));
        await server.CallAsync(
            "CreateRole", ("RoleName", "ci"),
            ("AssumeRolePolicyDocument", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.example.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.example.com:aud":"sts.amazonaws.com"}}}}"""));
        using var root = new EcrClient(server.Process.BaseAddress, server.Process.Options.AccessKeyId, server.Process.Options.SecretAccessKey);
        await root.CreateRepositoryAsync("open/app", Token);
        await root.InvokeAsync("SetRepositoryPolicy", """{"repositoryName":"open/app","policyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"ecr:BatchGetImage\"}]}"}""", Token);
        var checkedAll = await RunAsync(server.Process, "check", "--json");
        Assert.Equal(1, checkedAll.ExitCode);
        var found = JsonDocument.Parse(checkedAll.StandardOutput).RootElement.GetProperty("findings").EnumerateArray()
            .Select(static f => $"{f.GetProperty("severity").GetString()} {f.GetProperty("code").GetString()} {f.GetProperty("where").GetString()}").ToList();
        Assert.Contains("high wildcard-actions all (inline policy of user wide)", found);
        Assert.Contains("high any-subject the trust policy of role ci", found);
        Assert.Contains("high wildcard-principal the policy of repository open/app", found);
        Assert.DoesNotContain(found, static f => f.Contains("narrow", StringComparison.Ordinal));
        var table = await RunAsync(server.Process, "check");
        Assert.Contains("to do: ", table.StandardOutput, StringComparison.Ordinal);
        await server.Process.DisposeAsync();
    }

    private async Task<string> NewRepositoryAsync()
    {
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        var name = iam.NewName("explain/app");
        await root.CreateRepositoryAsync(name, Token);
        return name;
    }

    private Task<CommandResult> RunAsync(params string[] arguments) => RunAsync(iam.Server, arguments);

    private static Task<CommandResult> RunAsync(LongshoreProcess server, params string[] arguments) => CommandRunner.TryRunAsync(
        LongshoreProcess.BinaryPath(),
        ["access", .. arguments],
        Token,
        new Dictionary<string, string?>
        {
            ["AWS_ENDPOINT_URL"] = server.BaseAddress.ToString(),
            ["AWS_ACCESS_KEY_ID"] = server.Options.AccessKeyId,
            ["AWS_SECRET_ACCESS_KEY"] = server.Options.SecretAccessKey,
            ["AWS_REGION"] = "us-east-1",
        });

    private sealed class IamServer(LongshoreProcess process) : IDisposable
    {
        private readonly HttpClient http = new();

        public LongshoreProcess Process => process;

        public async Task CallAsync(string action, params (string Name, string Value)[] members)
        {
            var answer = await IamFixture.SendAsync(process, http, (process.Options.AccessKeyId, process.Options.SecretAccessKey), action, members);
            Assert.True(answer.Status == System.Net.HttpStatusCode.OK, $"{action}: {answer}");
        }

        public void Dispose() => http.Dispose();
    }
}
