using System.Net;
using System.Text;
using System.Xml.Linq;
using Longshore.Server.Tests.BadInput;
using Longshore.TestSupport.Aws;

namespace Longshore.Server.Tests.Security;

/// <summary>Requests that want to be read as something else than was signed, authorised or sent.</summary>
public sealed class WireAttackTests(GateAttackFixture fixture) : IClassFixture<GateAttackFixture>
{
    private const string Target = "AmazonEC2ContainerRegistry_V20150921.";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private AttackedRegistry Registry => fixture.Registry;

    private string Authorization => "Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + Registry.Live.Password)) + "\n";

    [Fact]
    public async Task Signed_request_is_not_turned_into_another_operation()
    {
        await Registry.PushAsync("turned/app", "v1", 30);
        var input = new { repositoryName = "turned/app", force = true };
        Action<HttpRequestMessage>[] turns =
        [
            request => request.Headers.TryAddWithoutValidation("X-Amz-Target", Target + "DeleteRepository"),
            request =>
            {
                request.Headers.Remove("X-Amz-Target");
                request.Headers.TryAddWithoutValidation("X-Amz-Target", Target + "DeleteRepository");
            },
            request => request.Headers.TryAddWithoutValidation("X-Amz-Extra", "1"),
            request => request.Headers.TryAddWithoutValidation("X-HTTP-Method-Override", "DELETE"),
            request => request.RequestUri = new Uri(request.RequestUri!, "?Action=DeleteRepository"),
            request => request.Headers.Host = "ecr.eu-west-1.amazonaws.com",
        ];
        var refused = 0;
        foreach (var turn in turns)
        {
            var answer = await Registry.EcrAsync(Registry.Root, "DescribeRepositories", new { repositoryNames = new[] { "turned/app" } }, afterSigning: turn);
            if (answer.Status != HttpStatusCode.OK) refused++;
        }

        // All but the header that nothing here heeds.
        Assert.Equal(turns.Length - 1, refused);
        Assert.Equal(HttpStatusCode.OK, (await Registry.EcrAsync(Registry.Root, "DescribeImages", new { repositoryName = "turned/app" })).Status);
        var replaced = await Registry.EcrAsync(Registry.Root, "DeleteRepository", input, afterSigning: request => request.Content = new StringContent("{\"repositoryName\":\"turned/other\"}"));
        Assert.NotEqual(HttpStatusCode.OK, replaced.Status);
    }

    [Theory]
    [InlineData("ecr", "sts")]
    [InlineData("sts", "iam")]
    [InlineData("iam", "sts")]
    [InlineData("s3", "ecr")]
    [InlineData("ecr-public", "ecr")]
    public async Task Signature_for_one_service_is_none_for_another(string signedFor, string sentTo)
    {
        var form = sentTo == "iam" ? "Action=ListUsers&Version=2010-05-08" : "Action=GetCallerIdentity&Version=2011-06-15";
        using var request = new HttpRequestMessage(HttpMethod.Post, Registry.Live.BaseAddress);
        var body = Encoding.UTF8.GetBytes(sentTo == "ecr" ? "{}" : form);
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", sentTo == "ecr" ? "application/x-amz-json-1.1" : "application/x-www-form-urlencoded");
        if (sentTo == "ecr") request.Headers.TryAddWithoutValidation("X-Amz-Target", Target + "DescribeRepositories");
        new AwsSigner(Registry.Root.Id, Registry.Root.Secret, "us-east-1", signedFor, TimeProvider.System).Sign(request, body);
        var answer = await Registry.SendAsync(request, "confused service");
        Assert.True((int)answer.Status is >= 400 and < 500, answer.ToString());
    }

    [Fact]
    public async Task Two_signatures_in_one_request_are_none()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Registry.Live.BaseAddress) { Content = new ByteArrayContent("Action=GetCallerIdentity&Version=2011-06-15"u8.ToArray()) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded");
        var signer = new AwsSigner(Registry.Root.Id, Registry.Root.Secret, "us-east-1", "sts", TimeProvider.System);
        request.RequestUri = signer.Presign(HttpMethod.Post, request.RequestUri!, TimeSpan.FromMinutes(1));
        signer.Sign(request, "Action=GetCallerIdentity&Version=2011-06-15"u8);
        var answer = await Registry.SendAsync(request, "two signatures");
        Assert.Contains("IncompleteSignature", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_of_one_scheme_open_nothing_in_another()
    {
        var password = Registry.Live.Password;
        async Task<Answer> OnRegistryAsync(string authorization) => await Registry.OciAsync(null, HttpMethod.Get, "v2/", request => request.Headers.TryAddWithoutValidation("Authorization", authorization));
        string Basic(string user, string secret) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{secret}"));
        foreach (var authorization in (string[])
        [
            Basic(Registry.Root.Id, Registry.Root.Secret), Basic("AWS", Registry.Root.Secret), Basic("root", password), Basic("aws", password), "Token " + password, "Negotiate " + password,
            "AWS " + Registry.Root.Id + ":" + password, $"AWS4-HMAC-SHA256 Credential={Registry.Root.Id}/20260101/us-east-1/ecr/aws4_request, SignedHeaders=host, Signature={new string('0', 64)}",
        ])
            Assert.Equal(HttpStatusCode.Unauthorized, (await OnRegistryAsync(authorization)).Status);
        // In the query or a cookie a token is not looked for at all.
        foreach (var change in (Action<HttpRequestMessage>[])
        [
            request => request.RequestUri = new Uri(request.RequestUri!, "?token=" + password), request => request.Headers.TryAddWithoutValidation("Cookie", "token=" + password),
            request => request.Headers.TryAddWithoutValidation("X-Amz-Security-Token", password), request => request.Headers.TryAddWithoutValidation("Proxy-Authorization", Basic("AWS", password)),
        ])
            Assert.Equal(HttpStatusCode.Unauthorized, (await Registry.OciAsync(null, HttpMethod.Get, "v2/", change)).Status);
        // A registry token signs nothing and calls no API.
        var api = await RawHttp.ExchangeAsync(
            Registry.Live.BaseAddress, RawHttp.Request("POST / HTTP/1.1", Authorization + $"X-Amz-Target: {Target}DescribeRepositories\nContent-Length: 2\n", "{}"), Token);
        Assert.Contains("IncompleteSignatureException", api, StringComparison.Ordinal);
        Assert.NotEqual(HttpStatusCode.OK, (await Registry.EcrAsync(Registry.Root with { Secret = password }, "DescribeRepositories", new { })).Status);
        Assert.NotEqual(HttpStatusCode.OK, (await Registry.EcrAsync(Registry.Root with { SessionToken = password }, "DescribeRepositories", new { })).Status);
    }

    [Theory]
    [InlineData("Content-Length: 5\nTransfer-Encoding: chunked\n", "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\nContent-Length: 5\n", "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Content-Length: 0\nContent-Length: 45\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Content-Length: 0, 45\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Transfer-Encoding: xchunked\n", "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Transfer-Encoding : chunked\n", "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Transfer-Encoding:\u000bchunked\n", "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Content-Length: 0x0\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")]
    public async Task Request_whose_end_is_unclear_carries_no_second_one(string framing, string body)
    {
        // No "Connection: close": what follows the first request would be taken as the next one.
        var bytes = Encoding.Latin1.GetBytes($"POST /v2/smuggled/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n{Authorization.ReplaceLineEndings("\r\n")}{framing.ReplaceLineEndings("\r\n")}\r\n{body}");
        var answer = await RawHttp.ExchangeAsync(Registry.Live.BaseAddress, bytes, Token, incomplete: true);
        Assert.DoesNotContain("\r\n\r\nok\n", answer, StringComparison.Ordinal);
        Assert.InRange(RawHttp.Statuses(answer).Count, 0, 1);
        // With both framings chunks win and the connection ends (RFC 9112, section 6.3); all else is refused.
        Assert.All(RawHttp.Statuses(answer), status => Assert.True(status is >= 400 and < 500 or 501 || answer.Contains("Connection: close", StringComparison.Ordinal), answer));
    }

    [Fact]
    public async Task Headers_that_name_another_path_method_or_host_are_not_heeded()
    {
        var image = await Registry.PushAsync("overridden/app", "v1", 31);
        var answer = await Registry.OciAsync(Registry.Live.Password, HttpMethod.Get, "v2/overridden/app/manifests/v1", request =>
        {
            foreach (var (name, value) in new[]
            {
                ("X-HTTP-Method-Override", "DELETE"), ("X-Method-Override", "DELETE"), ("X-Original-URL", "/v2/other/app/manifests/v1"), ("X-Rewrite-URL", "/v2/other/app/manifests/v1"),
                ("X-Forwarded-Host", "999999999999.dkr.ecr.us-east-1.amazonaws.com"), ("X-Forwarded-Prefix", "/admin"),
            })
                request.Headers.TryAddWithoutValidation(name, value);
        });
        Assert.Equal((HttpStatusCode.OK, Encoding.UTF8.GetString(image.Content)), (answer.Status, answer.Text));
        Assert.Equal(HttpStatusCode.OK, (await Registry.OciAsync(Registry.Live.Password, HttpMethod.Head, "v2/overridden/app/manifests/v1")).Status);
    }

    [Fact]
    public async Task What_a_client_sends_comes_back_as_text_and_never_as_markup()
    {
        const string Markup = "</Message><Code>Injected</Code><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;\u0001\u0000]]>";
        foreach (var (service, action, name) in new[] { ("sts", Markup, "x"), ("iam", Markup, "x"), ("iam", "GetUser", "UserName"), ("sts", "GetAccessKeyInfo", "AccessKeyId"), ("sts", "AssumeRole", "RoleArn") })
        {
            var answer = await Registry.FormAsync(Registry.Root, service, Uri.EscapeDataString(action), (name, Markup));
            var document = XDocument.Parse(answer.Text);
            Assert.Equal(1, document.Descendants().Count(e => e.Name.LocalName == "Code"));
            Assert.DoesNotContain("Injected", document.Descendants().Single(e => e.Name.LocalName == "Code").Value, StringComparison.Ordinal);
            Assert.Null(document.DocumentType);
        }

        // JSON answers say what they are, and are no pages.
        var json = await Registry.OciAsync(Registry.Live.Password, HttpMethod.Get, "v2/%3Cscript%3E/tags/list");
        Assert.Equal("application/json", json.ContentHeaders.ContentType!.MediaType);
    }

    [Fact]
    public async Task No_request_writes_a_line_of_its_own_into_the_log()
    {
        await using var registry = await AttackedRegistry.StartAsync("--log-level", "trace");
        foreach (var line in (string[])["v2/%0d%0aFORGED%20line/manifests/x", "longshore/v1/%0aFORGED%20line", "%0aFORGED%20line", "longshore/v1/layers/%0d%0aFORGED%20line?expires=1&key=1&signature=%0aFORGED%20line"])
            await RawHttp.ExchangeAsync(registry.Live.BaseAddress, RawHttp.Request($"GET /{line} HTTP/1.1"), Token);
        await registry.EcrAsync(new Key("AKIA\nFORGED", "x"), "DescribeRepositories", new { repositoryNames = new[] { "a\nFORGED line" } });
        await registry.EcrAsync(registry.Root, "DescribeRepositories", new { repositoryNames = new[] { "a\nFORGED line" } });
        await registry.FormAsync(registry.Root, "iam", "CreateUser", ("UserName", "a\nFORGED line"));
        await registry.Live.Server.StopAsync(Token);
        Assert.DoesNotContain(registry.Live.Server.Output.Split('\n', '\r'), line => line.TrimStart().StartsWith("FORGED", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("POST", "longshore/v1/collection")]
    [InlineData("POST", "longshore/v1/accounts")]
    [InlineData("DELETE", "longshore/v1/protections/x")]
    public async Task Page_of_another_site_cannot_make_a_browser_change_anything(string method, string path)
    {
        // What a browser sends along with a form or a script of a strange page: the credentials that it remembers, and where the page is from.
        foreach (var site in (string[])["cross-site", "same-site"])
        {
            var answer = await Registry.OciAsync(Registry.Live.Password, new HttpMethod(method), path, request =>
            {
                request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", site);
                request.Headers.TryAddWithoutValidation("Origin", "https://evil.example");
                if (method == "POST") request.Content = new StringContent("{}", Encoding.UTF8, "text/plain");
            });
            Assert.True(answer.Status is HttpStatusCode.Forbidden, answer.ToString());
        }

        var forms = await Registry.OciAsync(Registry.Live.Password, HttpMethod.Post, "longshore/v1/accounts", request => request.Content = new StringContent("account=1", Encoding.UTF8, "application/x-www-form-urlencoded"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, forms.Status);
        Assert.False((await Registry.OciAsync(Registry.Live.Password, HttpMethod.Get, "v2/", request => request.Headers.TryAddWithoutValidation("Origin", "https://evil.example"))).Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Download_address_opens_its_own_layer_alone_and_gives_no_other_right()
    {
        var image = await Registry.PushAsync("addressed/app", "v1", 32);
        var other = await Registry.PushAsync("addressed/other", "v1", 33);
        var told = await Registry.EcrAsync(Registry.Root, "GetDownloadUrlForLayer", new { repositoryName = "addressed/app", layerDigest = image.Blobs[^1].Digest });
        var address = new Uri(System.Text.Json.JsonDocument.Parse(told.Text).RootElement.GetProperty("downloadUrl").GetString()!);
        foreach (var path in (string[])
        [
            address.AbsolutePath.Replace("addressed/app", "addressed/other", StringComparison.Ordinal), address.AbsolutePath.Replace(image.Blobs[^1].Digest, other.Blobs[^1].Digest, StringComparison.Ordinal),
            address.AbsolutePath.Replace(AttackedRegistry.Account, "999999999999", StringComparison.Ordinal), address.AbsolutePath.Replace("us-east-1", "eu-west-1", StringComparison.Ordinal),
            address.AbsolutePath + "/../x", address.AbsolutePath + "%00",
        ])
            Assert.True((await Registry.OciAsync(null, HttpMethod.Get, path + address.Query)).Status is HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.BadRequest, path);
        foreach (var query in (string[])
        [
            address.Query.Replace("expires=", "expires=9", StringComparison.Ordinal), address.Query + "&signature=x", address.Query.Replace("key=1", "key=2", StringComparison.Ordinal),
            address.Query[..^1], "?" + address.Query.TrimStart('?').Split('&')[2], "",
        ])
            Assert.Equal(HttpStatusCode.Forbidden, (await Registry.OciAsync(null, HttpMethod.Get, address.AbsolutePath + query)).Status);
        foreach (var method in (HttpMethod[])[HttpMethod.Put, HttpMethod.Delete, HttpMethod.Post])
            Assert.True((int)(await Registry.OciAsync(null, method, address.PathAndQuery)).Status is 404 or 405 or 403 or 401, method.ToString());
        Assert.Equal(HttpStatusCode.Unauthorized, (await Registry.OciAsync(null, HttpMethod.Get, "v2/addressed/app/manifests/v1" + address.Query)).Status);
        Assert.Equal(HttpStatusCode.OK, (await Registry.OciAsync(null, HttpMethod.Get, address.PathAndQuery)).Status);
    }

    [Fact]
    public async Task Upload_of_another_repository_or_account_is_unknown()
    {
        var opened = await Registry.OciAsync(Registry.Live.Password, HttpMethod.Post, "v2/uploads/mine/blobs/uploads/");
        var id = opened.Headers.Location!.ToString().Split('/')[^1].Split('?')[0];
        foreach (var path in (string[])[$"v2/uploads/yours/blobs/uploads/{id}", $"v2/uploads/mine/sub/blobs/uploads/{id}"])
        {
            await Registry.EcrAsync(Registry.Root, "CreateRepository", new { repositoryName = path[3..path.IndexOf("/blobs", StringComparison.Ordinal)] });
            Assert.Equal(HttpStatusCode.NotFound, (await Registry.OciAsync(Registry.Live.Password, HttpMethod.Get, path)).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await Registry.OciAsync(Registry.Live.Password, HttpMethod.Delete, path)).Status);
        }
    }

    [Fact]
    public async Task Forms_without_a_signature_are_bounded()
    {
        var large = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=" + new string('a', 300_000);
        using var request = new HttpRequestMessage(HttpMethod.Post, Registry.Live.BaseAddress) { Content = new StringContent(large, Encoding.ASCII, "application/x-www-form-urlencoded") };
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await Registry.SendAsync(request, "large form")).Status);
    }
}
