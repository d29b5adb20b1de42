using System.Net;
using System.Net.Sockets;
using System.Text;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci;

public sealed class OciAccessTests
{
    private static readonly string Digest = "sha256:" + new string('0', 64);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nobody_gets_anything_but_the_challenge()
    {
        await using var host = await OciHost.StartAsync();
        using var nobody = new OciClient(host.BaseAddress);
        (string Method, string Path)[] requests =
        [
            ("GET", "/v2/"), ("GET", "/v2"), ("GET", "/v2/_catalog"), ("GET", "/v2/nothing/here"), ("PUT", "/v2/"), ("GET", "/v2/UPPER/tags/list"),
            ("GET", "/v2/ab/tags/list"), ("GET", $"/v2/ab/blobs/{Digest}"), ("POST", "/v2/ab/blobs/uploads/"), ("DELETE", "/v2/ab/manifests/x"),
            ("HEAD", "/v2/ab/manifests/x"), ("PATCH", "/v2/ab/blobs/uploads/x"),
        ];
        foreach (var (method, path) in requests)
        {
            var answer = await nobody.SendAsync(new HttpMethod(method), path, Cancelled);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
            Assert.Equal($"Basic realm=\"https://{host.BaseAddress.Authority}/\",service=\"ecr.amazonaws.com\"", answer.Header("WWW-Authenticate"));
            if (method == "HEAD") Assert.Empty(answer.Body);
            else Assert.Equal(["UNAUTHORIZED"], answer.ErrorCodes);
        }
    }

    [Fact]
    public async Task A_refused_push_leaves_the_connection_and_no_repository()
    {
        await using var host = await OciHost.StartAsync();
        using var nobody = new OciClient(host.BaseAddress, "AWS", "wrong", maxConnections: 1);
        var answer = await nobody.SendAsync(HttpMethod.Put, "/v2/ab/manifests/x", Cancelled, new byte[1_000_000], "application/json");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.SendAsync(HttpMethod.Get, "/v2/", Cancelled)).Status);
        Assert.Equal("""{"repositories":[]}""", (await host.Client.SendAsync(HttpMethod.Get, "/v2/_catalog", Cancelled)).Text);
    }

    [Theory]
    [InlineData("123456789012.dkr.ecr.eu-west-1.localhost", HttpStatusCode.Forbidden)] // Another region than the token's.
    [InlineData("210987654321.dkr.ecr.us-east-1.localhost", HttpStatusCode.Forbidden)] // Another account than the caller's.
    [InlineData("123456789012.dkr.ecr.us-east-1.localhost", HttpStatusCode.NotFound)]
    [InlineData("registry.example.com", HttpStatusCode.NotFound)]
    public async Task The_host_name_names_the_registry_and_rights_come_before_existence(string hostName, HttpStatusCode expected)
    {
        await using var host = await OciHost.StartAsync();
        foreach (var (method, path) in ((string, string)[])[("GET", "/v2/ab/tags/list"), ("GET", $"/v2/ab/blobs/{Digest}"), ("GET", "/v2/ab/manifests/x")])
        {
            var answer = await host.Client.SendAsync(new HttpMethod(method), path, Cancelled, headers: [("Host", hostName)]);
            Assert.Equal(expected, answer.Status);
            Assert.Equal([expected == HttpStatusCode.Forbidden ? "DENIED" : "NAME_UNKNOWN"], answer.ErrorCodes);
        }
    }

    [Fact]
    public async Task Registries_of_two_regions_are_apart()
    {
        await using var host = await OciHost.StartAsync();
        using var ireland = await host.ClientOfAsync("eu-west-1");
        await ireland.PushBlobAsync("only/ireland", TestBlob.Random(1, 10), Cancelled);
        Assert.Equal("""{"repositories":["only/ireland"]}""", (await ireland.SendAsync(HttpMethod.Get, "/v2/_catalog", Cancelled)).Text);
        Assert.Equal("""{"repositories":[]}""", (await host.Client.SendAsync(HttpMethod.Get, "/v2/_catalog", Cancelled)).Text);
    }

    [Fact]
    public async Task Without_create_on_push_a_push_to_a_missing_repository_is_told_so_in_ecrs_words()
    {
        await using var host = await OciHost.StartAsync(createOnPush: false);
        (string Method, string Path)[] pushes =
        [
            ("POST", "/v2/no/such/blobs/uploads/"), ("POST", $"/v2/no/such/blobs/uploads/?digest={Digest}"),
            ("POST", $"/v2/no/such/blobs/uploads/?mount={Digest}&from=other"), ("POST", $"/v2/no/such/blobs/uploads/?mount={Digest}"),
        ];
        foreach (var (method, path) in pushes)
        {
            var answer = await host.Client.SendAsync(new HttpMethod(method), path, Cancelled, []);
            Assert.Equal(HttpStatusCode.NotFound, answer.Status);
            Assert.Equal(
                """{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'no/such' does not exist in the registry with id '123456789012'"}]}""",
                answer.Text);
        }

        var put = await host.Client.PutManifestAsync("no/such", "x", TestImage.Create(1, 1), Cancelled);
        Assert.Equal(HttpStatusCode.NotFound, put.Status);
        Assert.Equal(["NAME_UNKNOWN"], put.ErrorCodes);
    }

    [Fact]
    public async Task With_create_on_push_every_way_to_push_creates_the_repository()
    {
        await using var host = await OciHost.StartAsync();
        var blob = TestBlob.Random(1, 100);
        var client = host.Client;
        await client.StartUploadAsync("by/session", Cancelled);
        await client.ExpectAsync(HttpStatusCode.Created, HttpMethod.Post, $"/v2/by/post/blobs/uploads/?digest={blob.Digest}", Cancelled, blob.Content);
        await client.ExpectAsync(HttpStatusCode.Created, HttpMethod.Post, $"/v2/by/mount/blobs/uploads/?mount={blob.Digest}&from=by/post", Cancelled, []);
        var index = TestImage.Index(new TestImageOptions(), []);
        Assert.Equal(HttpStatusCode.Created, (await client.PutManifestAsync("by/manifest", "x", index, Cancelled)).Status);
        var catalog = await client.SendAsync(HttpMethod.Get, "/v2/_catalog", Cancelled);
        Assert.Equal("""{"repositories":["by/manifest","by/mount","by/post","by/session"]}""", catalog.Text);
    }

    [Fact]
    public async Task Reading_never_creates_a_repository()
    {
        await using var host = await OciHost.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetManifestAsync("ab", "x", Cancelled)).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.Client.ReferrersAsync("ab", Digest, Cancelled)).Status);
        Assert.Equal("""{"repositories":[]}""", (await host.Client.SendAsync(HttpMethod.Get, "/v2/_catalog", Cancelled)).Text);
    }

    [Fact]
    public async Task Unknown_paths_and_methods_are_told_apart()
    {
        await using var host = await OciHost.StartAsync();
        foreach (var path in (string[])["/v2/ab", "/v2/ab/tags", "/v2/ab/tags/list/", "/v2//tags/list"])
            Assert.Equal(HttpStatusCode.NotFound, (await host.Client.SendAsync(HttpMethod.Get, path, Cancelled)).Status);
        var wrong = await host.Client.SendAsync(HttpMethod.Post, "/v2/ab/tags/list", Cancelled, []);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrong.Status);
        Assert.Equal(["UNSUPPORTED"], wrong.ErrorCodes);
        Assert.Equal("GET, HEAD", wrong.Header("Allow"));
        var upper = await host.Client.SendAsync(HttpMethod.Get, "/v2/UPPER/tags/list", Cancelled);
        Assert.Equal(HttpStatusCode.BadRequest, upper.Status);
        Assert.Equal(["NAME_INVALID"], upper.ErrorCodes);
    }

    [Theory]
    [InlineData("/v2/a%2Fb/tags/list", "404")]
    [InlineData("/v2/ab/%2e%2e/cd/tags/list", "404")]
    [InlineData("/v2/ab/../cd/tags/list", "404")]
    [InlineData("/v2/ab%00/tags/list", "40")] // Kestrel refuses it before we see it.
    [InlineData("/v2/ab/manifests/%2e%2e%2f%2e%2e%2fetc", "404")]
    [InlineData("/v2/ab/blobs/uploads/..%2f..%2fx", "404")]
    [InlineData("/v2/%61b/tags/list", "200")]
    public async Task Escapes_do_not_smuggle_parts_of_a_path(string target, string status)
    {
        await using var host = await OciHost.StartAsync();
        await host.Client.StartUploadAsync("ab", Cancelled);
        await host.Client.StartUploadAsync("cd", Cancelled);
        using var socket = new TcpClient();
        await socket.ConnectAsync(host.BaseAddress.Host, host.BaseAddress.Port, Cancelled);
        var credentials = Convert.ToBase64String(Encoding.ASCII.GetBytes("AWS:" + host.Token));
        var stream = socket.GetStream();
        var request = $"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Cancelled);
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 " + status, await reader.ReadToEndAsync(Cancelled), StringComparison.Ordinal);
    }
}
