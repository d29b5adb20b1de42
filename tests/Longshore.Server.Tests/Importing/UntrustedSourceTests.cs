using System.Net;
using System.Text;
using System.Text.Json;
using Longshore.Core;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Commands.Importing;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Importing;

/// <summary>Sources of <c>longshore import</c> that are broken, or mean ill: nothing hangs, no credentials leave, and who is at fault is told.</summary>
public sealed class UntrustedSourceTests
{
    private const string Manifest = """{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}""";
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private static readonly string ManifestDigest = Digest.Compute(Encoding.UTF8.GetBytes(Manifest)).Value;
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Redirects_are_followed_and_credentials_stay_at_the_registry()
    {
        await using var elsewhere = new FaultyRegistry(static (_, context) => Path(context).Contains("ask", StringComparison.Ordinal)
            ? FaultyRegistry.SendAsync(context, "", status: 401, headers: ("WWW-Authenticate", "Basic realm=\"x\""))
            : FaultyRegistry.SendAsync(context, Manifest, ManifestType));
        await using var registry = new FaultyRegistry((_, context) => context.Request.Headers["Authorization"] is null
            ? FaultyRegistry.SendAsync(context, "", status: 401, headers: ("WWW-Authenticate", "Basic realm=\"x\""))
            : FaultyRegistry.SendAsync(context, "", status: 307, headers: ("Location", Path(context) switch
            {
                var path when path.EndsWith("/file", StringComparison.Ordinal) => "file:///etc/passwd",
                var path when path.EndsWith("/round", StringComparison.Ordinal) => path,
                var path => new Uri(elsewhere.Address, path).ToString(),
            })));
        using var client = Client(registry);
        Assert.Equal(ManifestDigest, (await client.FetchAsync("team/app", "v1", Token))!.Digest.Value);
        Assert.Equal(ManifestDigest, await client.FindDigestAsync("team/app", "v1", Token));
        var (response, _) = await client.OpenBlobAsync("team/app", ManifestDigest, 0, Token);
        response.Dispose();
        foreach (var name in (string[])["ask", "file", "round"]) await Assert.ThrowsAsync<ClientException>(() => client.FetchAsync("team/app", name, Token));
        Assert.True(elsewhere.Asked.Count >= 4);
        Assert.All(elsewhere.Asked, static asked => Assert.Null(asked.Authorization));
    }

    [Fact]
    public async Task Lists_that_never_end_and_answers_that_are_no_lists_are_refused()
    {
        await using var registry = new FaultyRegistry(static (_, context) => Path(context) switch
        {
            var path when path.Contains("circle", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, """{"tags":["a"]}""", headers: ("Link", "</v2/circle/tags/list?last=a>; rel=\"next\"")),
            var path when path.Contains("array", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, "[]"),
            var path when path.Contains("number", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, """{"tags":[1]}"""),
            var path when path.Contains("page", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, "<html>"),
            var path when path.Contains("two?last", StringComparison.Ordinal) || path.Contains("last=b", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, """{"tags":["c"]}"""),
            // The next page is on this registry, wherever its address leads.
            var path when path.Contains("two", StringComparison.Ordinal) =>
                FaultyRegistry.SendAsync(context, """{"tags":["a","b"]}""", headers: ("Link", "<https://evil.example/v2/two/tags/list?last=0>; rel=\"prev\", <https://evil.example/v2/two/tags/list?last=b>; rel=\"next\"")),
            _ => FaultyRegistry.SendAsync(context, "404 page not found", "text/plain", 404),
        });
        using var client = Client(registry);
        foreach (var name in (string[])["circle", "array", "number", "page"])
            await Assert.ThrowsAsync<ClientException>(async () => await client.TagsAsync(name, Token).ToListAsync(Token));
        Assert.Equal(["a", "b", "c"], await client.TagsAsync("two", Token).ToListAsync(Token));
        Assert.Empty(await client.TagsAsync("none", Token).ToListAsync(Token));
        Assert.Contains("does not list", (await Assert.ThrowsAsync<ClientException>(async () => await client.CatalogAsync(Token).ToListAsync(Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_falls_silent_is_asked_again_and_a_blob_goes_on_where_it_was()
    {
        var blob = new byte[300_000];
        new Random(1).NextBytes(blob);
        var digest = Digest.Compute(blob).Value;
        var stalled = 0;
        await using var registry = new FaultyRegistry(async (self, context) =>
        {
            var first = Interlocked.Increment(ref stalled) % 2 == 1;
            if (!Path(context).Contains("/blobs/", StringComparison.Ordinal))
            {
                if (first) await self.StallAsync(context, Encoding.UTF8.GetBytes(Manifest[..20]), Manifest.Length);
                else await FaultyRegistry.SendAsync(context, Manifest, ManifestType);
                return;
            }

            var from = context.Request.Headers["Range"] is { } range ? int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture) : 0;
            if (first)
            {
                await self.StallAsync(context, blob.AsMemory(0, 100_000), blob.Length);
                return;
            }

            context.Response.StatusCode = 206;
            // Somewhat before what was asked for, as the answer says.
            from -= 5_000;
            context.Response.Headers["Content-Range"] = $"bytes {from}-{blob.Length - 1}/{blob.Length}";
            context.Response.Close(blob[from..], willBlock: true);
        });
        using var client = Client(registry, Short);
        Assert.Equal(ManifestDigest, (await client.FetchAsync("team/app", "v1", Token))!.Digest.Value);
        await using var stream = new BlobStream(client, "team/app", digest, blob.Length, new Pacer(0, TimeProvider.System));
        using var read = new MemoryStream();
        await stream.CopyToAsync(read, Token);
        Assert.Equal(digest, Digest.Compute(read.ToArray()).Value);
        Assert.Equal(4, registry.Asked.Count);
    }

    [Fact]
    public async Task An_upload_to_a_target_that_falls_silent_ends()
    {
        await using var target = new FaultyRegistry(static (self, context) => self.StallAsync(context, default, 10));
        using var client = Client(target, Short);
        using var body = new MemoryStream(new byte[1000]);
        var e = await Assert.ThrowsAnyAsync<Exception>(() => client.PutBlobAsync("team/app", new Uri(target.Address, "/v2/team/app/blobs/uploads/1"), ManifestDigest, body, 1000, Token));
        Assert.True(e is HttpRequestException or IOException, e.ToString());
    }

    [Fact]
    public async Task Passwords_are_given_for_tokens_and_to_nobody_who_asks_in_another_way()
    {
        var tries = 0;
        await using var registry = new FaultyRegistry((self, context) => (Path(context), context.Request.Headers["Authorization"]) switch
        {
            (var path, _) when path.StartsWith("/token", StringComparison.Ordinal) => Interlocked.Increment(ref tries) == 1
                ? FaultyRegistry.SendAsync(context, "busy", status: 503)
                : FaultyRegistry.SendAsync(context, """{"token":null,"access_token":"good"}"""),
            (_, "Bearer good") => FaultyRegistry.SendAsync(context, Manifest, ManifestType),
            (var path, _) when path.Contains("good", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, "", status: 401, headers: ("WWW-Authenticate", $"Bearer realm=\"{self.Address}token?a=b\",service=\"s\"")),
            (var path, _) when path.Contains("file", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, "", status: 401, headers: ("WWW-Authenticate", "Bearer realm=\"file:///etc/passwd\",service=\"s\"")),
            _ => FaultyRegistry.SendAsync(context, "", status: 401, headers: ("WWW-Authenticate", "Negotiate")),
        });
        using var client = Client(registry);
        Assert.NotNull(await client.FetchAsync("good", "v1", Token));
        Assert.Equal("/token?a=b&service=s&scope=repository%3Agood%3Apull", registry.Asked.First(static asked => asked.Path.StartsWith("/token", StringComparison.Ordinal)).Path);
        foreach (var name in (string[])["file", "negotiate"]) await Assert.ThrowsAsync<ClientException>(() => client.FetchAsync(name, "v1", Token));
        Assert.DoesNotContain(registry.Asked, static asked => asked.Path.Contains("negotiate", StringComparison.Ordinal) && asked.Authorization is not null);
    }

    [Fact]
    public async Task Digests_types_and_messages_of_a_source_are_looked_at()
    {
        await using var registry = new FaultyRegistry(static (_, context) => Path(context).Split('/')[^1] switch
        {
            "away" => FaultyRegistry.SendAsync(context, Manifest, ManifestType, headers: ("Docker-Content-Digest", "sha256:../../../longshore/v1/settings")),
            "old" => FaultyRegistry.SendAsync(context, "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", headers: ("Docker-Content-Digest", ManifestDigest)),
            "large" => FaultyRegistry.SendAsync(context, new string(' ', 5 << 20), ManifestType),
            "generic" => FaultyRegistry.SendAsync(context, Manifest, "text/plain; charset=utf-8"),
            _ => FaultyRegistry.SendAsync(context, "\u001b[2J" + new string('x', 2 << 20), "text/plain", 403),
        });
        using var client = Client(registry);
        await Assert.ThrowsAsync<ClientException>(() => client.FindDigestAsync("team/app", "away", Token));
        await Assert.ThrowsAsync<ClientException>(() => client.FetchAsync("team/app", "away", Token));
        Assert.Contains("schema 1", (await Assert.ThrowsAsync<ClientException>(() => client.FetchAsync("team/app", "old", Token))).Message, StringComparison.Ordinal);
        Assert.Contains("more than", (await Assert.ThrowsAsync<ClientException>(() => client.FetchAsync("team/app", "large", Token))).Message, StringComparison.Ordinal);
        Assert.Equal("", (await client.FetchAsync("team/app", "generic", Token))!.MediaType);
        var refused = (await Assert.ThrowsAsync<ClientException>(() => client.FetchAsync("team/app", "refused", Token))).Message;
        Assert.Contains("403", refused, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', refused);
    }

    [Fact]
    public async Task Names_that_lead_elsewhere_are_refused_by_name_while_the_rest_is_imported()
    {
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        await using var registry = new FaultyRegistry(static (_, context) => Path(context).Split('?')[0] switch
        {
            "/v2/_catalog" => FaultyRegistry.SendAsync(context, """{"repositories":["../longshore/v1/tokens","team/app\u001b[2J","team/broken","team/app"]}"""),
            "/v2/team/app/tags/list" => FaultyRegistry.SendAsync(context, """{"tags":["../../../longshore/v1/settings","v1"]}"""),
            "/v2/team/broken/tags/list" => FaultyRegistry.SendAsync(context, "<html>"),
            "/v2/team/app/manifests/v1" => FaultyRegistry.SendAsync(context, Manifest, "application/json", headers: ("Docker-Content-Digest", ManifestDigest)),
            var path when path == "/v2/team/app/manifests/" + ManifestDigest => FaultyRegistry.SendAsync(context, Manifest, "application/json"),
            var path when path.StartsWith("/v2/team/app/blobs/", StringComparison.Ordinal) => FaultyRegistry.SendAsync(context, "{}"),
            _ => FaultyRegistry.SendAsync(context, "", status: 404),
        });
        var credentials = new Dictionary<string, string?> { ["AWS_ACCESS_KEY_ID"] = target.Options.AccessKeyId, ["AWS_SECRET_ACCESS_KEY"] = target.Options.SecretAccessKey };
        Task<CommandResult> Import(params string[] arguments) => CommandRunner.TryRunAsync(LongshoreProcess.BinaryPath(), ["import", .. arguments], Token, credentials);
        var result = await Import("--from", registry.Address.ToString(), "--endpoint-url", target.BaseAddress.ToString(), "--json");
        Assert.Equal(1, result.ExitCode);
        var json = JsonDocument.Parse(result.StandardOutput).RootElement;
        Assert.Equal(1, json.GetProperty("same").GetInt32());
        Assert.Equal(json.GetProperty("failed").GetInt32(), json.GetProperty("failures").GetArrayLength());
        Assert.DoesNotContain(registry.Asked, static asked => asked.Path.Contains("longshore/v1", StringComparison.Ordinal));
        using var ecr = new EcrClient(target.BaseAddress, target.Options.AccessKeyId, target.Options.SecretAccessKey);
        using var to = new OciClient(target.BaseAddress, "AWS", (await ecr.GetLoginAsync(Token)).Password);
        Assert.Equal(ManifestType, (await to.GetManifestAsync("team/app", "v1", Token)).Header("Content-Type"));

        // A target that is no Longshore server, such as AWS when nobody names one: nothing is made there.
        var wrong = await Import("--from", registry.Address.ToString(), "--endpoint-url", registry.Address.ToString());
        Assert.Equal(2, wrong.ExitCode);
        Assert.DoesNotContain(registry.Asked, static asked => asked.Method == "POST");
        Assert.Equal(2, (await Import("--from", registry.Address + "other/*", "--endpoint-url", target.BaseAddress.ToString())).ExitCode);
    }

    [Fact]
    public async Task A_lifecycle_policy_stays_away_from_half_a_repository_whatever_failed_before_and_the_account_of_the_source_is_asked()
    {
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        await using var registry = new FaultyRegistry(static (_, context) => FaultyRegistry.SendAsync(context, context.Request.Headers["X-Amz-Target"]?.Split('.')[^1] switch
        {
            "DescribeRepositories" => """{"repositories":[{"repositoryName":"team/app","repositoryArn":"arn:aws:ecr:us-east-1:210987654321:repository/team/app"}]}""",
            "ListTagsForResource" => """{"tags":[]}""",
            "DescribeImages" => $$$"""{"imageDetails":[{"imageDigest":"{{{ManifestDigest}}}","imageTags":["v1"]}]}""",
            "GetLifecyclePolicy" => """{"lifecyclePolicyText":"{\"rules\":[{\"rulePriority\":1,\"selection\":{\"tagStatus\":\"any\",\"countType\":\"imageCountMoreThan\",\"countNumber\":1},\"action\":{\"type\":\"expire\"}}]}"}""",
            "GetRepositoryPolicy" => """{"policyText":"no policy"}""",
            _ => "",
        }, status: context.Request.Headers["X-Amz-Target"] is null ? 404 : 200));
        var credentials = new AwsCredentials(target.Options.AccessKeyId, target.Options.SecretAccessKey, null);
        using var api = new RegistryClient(target.BaseAddress, "us-east-1", credentials, TimeProvider.System);
        using var ecr = new RegistryClient(registry.Address, "us-east-1", credentials, TimeProvider.System);
        using var source = new ImportSource(Client(registry), ecr, "210987654321");
        using var toEcr = new EcrClient(target.BaseAddress, target.Options.AccessKeyId, target.Options.SecretAccessKey);
        var login = await toEcr.GetLoginAsync(Token);
        using var to = new DistributionClient(target.BaseAddress, _ => Task.FromResult<(string, string)?>(login), TimeProvider.System);
        var counts = new ImportCounts();
        for (var i = 0; i < 1000; i++) counts.Failures.Enqueue("another repository");
        await new Importer(source, to, api, new ImportOptions("*", [], false, false, 1), new Pacer(0, TimeProvider.System), counts, static _ => { }).RunAsync(Token);
        Assert.True(counts.Failed > 0);
        Assert.Equal(HttpStatusCode.BadRequest, (await toEcr.CallAsync("GetLifecyclePolicy", """{"repositoryName":"team/app"}""", Token)).Status);
        Assert.Contains(counts.Remarks, static remark => remark.Contains("left out", StringComparison.Ordinal));
        Assert.All(registry.Asked.Where(static asked => asked.Method == "POST" && !asked.Body.Contains("resourceArn", StringComparison.Ordinal)), static asked => Assert.Contains("\"registryId\":\"210987654321\"", asked.Body, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_source_that_is_gone_ends_the_import_instead_of_each_image()
    {
        var images = string.Join(',', Enumerable.Range(0, 100).Select(static i => $$"""{"imageDigest":"{{Digest.Compute(BitConverter.GetBytes(i)).Value}}","imageTags":["v{{i}}"]}"""));
        await using var registry = new FaultyRegistry((_, context) => FaultyRegistry.SendAsync(context, context.Request.Headers["X-Amz-Target"]?.Split('.')[^1] switch
        {
            "DescribeRepositories" => """{"repositories":[{"repositoryName":"team/app","repositoryArn":"arn:aws:ecr:us-east-1:210987654321:repository/team/app"}]}""",
            "DescribeImages" => $$"""{"imageDetails":[{{images}}]}""",
            _ => "{}",
        }, status: context.Request.Headers["X-Amz-Target"] is null ? 404 : 200));
        using var api = new RegistryClient(registry.Address, "us-east-1", new AwsCredentials("key", "secret", null), TimeProvider.System);
        using var gone = new DistributionClient(new Uri("http://127.0.0.1:9/"), static _ => Task.FromResult<(string, string)?>(null), TimeProvider.System, tries: 1);
        using var source = new ImportSource(gone, api);
        using var target = Client(registry);
        var counts = new ImportCounts();
        var importer = new Importer(source, target, api, new ImportOptions("*", [], false, false, 4), new Pacer(0, TimeProvider.System), counts, static _ => { });
        await Assert.ThrowsAsync<ClientException>(() => importer.RunAsync(Token));
        Assert.InRange(counts.Failed, 1, 20);
    }

    [Theory]
    [InlineData("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/*", "123456789012", "eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com", "team/*")]
    [InlineData("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "123456789012", "cn-north-1", "https://api.ecr.cn-north-1.amazonaws.com.cn", "*")]
    [InlineData("123456789012.dkr-ecr.us-east-1.on.aws/a", "123456789012", "us-east-1", "https://api.ecr.us-east-1.amazonaws.com", "a")]
    [InlineData("docker.io/alpine", null, null, null, "library/alpine")]
    [InlineData("docker.io/grafana/grafana", null, null, null, "grafana/grafana")]
    public void Sources_are_understood(string text, string? account, string? region, string? endpoint, string pattern)
    {
        var address = SourceAddress.Parse(text, plainHttp: false);
        Assert.Equal((account, region, pattern), (address.EcrAccount, address.EcrRegion, address.Pattern));
        Assert.Equal(endpoint, region is null ? null : SourceAddress.EcrEndpoint(region));
    }

    private static string Path(HttpListenerContext context) => context.Request.RawUrl!;

    private static DistributionClient Client(FaultyRegistry registry, TimeSpan? silence = null) =>
        new(registry.Address, static _ => Task.FromResult<(string, string)?>(("me", "secret")), TimeProvider.System, silence);
}
