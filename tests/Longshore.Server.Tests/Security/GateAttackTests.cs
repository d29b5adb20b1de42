using System.Net;
using System.Text;
using System.Text.Json;
using Longshore.Server.Tests.BadInput;

namespace Longshore.Server.Tests.Security;

/// <summary>One server for all attacks; every test has users, accounts and repositories of its own.</summary>
public sealed class GateAttackFixture : IAsyncLifetime
{
    private AttackedRegistry? registry;

    internal AttackedRegistry Registry => registry ?? throw new InvalidOperationException("The fixture has not started.");

    public async ValueTask InitializeAsync() => registry = await AttackedRegistry.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (registry is not null) await registry.DisposeAsync();
    }
}

/// <summary>Callers who have something and want more: the gate stops them on every face.</summary>
public sealed class GateAttackTests(GateAttackFixture fixture) : IClassFixture<GateAttackFixture>
{
    private const string Pull = "ecr:BatchGetImage,ecr:GetDownloadUrlForLayer,ecr:BatchCheckLayerAvailability";
    private const string Push = Pull + ",ecr:InitiateLayerUpload,ecr:UploadLayerPart,ecr:CompleteLayerUpload,ecr:PutImage";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private AttackedRegistry Registry => fixture.Registry;

    [Fact]
    public async Task Path_that_climbs_out_of_a_granted_prefix_reaches_nothing()
    {
        await Registry.PushAsync("climb-a/app", "v1", 10);
        await Registry.PushAsync("climb-b/app", "v1", 11);
        var password = await Registry.LogInAsync(await Registry.UserAsync("climber", AttackedRegistry.Allow("ecr:*", AttackedRegistry.Arn("climb-a/*"))));
        Assert.Equal(HttpStatusCode.OK, (await Registry.OciAsync(password, HttpMethod.Get, "v2/climb-a/app/manifests/v1")).Status);
        string[] climbs =
        [
            "climb-b/app", "climb-a/../climb-b/app", "climb-a/%2e%2e/climb-b/app", "climb-a%2f..%2fclimb-b/app", "climb-a/./../climb-b/app", "climb-a//climb-b/app", "climb-a/..%2fclimb-b/app",
            "climb-a/app/../../climb-b/app", "climb-a/app%2f..%2f..%2fclimb-b/app", "climb-a\\..\\climb-b/app", "climb-a/;/../climb-b/app", "%63limb-b/app", "climb-a/*", "climb-?/app", "climb-a*/app",
        ];
        var authorization = "Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + password)) + "\n";
        foreach (var climb in climbs)
        {
            foreach (var tail in (string[])["manifests/v1", "tags/list", "blobs/sha256:" + new string('0', 64)])
            {
                var answer = await RawHttp.ExchangeAsync(Registry.Live.BaseAddress, RawHttp.Request($"GET /v2/{climb}/{tail} HTTP/1.1", authorization), Token);
                Assert.True(RawHttp.Statuses(answer) is [>= 400 and < 500], $"{climb}: {answer}");
            }
        }
    }

    [Theory]
    [InlineData("near/app", "nearby/app")]
    [InlineData("near/app", "near/app2")]
    [InlineData("near/app", "near/app/sub")]
    [InlineData("near/app", "near/ap")]
    public async Task Grant_of_a_name_is_no_grant_of_its_neighbours(string granted, string neighbour)
    {
        await Registry.PushAsync(neighbour, "v1", 12);
        var password = await Registry.LogInAsync(await Registry.UserAsync("near-" + neighbour.Replace('/', '-'), AttackedRegistry.Allow("ecr:*", AttackedRegistry.Arn(granted))));
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Get, $"v2/{neighbour}/manifests/v1")).Status);
    }

    [Fact]
    public async Task Grant_in_another_region_or_account_or_partition_is_no_grant_here()
    {
        await Registry.PushAsync("elsewhere/app", "v1", 13);
        string[] arns =
        [
            "arn:aws:ecr:eu-west-1:123456789012:repository/elsewhere/app", "arn:aws:ecr:us-east-1:999999999999:repository/elsewhere/app", "arn:aws-cn:ecr:us-east-1:123456789012:repository/elsewhere/app",
            "arn:aws:s3:us-east-1:123456789012:repository/elsewhere/app", "arn:aws:ecr:us-east-1:123456789012:elsewhere/app", "arn:aws:ecr:us-east-1:123456789012:repository/ELSEWHERE/app",
            "arn:aws:ecr:us-east-1:123456789012:repository/../repository/elsewhere/app", "arn:aws:ecr:us-east-1:123456789012:repository//elsewhere/app",
        ];
        for (var i = 0; i < arns.Length; i++)
        {
            var key = await Registry.UserAsync($"elsewhere-{i}", AttackedRegistry.Allow(Pull, arns[i]));
            Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(await Registry.LogInAsync(key), HttpMethod.Get, "v2/elsewhere/app/manifests/v1")).Status);
        }
    }

    [Fact]
    public async Task Layer_of_a_repository_that_may_not_be_read_is_neither_mounted_nor_named()
    {
        var secret = await Registry.PushAsync("hidden/app", "v1", 14);
        await Registry.PushAsync("robber/app", "v1", 15);
        var password = await Registry.LogInAsync(await Registry.UserAsync("robber", AttackedRegistry.Allow(Push, AttackedRegistry.Arn("robber/app"))));
        var layer = secret.Blobs[^1].Digest;
        foreach (var from in (string[])["&from=hidden/app", "", "&from=robber/app", "&from=hidden%2Fapp"])
        {
            var answer = await Registry.OciAsync(password, HttpMethod.Post, $"v2/robber/app/blobs/uploads/?mount={layer}{from}");
            Assert.NotEqual(HttpStatusCode.Created, answer.Status);
            Assert.Equal(HttpStatusCode.NotFound, (await Registry.OciAsync(password, HttpMethod.Head, $"v2/robber/app/blobs/{layer}")).Status);
        }

        // Nor does an image that names it make it this repository's.
        var named = await Registry.OciAsync(password, HttpMethod.Put, "v2/robber/app/manifests/stolen", request =>
        {
            request.Content = new ByteArrayContent(secret.Content);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", secret.MediaType);
        });
        Assert.Equal(HttpStatusCode.NotFound, named.Status);
        Assert.Contains("MANIFEST_BLOB_UNKNOWN", named.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Denial_is_the_same_whether_the_thing_exists_or_not()
    {
        await Registry.PushAsync("oracle/yes", "v1", 16);
        var key = await Registry.UserAsync("oracle", AttackedRegistry.Allow(Pull, AttackedRegistry.Arn("elsewhere-only")));
        var password = await Registry.LogInAsync(key);
        foreach (var tail in (string[])["manifests/v1", "manifests/none", "blobs/sha256:" + new string('0', 64), "tags/list"])
        {
            var (there, missing) = (await Registry.OciAsync(password, HttpMethod.Get, $"v2/oracle/yes/{tail}"), await Registry.OciAsync(password, HttpMethod.Get, $"v2/oracle/not/{tail}"));
            Assert.Equal(HttpStatusCode.Forbidden, there.Status);
            Assert.Equal(there.Status, missing.Status);
            Assert.Equal(there.Text, missing.Text.Replace("oracle/not", "oracle/yes", StringComparison.Ordinal));
        }

        var (described, undescribed) = (await Registry.EcrAsync(key, "DescribeImages", new { repositoryName = "oracle/yes" }), await Registry.EcrAsync(key, "DescribeImages", new { repositoryName = "oracle/not" }));
        Assert.Equal(described.Text, undescribed.Text.Replace("oracle/not", "oracle/yes", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Head_of_what_is_denied_has_no_body_and_says_no_size()
    {
        await Registry.PushAsync("headless/app", "v1", 17);
        var password = await Registry.LogInAsync(await Registry.UserAsync("headless", AttackedRegistry.Allow(Pull, AttackedRegistry.Arn("other"))));
        var answer = await Registry.OciAsync(password, HttpMethod.Head, "v2/headless/app/manifests/v1");
        Assert.Equal((HttpStatusCode.Forbidden, ""), (answer.Status, answer.Text));
        Assert.False(answer.Headers.Contains("Docker-Content-Digest"));
    }

    [Fact]
    public async Task Denial_of_one_face_is_a_denial_of_the_other()
    {
        var image = await Registry.PushAsync("twofaced/app", "v1", 18);
        var policy = $$"""
            {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"},
            {"Effect":"Deny","Action":["ecr:BatchDeleteImage","ecr:PutImage","ecr:GetDownloadUrlForLayer","ecr:DeleteRepository"],"Resource":"{{AttackedRegistry.Arn("twofaced/*")}}"}]}
            """;
        var key = await Registry.UserAsync("twofaced", policy);
        var password = await Registry.LogInAsync(key);
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Delete, $"v2/twofaced/app/manifests/{image.Digest}")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Get, $"v2/twofaced/app/blobs/{image.Blobs[^1].Digest}")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Put, "v2/twofaced/app/manifests/v2", request => request.Content = new ByteArrayContent(image.Content))).Status);
        (string, object)[] calls =
        [
            ("BatchDeleteImage", new { repositoryName = "twofaced/app", imageIds = new[] { new { imageTag = "v1" } } }), ("DeleteRepository", new { repositoryName = "twofaced/app", force = true }),
            ("PutImage", new { repositoryName = "twofaced/app", imageManifest = Encoding.UTF8.GetString(image.Content), imageTag = "v2" }),
            ("GetDownloadUrlForLayer", new { repositoryName = "twofaced/app", layerDigest = image.Blobs[^1].Digest }),
        ];
        foreach (var (operation, input) in calls)
            Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(key, operation, input)).Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Registry.OciAsync(password, HttpMethod.Get, "v2/twofaced/app/manifests/v1")).Status);
    }

    [Fact]
    public async Task Users_variable_opens_no_other_users_repositories()
    {
        var policy = AttackedRegistry.Allow(Pull, AttackedRegistry.Arn("homes/${aws:username}/*"));
        await Registry.PushAsync("homes/bo/app", "v1", 19);
        await Registry.PushAsync("homes/bob/app", "v1", 20);
        await Registry.PushAsync("homes/b/o/app", "v1", 21);
        var password = await Registry.LogInAsync(await Registry.UserAsync("bo", policy));
        Assert.Equal(HttpStatusCode.OK, (await Registry.OciAsync(password, HttpMethod.Get, "v2/homes/bo/app/manifests/v1")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Get, "v2/homes/bob/app/manifests/v1")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Get, "v2/homes/b/o/app/manifests/v1")).Status);
        // Names and tag values that would be patterns or variables cannot be given.
        foreach (var name in (string[])["*", "b*", "b?", "${aws:username}", "b/../bob", "bob/app", "b$"])
            Assert.NotEqual(HttpStatusCode.OK, (await Registry.FormAsync(Registry.Root, "iam", "CreateUser", ("UserName", name))).Status);
        foreach (var value in (string[])["*", "b?b", "${aws:username}"])
            Assert.NotEqual(HttpStatusCode.OK, (await Registry.FormAsync(Registry.Root, "iam", "TagUser", ("UserName", "bo"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", value))).Status);
    }

    [Fact]
    public async Task Variable_without_a_value_grants_nothing_and_still_denies()
    {
        await Registry.PushAsync("valueless/app", "v1", 22);
        var granted = await Registry.LogInAsync(await Registry.UserAsync("valueless-1", AttackedRegistry.Allow(Pull, AttackedRegistry.Arn("${aws:PrincipalTag/team}/*").Replace("${aws:PrincipalTag/team}/", "valueless${aws:PrincipalTag/team}/", StringComparison.Ordinal))));
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(granted, HttpMethod.Get, "v2/valueless/app/manifests/v1")).Status);
    }

    [Fact]
    public async Task Address_and_scheme_that_a_client_writes_itself_count_for_nothing()
    {
        await Registry.PushAsync("located/app", "v1", 23);
        var byAddress = await Registry.UserAsync("by-address", AttackedRegistry.Allow("ecr:*", "*", """{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"""));
        var byScheme = await Registry.UserAsync("by-scheme", AttackedRegistry.Allow("ecr:*", "*", """{"Bool":{"aws:SecureTransport":"true"}}"""));
        foreach (var key in new[] { byAddress, byScheme })
        {
            var password = await Registry.LogInAsync(key);
            var answer = await Registry.OciAsync(password, HttpMethod.Get, "v2/located/app/manifests/v1", request =>
            {
                request.Headers.TryAddWithoutValidation("X-Forwarded-For", "203.0.113.5");
                request.Headers.TryAddWithoutValidation("X-Real-IP", "203.0.113.5");
                request.Headers.TryAddWithoutValidation("Forwarded", "for=203.0.113.5;proto=https");
                request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", "https");
                request.Headers.TryAddWithoutValidation("Front-End-Https", "on");
                request.Headers.TryAddWithoutValidation("aws:SourceIp", "203.0.113.5");
            });
            Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
        }
    }

    [Fact]
    public async Task Trusted_proxy_speaks_for_its_clients_and_no_client_for_itself()
    {
        await using var registry = await AttackedRegistry.StartAsync("--trusted-proxies", "127.0.0.0/8");
        await registry.PushAsync("located/app", "v1", 24);
        var password = await registry.LogInAsync(await registry.UserAsync("by-address", AttackedRegistry.Allow("ecr:*", "*", """{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}""")));
        async Task<HttpStatusCode> FromAsync(string forwarded) =>
            (await registry.OciAsync(password, HttpMethod.Get, "v2/located/app/manifests/v1", request => request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwarded))).Status;
        Assert.Equal(HttpStatusCode.OK, await FromAsync("203.0.113.5"));
        Assert.Equal(HttpStatusCode.OK, await FromAsync("8.8.8.8, 203.0.113.5, 127.0.0.9"));
        Assert.Equal(HttpStatusCode.Forbidden, await FromAsync("203.0.113.5, 8.8.8.8"));
        Assert.Equal(HttpStatusCode.Forbidden, await FromAsync("203.0.113.5, nonsense"));
    }

    [Fact]
    public async Task Policy_that_would_lock_its_author_out_is_refused_and_root_can_always_take_one_back()
    {
        await Registry.PushAsync("locked/app", "v1", 25);
        const string Deny = """{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:*"}]}""";
        var admin = await Registry.UserAsync("locker", AttackedRegistry.Allow("ecr:*", "*"));
        var refused = await Registry.EcrAsync(admin, "SetRepositoryPolicy", new { repositoryName = "locked/app", policyText = Deny });
        Assert.Contains("InvalidParameterException", refused.Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(admin, "SetRepositoryPolicy", new { repositoryName = "locked/app", policyText = Deny, force = true })).Status);
        Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(admin, "DeleteRepositoryPolicy", new { repositoryName = "locked/app" })).Text, StringComparison.Ordinal);
        Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(Registry.Root, "DescribeImages", new { repositoryName = "locked/app" })).Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(Registry.Root, "DeleteRepositoryPolicy", new { repositoryName = "locked/app" })).Status);
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(admin, "DescribeImages", new { repositoryName = "locked/app" })).Status);
    }

    [Fact]
    public async Task Boundary_holds_whatever_its_user_is_granted()
    {
        await Registry.DoAsync(Registry.Root, "iam", "CreatePolicy", ("PolicyName", "bounds"), ("PolicyDocument", AttackedRegistry.Allow("ecr:Describe*,iam:PutUserPolicy", "*")));
        var key = await Registry.UserAsync("bounded", AttackedRegistry.Allow("*", "*"));
        await Registry.DoAsync(Registry.Root, "iam", "PutUserPermissionsBoundary", ("UserName", "bounded"), ("PermissionsBoundary", $"arn:aws:iam::{AttackedRegistry.Account}:policy/bounds"));
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(key, "DescribeRepositories", new { })).Status);
        Assert.Equal(HttpStatusCode.OK, (await Registry.FormAsync(key, "iam", "PutUserPolicy", ("UserName", "bounded"), ("PolicyName", "more"), ("PolicyDocument", AttackedRegistry.Allow("*", "*")))).Status);
        foreach (var action in (string[])["DeleteUserPermissionsBoundary", "CreateAccessKey"])
            Assert.Equal(HttpStatusCode.Forbidden, (await Registry.FormAsync(key, "iam", action, ("UserName", "bounded"))).Status);
        Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(key, "CreateRepository", new { repositoryName = "bounded/x" })).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_of_a_disabled_key_or_a_deleted_user_is_useless_at_once()
    {
        await Registry.PushAsync("leaver/app", "v1", 26);
        foreach (var how in (string[])["disable", "delete key", "delete user", "policy"])
        {
            var name = "leaver-" + how.Replace(' ', '-');
            var key = await Registry.UserAsync(name, AttackedRegistry.Allow(Pull, "*"));
            var password = await Registry.LogInAsync(key);
            Assert.Equal(HttpStatusCode.OK, (await Registry.OciAsync(password, HttpMethod.Get, "v2/leaver/app/manifests/v1")).Status);
            if (how == "disable") await Registry.DoAsync(Registry.Root, "iam", "UpdateAccessKey", ("UserName", name), ("AccessKeyId", key.Id), ("Status", "Inactive"));
            if (how.StartsWith("delete", StringComparison.Ordinal)) await Registry.DoAsync(Registry.Root, "iam", "DeleteAccessKey", ("UserName", name), ("AccessKeyId", key.Id));
            if (how is "delete user" or "policy") await Registry.DoAsync(Registry.Root, "iam", "DeleteUserPolicy", ("UserName", name), ("PolicyName", "p"));
            if (how == "delete user") await Registry.DoAsync(Registry.Root, "iam", "DeleteUser", ("UserName", name));
            var after = await Registry.OciAsync(password, HttpMethod.Get, "v2/leaver/app/manifests/v1");
            Assert.Equal(how == "policy" ? HttpStatusCode.Forbidden : HttpStatusCode.Unauthorized, after.Status);
            Assert.NotEqual(HttpStatusCode.OK, (await Registry.EcrAsync(key, "DescribeImages", new { repositoryName = "leaver/app" })).Status);
        }

        // A user of the same name is another one: its predecessor's token does not come to life.
        var first = await Registry.UserAsync("phoenix", AttackedRegistry.Allow(Pull, "*"));
        var old = await Registry.LogInAsync(first);
        await Registry.DoAsync(Registry.Root, "iam", "DeleteAccessKey", ("UserName", "phoenix"), ("AccessKeyId", first.Id));
        await Registry.DoAsync(Registry.Root, "iam", "DeleteUserPolicy", ("UserName", "phoenix"), ("PolicyName", "p"));
        await Registry.DoAsync(Registry.Root, "iam", "DeleteUser", ("UserName", "phoenix"));
        await Registry.UserAsync("phoenix", AttackedRegistry.Allow(Pull, "*"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await Registry.OciAsync(old, HttpMethod.Get, "v2/leaver/app/manifests/v1")).Status);
    }

    [Fact]
    public async Task Another_account_needs_both_sides_and_gets_no_more_than_both_give()
    {
        const string Other = "310000000001";
        await Registry.PushAsync("shared/app", "v1", 27);
        var made = await Registry.OciAsync(Registry.Live.Password, HttpMethod.Post, "longshore/v1/accounts", request =>
            request.Content = new StringContent("{\"account\":\"" + Other + "\"}", Encoding.UTF8, "application/json"));
        var account = JsonDocument.Parse(made.Text).RootElement;
        var root = new Key(account.GetProperty("accessKeyId").GetString()!, account.GetProperty("secretAccessKey").GetString()!);
        var user = await Registry.UserAsync("guest", AttackedRegistry.Allow(Pull, "*"), root);
        var mute = await Registry.UserAsync("mute", AttackedRegistry.Allow("sts:GetCallerIdentity", "*"), root);
        var input = new { registryId = AttackedRegistry.Account, repositoryName = "shared/app", imageIds = new[] { new { imageTag = "v1" } } };
        foreach (var key in new[] { root, user, mute })
            Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(key, "BatchGetImage", input)).Text, StringComparison.Ordinal);

        var policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"" + Other + "\"},\"Action\":[\"ecr:BatchGetImage\"]}]}";
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(Registry.Root, "SetRepositoryPolicy", new { repositoryName = "shared/app", policyText = policy })).Status);
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(root, "BatchGetImage", input)).Status);
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(user, "BatchGetImage", input)).Status);
        Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(mute, "BatchGetImage", input)).Text, StringComparison.Ordinal);
        // Theirs is no right to write, to change the policy, or to anything else here.
        foreach (var (operation, body) in new (string, object)[]
        {
            ("PutImage", new { registryId = AttackedRegistry.Account, repositoryName = "shared/app", imageManifest = "{}", imageTag = "x" }),
            ("SetRepositoryPolicy", new { registryId = AttackedRegistry.Account, repositoryName = "shared/app", policyText = policy }),
            ("DeleteRepository", new { registryId = AttackedRegistry.Account, repositoryName = "shared/app", force = true }),
            ("DescribeRepositories", new { registryId = AttackedRegistry.Account }),
            ("BatchGetImage", new { registryId = AttackedRegistry.Account, repositoryName = "leaver/app", imageIds = new[] { new { imageTag = "v1" } } }),
        })
            Assert.Contains("AccessDeniedException", (await Registry.EcrAsync(root, operation, body)).Text, StringComparison.Ordinal);
        // A token names its holder's own registry; the host name asks for another, and is denied all the same.
        var password = await Registry.LogInAsync(user);
        var asked = await Registry.OciAsync(password, HttpMethod.Get, "v2/leaver/app/manifests/v1", request => request.Headers.Host = $"{AttackedRegistry.Account}.dkr.ecr.us-east-1.amazonaws.com");
        Assert.Equal(HttpStatusCode.Forbidden, asked.Status);
    }

    [Fact]
    public async Task Listing_and_making_repositories_are_rights_of_their_own()
    {
        var key = await Registry.UserAsync("lister", AttackedRegistry.Allow(Push, AttackedRegistry.Arn("lister/*")));
        var password = await Registry.LogInAsync(key);
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Get, "v2/_catalog")).Status);
        // The server makes repositories on push, for those who may make them.
        Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Post, "v2/lister/new/blobs/uploads/")).Status);
        Assert.Contains("RepositoryNotFoundException", (await Registry.EcrAsync(Registry.Root, "DescribeImages", new { repositoryName = "lister/new" })).Text, StringComparison.Ordinal);
        foreach (var path in (string[])["longshore/v1/trail", "longshore/v1/settings", "longshore/v1/collection", "longshore/v1/recycle-bin?repository=lister/x", "longshore/v1/accounts"])
            Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(password, HttpMethod.Get, path)).Status);
    }
}
