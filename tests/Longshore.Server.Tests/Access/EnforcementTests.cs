using System.Net;
using System.Text;
using System.Text.Json;
using Longshore.Server.Tests.Iam;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Access;

/// <summary>Policies as they are felt by clients: identity, repository and registry policies, conditions, other accounts.</summary>
public sealed class EnforcementTests(IamFixture iam) : IClassFixture<IamFixture>
{
    private const string Account = IamFixture.Account;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Arn(string repository) => $"arn:aws:ecr:us-east-1:{Account}:repository/{repository}";

    [Fact]
    public async Task A_user_with_pull_only_pulls_and_is_told_why_a_push_is_denied()
    {
        var (repository, image) = await PushedAsync();
        var (name, key) = await iam.NewUserWithKeyAsync();
        await iam.CallAsync("AttachUserPolicy", ("UserName", name), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"));
        using var client = await LoginAsync(key);
        await client.VerifyImageAsync(repository, image, "latest", Token);
        var push = await client.SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/", Token);
        Assert.Equal(HttpStatusCode.Forbidden, push.Status);
        Assert.Equal(
            $"User: arn:aws:iam::{Account}:user/{name} is not authorized to perform: ecr:InitiateLayerUpload on resource: {Arn(repository)} because no identity-based policy allows the ecr:InitiateLayerUpload action",
            (string?)push.Json["errors"]![0]!["message"]);
        var delete = await client.DeleteManifestAsync(repository, image.Digest, Token);
        Assert.Equal(HttpStatusCode.Forbidden, delete.Status);
        await client.VerifyImageAsync(repository, image, "latest", Token);
    }

    [Fact]
    public async Task A_repository_policy_alone_is_enough_in_the_same_account_and_a_denial_of_it_wins()
    {
        var (repository, image) = await PushedAsync();
        var (name, key) = await iam.NewUserWithKeyAsync(IamFixture.Document);
        using var client = await LoginAsync(key);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetManifestAsync(repository, "latest", Token)).Status);
        await SetPolicyAsync(repository, $$"""{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::{{Account}}:user/{{name}}"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability"]}]}""");
        await client.VerifyImageAsync(repository, image, "latest", Token);
        await SetPolicyAsync(
            repository,
            $$"""{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"},{"Sid":"No","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::{{Account}}:user/{{name}}"},"Action":"ecr:BatchGetImage"}]}""");
        var denied = await client.GetManifestAsync(repository, "latest", Token);
        Assert.Contains("with an explicit deny in a resource-based policy", (string?)denied.Json["errors"]![0]!["message"], StringComparison.Ordinal);
        var head = await client.HeadManifestAsync(repository, "latest", Token);
        Assert.Equal((HttpStatusCode.Forbidden, 0), (head.Status, head.Body.Length));
    }

    [Fact]
    public async Task Another_account_pulls_and_pushes_when_both_sides_allow_it_and_not_before()
    {
        var (repository, image) = await PushedAsync();
        var other = $"9{Random(11)}";
        var root = await iam.NewAccountAsync(other);
        await IamAsync(root, "CreateUser", ("UserName", "bob"));
        var created = await IamAsync(root, "CreateAccessKey", ("UserName", "bob"));
        var key = (created["AccessKeyId"], created["SecretAccessKey"]);
        await IamAsync(root, "PutUserPolicy", ("UserName", "bob"), ("PolicyName", "login"), ("PolicyDocument", IamFixture.Document));
        using var client = await LoginAsync(key, Account);

        Assert.Contains("because no identity-based policy allows", await MessageAsync(client, repository), StringComparison.Ordinal);
        await IamAsync(root, "PutUserPolicy", ("UserName", "bob"), ("PolicyName", "all"), ("PolicyDocument", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}"""));
        Assert.Contains("because no resource-based policy allows", await MessageAsync(client, repository), StringComparison.Ordinal);
        await SetPolicyAsync(
            repository,
            $$"""{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::{{other}}:root"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability"]}]}""");
        await client.VerifyImageAsync(repository, image, "latest", Token);
        var next = TestImage.Create(41_000, 3000);
        var refused = await client.SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/", Token);
        Assert.Equal(HttpStatusCode.Forbidden, refused.Status);
        await SetPolicyAsync(repository, $$"""{"Statement":[{"Effect":"Allow","Principal":{"AWS":"{{other}}"},"Action":"ecr:*"}]}""", force: true);
        await client.PushImageAsync(repository, next, "theirs", Token);
        await client.VerifyImageAsync(repository, next, "theirs", Token);

        // The API: registryId names the other registry; without it the caller's own has no such repository.
        using var ecr = new EcrClient(iam.Server.BaseAddress, key.Item1, key.Item2);
        var described = await ecr.InvokeAsync("DescribeImages", $$"""{"registryId":"{{Account}}","repositoryName":"{{repository}}"}""", Token);
        Assert.Equal(2, described.GetProperty("imageDetails").GetArrayLength());
        using var own = await ecr.CallAsync("DescribeImages", $$"""{"repositoryName":"{{repository}}"}""", Token);
        Assert.Equal("RepositoryNotFoundException", own.ErrorType);
        Assert.Equal(repository, Assert.Single((await MineAsync(repository)).EnumerateArray()).GetProperty("repositoryName").GetString());
    }

    [Fact]
    public async Task A_registry_policy_grants_to_another_account_within_its_scope()
    {
        var other = $"8{Random(11)}";
        var root = await iam.NewAccountAsync(other);
        using var theirs = new EcrClient(iam.Server.BaseAddress, root.Id, root.Secret, "eu-central-1");
        using var mine = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey, "eu-central-1");
        await mine.CreateRepositoryAsync("shared/app", Token);
        using (var none = await mine.CallAsync("GetRegistryPolicy", "{}", Token)) Assert.Equal("RegistryPolicyNotFoundException", none.ErrorType);
        var list = $$"""{"registryId":"{{Account}}","repositoryName":"shared/app"}""";
        var create = $$"""{"registryId":"{{Account}}","repositoryName":"shared/theirs"}""";
        using (var denied = await theirs.CallAsync("ListImages", list, Token)) Assert.Equal("AccessDeniedException", denied.ErrorType);

        var policy = $$"""{"Version":"2012-10-17","Statement":[{"Sid":"Share","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::{{other}}:root"},"Action":["ecr:ListImages","ecr:CreateRepository"],"Resource":"arn:aws:ecr:eu-central-1:{{Account}}:repository/shared/*"}]}""";
        await mine.InvokeAsync("PutRegistryPolicy", JsonSerializer.Serialize(new { policyText = policy }), Token);
        Assert.Equal(policy, (await mine.InvokeAsync("GetRegistryPolicy", "{}", Token)).GetProperty("policyText").GetString());
        await theirs.InvokeAsync("ListImages", list, Token);

        await mine.InvokeAsync("PutAccountSetting", """{"name":"REGISTRY_POLICY_SCOPE","value":"V1"}""", Token);
        using (var denied = await theirs.CallAsync("ListImages", list, Token)) Assert.Equal("AccessDeniedException", denied.ErrorType);
        await theirs.InvokeAsync("CreateRepository", create, Token);
        using (var denied = await theirs.CallAsync("CreateRepository", $$"""{"registryId":"{{Account}}","repositoryName":"private/theirs"}""", Token)) Assert.Equal("AccessDeniedException", denied.ErrorType);

        await mine.InvokeAsync("PutAccountSetting", """{"name":"REGISTRY_POLICY_SCOPE","value":"V2"}""", Token);
        await theirs.InvokeAsync("ListImages", list, Token);
        await mine.InvokeAsync("DeleteRegistryPolicy", "{}", Token);
        using (var denied = await theirs.CallAsync("ListImages", list, Token)) Assert.Equal("AccessDeniedException", denied.ErrorType);
        using (var bad = await mine.CallAsync("PutRegistryPolicy", """{"policyText":"{\"Statement\":[{\"Effect\":\"Maybe\"}]}"}""", Token))
        {
            Assert.Equal("InvalidParameterException", bad.ErrorType);
            Assert.Contains("'Invalid registry policy provided'", bad.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_policy_that_locks_its_author_out_needs_force_and_root_takes_it_back()
    {
        var repository = await NewRepositoryAsync();
        var (_, key) = await iam.NewUserWithKeyAsync("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}""");
        using var user = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        const string Lock = """{"Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:*"}]}""";
        using (var refused = await user.CallAsync("SetRepositoryPolicy", Body(repository, Lock, force: false), Token))
        {
            Assert.Equal("InvalidParameterException", refused.ErrorType);
            Assert.Contains("prevent you from setting another policy", refused.Text, StringComparison.Ordinal);
        }

        using (var none = await user.CallAsync("GetRepositoryPolicy", Body(repository), Token)) Assert.Equal("RepositoryPolicyNotFoundException", none.ErrorType);
        await user.InvokeAsync("SetRepositoryPolicy", Body(repository, Lock, force: true), Token);
        foreach (var operation in new[] { "GetRepositoryPolicy", "DeleteRepositoryPolicy", "ListImages" })
        {
            using var denied = await user.CallAsync(operation, Body(repository), Token);
            Assert.Equal("AccessDeniedException", denied.ErrorType);
        }

        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        using (var bound = await root.CallAsync("ListImages", Body(repository), Token)) Assert.Equal("AccessDeniedException", bound.ErrorType);
        Assert.Equal(Lock, (await root.InvokeAsync("DeleteRepositoryPolicy", Body(repository), Token)).GetProperty("policyText").GetString());
        await user.InvokeAsync("ListImages", Body(repository), Token);
        using var missing = await root.CallAsync("SetRepositoryPolicy", Body("no/such", Lock, force: true), Token);
        Assert.Equal("RepositoryNotFoundException", missing.ErrorType);
    }

    [Fact]
    public async Task Tags_of_resources_and_requests_are_conditions()
    {
        var (_, key) = await iam.NewUserWithKeyAsync(
            """
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":["ecr:ListImages","ecr:TagResource","ecr:UntagResource"],"Resource":"*","Condition":{"StringEquals":{"ecr:ResourceTag/team":"red"}}},
              {"Effect":"Allow","Action":"ecr:CreateRepository","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team","stage"]}}},
              {"Effect":"Deny","Action":"ecr:UntagResource","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}}]}
            """);
        using var user = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        var name = iam.NewName("tags/app");
        var arn = Arn(name);
        await DeniedAsync(user, "CreateRepository", $$"""{"repositoryName":"{{name}}"}""");
        await DeniedAsync(user, "CreateRepository", $$"""{"repositoryName":"{{name}}","tags":[{"Key":"team","Value":"blue"}]}""");
        await DeniedAsync(user, "CreateRepository", $$"""{"repositoryName":"{{name}}","tags":[{"Key":"team","Value":"red"},{"Key":"other","Value":"x"}]}""");
        await user.InvokeAsync("CreateRepository", $$"""{"repositoryName":"{{name}}","tags":[{"Key":"team","Value":"red"},{"Key":"stage","Value":"x"}]}""", Token);
        await user.InvokeAsync("ListImages", Body(name), Token);
        await DeniedAsync(user, "UntagResource", $$"""{"resourceArn":"{{arn}}","tagKeys":["stage","team"]}""");
        await user.InvokeAsync("UntagResource", $$"""{"resourceArn":"{{arn}}","tagKeys":["stage"]}""", Token);
        // The change of a tag is felt by the next call.
        await root.InvokeAsync("TagResource", $$"""{"resourceArn":"{{arn}}","tags":[{"Key":"team","Value":"blue"}]}""", Token);
        await DeniedAsync(user, "ListImages", Body(name));
        await root.InvokeAsync("TagResource", $$"""{"resourceArn":"{{arn}}","tags":[{"Key":"team","Value":"red"}]}""", Token);
        await user.InvokeAsync("ListImages", Body(name), Token);
        // A repository that takes the name of a deleted one has none of its tags.
        await root.InvokeAsync("DeleteRepository", Body(name), Token);
        await root.CreateRepositoryAsync(name, Token);
        await DeniedAsync(user, "ListImages", Body(name));
    }

    [Fact]
    public async Task Where_and_how_a_request_comes_are_conditions()
    {
        var repository = await NewRepositoryAsync();
        async Task<bool> AllowedAsync(string condition)
        {
            var (_, key) = await iam.NewUserWithKeyAsync($$"""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*","Condition":{{condition}} } }""");
            using var user = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
            using var answer = await user.CallAsync("ListImages", Body(repository), Token);
            return answer.Status == HttpStatusCode.OK;
        }

        Assert.True(await AllowedAsync("""{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"""));
        Assert.False(await AllowedAsync("""{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"""));
        Assert.True(await AllowedAsync("""{"Bool":{"aws:SecureTransport":"false"}}"""));
        Assert.False(await AllowedAsync("""{"Bool":{"aws:SecureTransport":"true"}}"""));
        Assert.True(await AllowedAsync("""{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2120-01-01T00:00:00Z"}}"""));
        Assert.False(await AllowedAsync("""{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"""));
        Assert.True(await AllowedAsync($$"""{"StringEquals":{"aws:PrincipalAccount":"{{Account}}","aws:RequestedRegion":"us-east-1","aws:PrincipalType":"User"} }"""));
        Assert.False(await AllowedAsync("""{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"""));
    }

    [Fact]
    public async Task Policy_variables_give_everybody_their_own_and_no_wildcards()
    {
        const string Own = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:ListImages","Resource":"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*"}}""";
        var (name, key) = await iam.NewUserWithKeyAsync(Own);
        using var user = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        var team = iam.NewName("team");
        await root.CreateRepositoryAsync($"{team}/app", Token);
        await DeniedAsync(user, "ListImages", Body($"{team}/app"));
        await iam.CallAsync("TagUser", ("UserName", name), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", team));
        await user.InvokeAsync("ListImages", Body($"{team}/app"), Token);
        await iam.CallAsync("TagUser", ("UserName", name), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", $"{team}/app:x"));
        await DeniedAsync(user, "ListImages", Body($"{team}/app"));
    }

    [Fact]
    public async Task A_boundary_bounds_and_a_group_gives()
    {
        var repository = await NewRepositoryAsync();
        var (name, key) = await iam.NewUserWithKeyAsync();
        using var user = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        var group = iam.NewName("group");
        await iam.CallAsync("CreateGroup", ("GroupName", group));
        await iam.CallAsync("PutGroupPolicy", ("GroupName", group), ("PolicyName", "all"), ("PolicyDocument", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}"""));
        await DeniedAsync(user, "ListImages", Body(repository));
        await iam.CallAsync("AddUserToGroup", ("GroupName", group), ("UserName", name));
        await user.InvokeAsync("ListImages", Body(repository), Token);
        var boundary = await iam.CallAsync(
            "CreatePolicy", ("PolicyName", iam.NewName("boundary")), ("PolicyDocument", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:Describe*","Resource":"*"}}"""));
        await iam.CallAsync("PutUserPermissionsBoundary", ("UserName", name), ("PermissionsBoundary", boundary["Arn"]));
        using (var bounded = await user.CallAsync("ListImages", Body(repository), Token)) Assert.Contains("because no permissions boundary allows the ecr:ListImages action", bounded.Text, StringComparison.Ordinal);
        await user.InvokeAsync("DescribeImages", Body(repository), Token);
        await iam.CallAsync("DeleteUserPermissionsBoundary", ("UserName", name));
        await user.InvokeAsync("ListImages", Body(repository), Token);
        await iam.CallAsync("RemoveUserFromGroup", ("GroupName", group), ("UserName", name));
        await DeniedAsync(user, "ListImages", Body(repository));
    }

    [Fact]
    public async Task A_login_ends_at_once_with_its_key_or_its_user()
    {
        var (repository, image) = await PushedAsync();
        var (name, key) = await iam.NewUserWithKeyAsync();
        await iam.CallAsync("AttachUserPolicy", ("UserName", name), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"));
        using var client = await LoginAsync(key);
        await client.VerifyImageAsync(repository, image, "latest", Token);
        await iam.CallAsync("UpdateAccessKey", ("UserName", name), ("AccessKeyId", key.Id), ("Status", "Inactive"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetManifestAsync(repository, "latest", Token)).Status);
        await iam.CallAsync("UpdateAccessKey", ("UserName", name), ("AccessKeyId", key.Id), ("Status", "Active"));
        await client.VerifyImageAsync(repository, image, "latest", Token);
        await iam.CallAsync("DetachUserPolicy", ("UserName", name), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"));
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetManifestAsync(repository, "latest", Token)).Status);
        await iam.CallAsync("DeleteAccessKey", ("UserName", name), ("AccessKeyId", key.Id));
        await iam.CallAsync("DeleteUser", ("UserName", name));
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetManifestAsync(repository, "latest", Token)).Status);
    }

    [Fact]
    public async Task A_mount_needs_the_right_to_read_its_source()
    {
        var (source, image) = await PushedAsync();
        var target = await NewRepositoryAsync();
        var (_, key) = await iam.NewUserWithKeyAsync(
            $$"""
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"},
              {"Effect":"Allow","Action":"ecr:*","Resource":"{{Arn(target)}}"}]}
            """);
        using var client = await LoginAsync(key);
        var layer = (string)image.Json["layers"]![0]!["digest"]!;
        Assert.Equal(HttpStatusCode.Accepted, (await client.MountBlobAsync(target, layer, source, Token)).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await client.MountBlobAsync(target, layer, null, Token)).Status);
        await SetPolicyAsync(source, """{"Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"ecr:GetDownloadUrlForLayer"}]}""");
        Assert.Equal(HttpStatusCode.Created, (await client.MountBlobAsync(target, layer, source, Token)).Status);
    }

    [Fact]
    public async Task A_template_gives_its_repository_policy_to_what_a_push_creates()
    {
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        var prefix = iam.NewName("made");
        const string Policy = """{"Statement":[{"Sid":"All","Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"ecr:ListImages"}]}""";
        await root.InvokeAsync("CreateRepositoryCreationTemplate", JsonSerializer.Serialize(new { prefix, appliedFor = new[] { "CREATE_ON_PUSH" }, repositoryPolicy = Policy }), Token);
        using var client = await LoginAsync((iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey));
        await client.PushImageAsync($"{prefix}/app", TestImage.Create(41_100, 2000), "latest", Token);
        Assert.Equal(Policy, (await root.InvokeAsync("GetRepositoryPolicy", Body($"{prefix}/app"), Token)).GetProperty("policyText").GetString());
        var (_, key) = await iam.NewUserWithKeyAsync();
        using var user = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        await user.InvokeAsync("ListImages", Body($"{prefix}/app"), Token);
    }

    private static async Task DeniedAsync(EcrClient client, string operation, string body)
    {
        using var answer = await client.CallAsync(operation, body, Token);
        Assert.True(answer.ErrorType == "AccessDeniedException", $"{operation} {body}: {answer}");
    }

    private static string Body(string repository) => JsonSerializer.Serialize(new { repositoryName = repository });

    private static string Body(string repository, string policyText, bool force) => JsonSerializer.Serialize(new { repositoryName = repository, policyText, force });

    private static string Random(int digits) => System.Security.Cryptography.RandomNumberGenerator.GetString("0123456789", digits);

    private static async Task<string> MessageAsync(OciClient client, string repository)
    {
        var answer = await client.GetManifestAsync(repository, "latest", Token);
        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
        return (string)answer.Json["errors"]![0]!["message"]!;
    }

    private async Task<IamAnswer> IamAsync((string Id, string Secret) key, string action, params (string Name, string Value)[] members)
    {
        var answer = await iam.SendAsync(action, key, members);
        Assert.True(answer.Status == HttpStatusCode.OK, $"{action}: {answer}");
        return answer;
    }

    private async Task<JsonElement> MineAsync(string repository)
    {
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        return (await root.InvokeAsync("DescribeRepositories", $$"""{"repositoryNames":["{{repository}}"]}""", Token)).GetProperty("repositories");
    }

    private async Task SetPolicyAsync(string repository, string policy, bool force = false)
    {
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        await root.InvokeAsync("SetRepositoryPolicy", Body(repository, policy, force), Token);
    }

    private async Task<string> NewRepositoryAsync()
    {
        using var root = new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey);
        var name = iam.NewName("access/app");
        await root.CreateRepositoryAsync(name, Token);
        return name;
    }

    private static int _images;

    private async Task<(string Repository, TestManifest Image)> PushedAsync()
    {
        var repository = await NewRepositoryAsync();
        // An image of its own: a layer that another test's repository shows everybody may be mounted from there.
        var image = TestImage.Create(41_200 + Interlocked.Increment(ref _images), 4000);
        using var client = await LoginAsync((iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey));
        await client.PushImageAsync(repository, image, "latest", Token);
        return (repository, image);
    }

    private async Task<OciClient> LoginAsync((string Id, string Secret) key, string? account = null)
    {
        using var ecr = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        var answer = await ecr.InvokeAsync("GetAuthorizationToken", account is null ? "{}" : $$"""{"registryIds":["{{account}}"]}""", Token);
        var token = answer.GetProperty("authorizationData")[0].GetProperty("authorizationToken").GetString()!;
        var login = Encoding.UTF8.GetString(Convert.FromBase64String(token)).Split(':', 2);
        return new OciClient(iam.Server.BaseAddress, login[0], login[1]);
    }
}
