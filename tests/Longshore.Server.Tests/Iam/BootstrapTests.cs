using System.Text.Json.Nodes;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Iam;

/// <summary><c>longshore serve --bootstrap FILE</c>: access as code.</summary>
public sealed class BootstrapTests
{
    private const string Key = "AKIABOOTSTRAPEXAMPLE";
    private const string Secret = "bootstrap/secret/of/anna/EXAMPLE/0123456";

    private const string File =
        """
        {
          // Comments are allowed.
          "accounts": {
            "123456789012": {
              "oidcProviders": [
                { "url": "https://token.actions.githubusercontent.com", "clientIds": ["sts.amazonaws.com"], "thumbprints": ["6938fd4d98bab03faadb97b34396831e3780aea1"], "tags": { "for": "ci" } }
              ],
              "policies": [
                { "name": "push-team", "path": "/team/", "description": "pushes below team/", "document": {
                  "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/team/*" } } },
                { "name": "limit", "document": { "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["ecr:*", "iam:GetUser"], "Resource": "*" } } }
              ],
              "groups": [{ "name": "developers", "policies": ["push-team", "AmazonEC2ContainerRegistryReadOnly"] }],
              "users": [
                { "name": "anna", "path": "/people/", "groups": ["developers"], "permissionsBoundary": "limit", "tags": { "team": "a" },
                  "inlinePolicies": { "self": { "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*" } } },
                  "accessKeys": [{ "accessKeyId": "AKIABOOTSTRAPEXAMPLE", "secretAccessKeyVariable": "ANNA_SECRET" }] }
              ],
              "roles": [
                { "name": "ci", "description": "for pipelines", "maxSessionDuration": 7200, "policies": ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"],
                  "trustPolicy": { "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                    "Principal": { "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" },
                    "Condition": { "StringLike": { "token.actions.githubusercontent.com:sub": "repo:team/*" } } } } }
              ]
            },
            "210987654321": {
              "rootAccessKey": { "accessKeyIdVariable": "OTHER_ID", "secretAccessKeyVariable": "OTHER_SECRET" },
              "users": [{ "name": "anna" }]
            }
          }
        }
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Dictionary<string, string?> Environment => new()
    {
        ["ANNA_SECRET"] = Secret,
        ["OTHER_ID"] = "AKIAOTHERROOTEXAMPLE",
        ["OTHER_SECRET"] = "other/root/secret/EXAMPLE/01234567890123",
    };

    [Fact]
    public async Task A_file_is_applied_at_start_and_once_more_changes_nothing()
    {
        using var directory = new TemporaryDirectory("bootstrap");
        var file = directory.Combine("access.json");
        await System.IO.File.WriteAllTextAsync(file, File, Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--bootstrap", file], Environment = Environment }, Token);
        var root = (server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var before = await DetailsAsync();
        Assert.Equal(["anna"], before.All("UserName"));
        Assert.Equal("developers", before.Find("GroupList")!.Value);
        Assert.Contains("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser", before.All("PolicyArn"));
        Assert.Contains("arn:aws:iam::123456789012:policy/limit", before["PermissionsBoundaryArn"], StringComparison.Ordinal);
        Assert.Equal("anna", (await IamFixture.SendAsync(server, http, (Key, Secret), "GetUser"))["UserName"]);
        Assert.Equal(["anna"], (await IamFixture.SendAsync(server, http, ("AKIAOTHERROOTEXAMPLE", Environment["OTHER_SECRET"]!), "ListUsers")).All("UserName"));
        var provider = await SendAsync("GetOpenIDConnectProvider", ("OpenIDConnectProviderArn", "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"));
        Assert.Equal("sts.amazonaws.com", provider["ClientIDList"]);

        // What somebody did beside the file is left alone.
        await SendAsync("CreateUser", ("UserName", "berta"));
        await SendAsync("AttachUserPolicy", ("UserName", "anna"), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"));
        await SendAsync("UpdateAccessKey", ("UserName", "anna"), ("AccessKeyId", Key), ("Status", "Inactive"));
        var between = (await DetailsAsync()).Xml.ToString();
        await server.StopAsync(Token);
        await server.RestartAsync(samePort: false, Token);
        Assert.Contains("applied: 0 changes", server.Output, StringComparison.Ordinal);
        Assert.Equal(WithoutRequestId(between), WithoutRequestId((await DetailsAsync()).Xml.ToString()));
        Assert.Equal("InvalidClientTokenId", (await IamFixture.SendAsync(server, http, (Key, Secret), "GetUser")).Error);
        await SendAsync("UpdateAccessKey", ("UserName", "anna"), ("AccessKeyId", Key), ("Status", "Active"));

        // A changed file changes what it names.
        var changed = JsonNode.Parse(File, null, new System.Text.Json.JsonDocumentOptions { CommentHandling = System.Text.Json.JsonCommentHandling.Skip })!;
        var account = changed["accounts"]!["123456789012"]!;
        account["policies"]![1]!["document"]!["Statement"]!["Action"] = "ecr:Batch*";
        account["roles"]![0]!["maxSessionDuration"] = 3600;
        account["users"]![0]!["tags"]!["team"] = "b";
        account["oidcProviders"]![0]!["clientIds"] = new JsonArray("other");
        await System.IO.File.WriteAllTextAsync(file, changed.ToJsonString(), Token);
        await server.StopAsync(Token);
        await server.RestartAsync(samePort: false, Token);
        Assert.Equal("v2", (await SendAsync("GetPolicy", ("PolicyArn", "arn:aws:iam::123456789012:policy/limit")))["DefaultVersionId"]);
        Assert.Equal("3600", (await SendAsync("GetRole", ("RoleName", "ci")))["MaxSessionDuration"]);
        Assert.Equal("b", (await SendAsync("ListUserTags", ("UserName", "anna")))["Value"]);
        Assert.Equal(2, (await DetailsAsync()).All("UserName").Count);
        await server.StopAsync(Token);
        Assert.DoesNotContain(Secret, server.Output, StringComparison.Ordinal);

        Task<IamAnswer> SendAsync(string action, params (string, string)[] members) => IamFixture.SendAsync(server, http, root, action, members);

        Task<IamAnswer> DetailsAsync() => SendAsync("GetAccountAuthorizationDetails");
    }

    [Fact]
    public async Task Every_fault_is_told_with_its_path_and_nothing_is_changed()
    {
        const string Faulty =
            """
            { "accounts": {
              "12": {},
              "123456789012": {
                "extra": 1,
                "policies": [{ "name": "a b", "document": { "Statement": { "Effect": "Perhaps", "Action": "ecr:*" } } }, { "document": {} }],
                "users": [{ "name": "anna", "accessKeys": [{ "accessKeyId": "AKIABOOTSTRAPEXAMPLE", "secretAccessKeyVariable": "NOT_SET_AT_ALL", "secretAccessKey": "x" }] }, { "name": "ANNA", "tags": { "aws:x": 1 } }],
                "roles": [{ "name": "r", "maxSessionDuration": 5 }],
                "oidcProviders": [{ "url": "http://elsewhere.example", "thumbprints": ["zz"] }]
              } } }
            """;
        var (exit, error) = await ServeAsync(Faulty);
        Assert.Equal(2, exit);
        foreach (var expected in new[]
        {
            "accounts.12: an account is twelve digits.",
            "accounts.123456789012.extra: there is no such member",
            "accounts.123456789012.policies[0].document: Statement[0].Effect: must be Allow or Deny.",
            "accounts.123456789012.policies[0]: PolicyName: Member must satisfy regular expression pattern",
            "accounts.123456789012.policies[1].name: must be given.",
            "accounts.123456789012.users[0].accessKeys[0].secretAccessKey: there is no such member",
            "accounts.123456789012.users[0].accessKeys[0].secretAccessKeyVariable: the environment variable NOT_SET_AT_ALL is not set.",
            "accounts.123456789012.users[1]: accounts.123456789012.users[0] has the same name.",
            "accounts.123456789012.users[1].tags.aws:x: must be a text.",
            "accounts.123456789012.roles[0].trustPolicy: must be given.",
            "accounts.123456789012.roles[0]: MaxSessionDuration: Member must have value greater than or equal to 3600.",
            "accounts.123456789012.oidcProviders[0].url: must be https without query.",
            "accounts.123456789012.oidcProviders[0]: A thumbprint is the SHA-1",
        })
            Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_example_in_the_documentation_has_no_fault()
    {
        var text = System.IO.File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs/operate/access.md"));
        var example = text.Split("```json\n")[1..].Select(block => block.Split("\n```")[0]).Single(block => block.Contains("\"accounts\"", StringComparison.Ordinal));
        var (accounts, faults) = Longshore.Server.Iam.Bootstrap.BootstrapReader.Read(System.Text.Encoding.UTF8.GetBytes(example), name => name == "ANNA_SECRET" ? Secret : null);
        Assert.Empty(faults);
        Assert.Equal(["developers", "anna", "ci"], Assert.Single(accounts).Entities.Select(entity => entity.Name));
    }

    [Fact]
    public async Task What_refers_to_nothing_is_told_and_undone()
    {
        const string Faulty =
            """
            { "accounts": { "123456789012": {
              "users": [
                { "name": "anna", "policies": ["nowhere", "arn:aws:iam::999999999999:policy/foreign"], "groups": ["nobody"], "permissionsBoundary": "nothing" },
                { "name": "berta", "accessKeys": [{ "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKeyVariable": "ANNA_SECRET" }] }
              ] } } }
            """;
        using var data = new TemporaryDirectory("bootstrap-data");
        var (exit, error) = await ServeAsync(Faulty, data.Path);
        Assert.Equal(2, exit);
        Assert.Contains("users[0].policies[0]: there is no policy nowhere.", error, StringComparison.Ordinal);
        Assert.Contains("users[0].policies[1]: there is no policy arn:aws:iam::999999999999:policy/foreign.", error, StringComparison.Ordinal);
        Assert.Contains("users[0].groups[0]: The group with name nobody cannot be found.", error, StringComparison.Ordinal);
        Assert.Contains("users[0].permissionsBoundary: there is no policy nothing.", error, StringComparison.Ordinal);
        Assert.Contains("users[1].accessKeys[0]: access key AKIAIOSFODNN7EXAMPLE belongs to another principal.", error, StringComparison.Ordinal);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = data.Path }, Token);
        Assert.Empty((await IamFixture.SendAsync(server, http, (server.Options.AccessKeyId, server.Options.SecretAccessKey), "ListUsers")).All("UserName"));
    }

    private static async Task<(int Exit, string Error)> ServeAsync(string json, string? data = null)
    {
        using var directory = new TemporaryDirectory("bootstrap");
        var file = directory.Combine("access.json");
        await System.IO.File.WriteAllTextAsync(file, json, Token);
        var result = await CommandRunner.TryRunAsync(
            LongshoreProcess.BinaryPath(),
            ["serve", "--listen", "http://127.0.0.1:0", "--data", data ?? directory.Combine("data"), "--bootstrap", file],
            Token,
            new Dictionary<string, string?>(Environment) { ["LONGSHORE_ROOT_ACCESS_KEY_ID"] = "AKIAIOSFODNN7EXAMPLE", ["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" });
        return (result.ExitCode, result.StandardError);
    }

    private static string WithoutRequestId(string xml) => System.Text.RegularExpressions.Regex.Replace(xml, "<RequestId>.*?</RequestId>", "");
}
