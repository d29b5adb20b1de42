using System.Globalization;
using System.Net;
using System.Text;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci;

public sealed class OciContentTests
{
    private const int MaxManifest = 4 * 1024 * 1024;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Blobs_are_conditional_on_their_digest()
    {
        await using var host = await OciHost.StartAsync();
        var blob = TestBlob.Random(1, 2048);
        await host.Client.PushBlobAsync("ab", blob, Cancelled);
        var tag = $"\"{blob.Digest}\"";
        Assert.Equal(HttpStatusCode.NotModified, (await GetAsync(("If-None-Match", tag))).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(("If-None-Match", "\"other\""))).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await GetAsync(("If-Match", "\"other\""))).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(("If-Match", tag))).Status);
        Assert.Equal(HttpStatusCode.PartialContent, (await GetAsync(("Range", "bytes=0-9"), ("If-Range", tag))).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(("Range", "bytes=0-9"), ("If-Range", "\"other\""))).Status);

        var whole = await GetAsync();
        Assert.Equal(blob.Content, whole.Body);
        Assert.Equal(tag, whole.Header("ETag"));
        Assert.Equal("bytes", whole.Header("Accept-Ranges"));
        Assert.Equal(blob.Digest, whole.Header("Docker-Content-Digest"));
        var part = await GetAsync(("Range", "bytes=2000-5000"));
        Assert.Equal("bytes 2000-2047/2048", part.Header("Content-Range"));
        Assert.Equal(blob.Content[2000..], part.Body);
        var beyond = await GetAsync(("Range", "bytes=2048-"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.Status);
        Assert.Equal("bytes */2048", beyond.Header("Content-Range"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await GetAsync(("Range", "bytes=500-0"))).Status);

        Task<OciResponse> GetAsync(params (string, string)[] headers) =>
            host.Client.SendAsync(HttpMethod.Get, $"/v2/ab/blobs/{blob.Digest}", Cancelled, headers: headers);
    }

    [Fact]
    public async Task A_damaged_body_is_never_served_as_a_success()
    {
        await using var host = await OciHost.StartAsync();
        var blob = TestBlob.Random(1, 1_000_000);
        await host.Client.PushBlobAsync("ab", blob, Cancelled);
        var file = Directory.EnumerateFiles(host.BlobDirectory, "*", SearchOption.AllDirectories).Single(f => f.Contains(blob.Digest[7..], StringComparison.Ordinal));
        await using (var stream = File.OpenWrite(file)) stream.SetLength(999_999);
        Assert.Equal(HttpStatusCode.InternalServerError, (await host.Client.GetBlobAsync("ab", blob.Digest, Cancelled)).Status);
        File.Delete(file);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetBlobAsync("ab", blob.Digest, Cancelled)).Status);
    }

    [Fact]
    public async Task A_chunk_that_does_not_fit_says_where_to_go_on()
    {
        await using var host = await OciHost.StartAsync();
        var upload = await host.Client.StartUploadAsync("ab", Cancelled);
        await host.Client.PatchChunkAsync(upload, 0, new byte[100], Cancelled);
        var answer = await host.Client.PatchChunkAsync(upload, 50, new byte[100], Cancelled);
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, answer.Status);
        Assert.Equal("0-99", answer.Header("Range"));
        Assert.Equal(upload, answer.Location);
        Assert.Equal(HttpStatusCode.Accepted, (await host.Client.PatchChunkAsync(answer.Location, 100, new byte[100], Cancelled)).Status);
    }

    [Theory]
    [InlineData("0-9", 20, HttpStatusCode.BadRequest)]
    [InlineData("bytes 0-19/*", 20, HttpStatusCode.Accepted)]
    [InlineData("9-0", 20, HttpStatusCode.BadRequest)]
    [InlineData("0-99999999999999999999", 20, HttpStatusCode.BadRequest)]
    [InlineData("x", 20, HttpStatusCode.BadRequest)]
    [InlineData("0--1", 0, HttpStatusCode.Accepted)]
    [InlineData("0-0", 0, HttpStatusCode.Accepted)]
    public async Task Content_ranges_must_fit_their_bodies(string range, int length, HttpStatusCode expected)
    {
        await using var host = await OciHost.StartAsync();
        var upload = await host.Client.StartUploadAsync("ab", Cancelled);
        var answer = await host.Client.SendAsync(HttpMethod.Patch, upload.AbsoluteUri, Cancelled, new byte[length], headers: [("Content-Range", range)]);
        Assert.Equal(expected, answer.Status);
    }

    [Theory]
    [InlineData("sha256", HttpStatusCode.Accepted)]
    [InlineData("sha512", HttpStatusCode.Accepted)]
    [InlineData("md5", HttpStatusCode.BadRequest)]
    public async Task An_announced_algorithm_must_be_known(string algorithm, HttpStatusCode expected)
    {
        await using var host = await OciHost.StartAsync();
        Assert.Equal(expected, (await host.Client.SendAsync(HttpMethod.Post, $"/v2/ab/blobs/uploads/?digest-algorithm={algorithm}", Cancelled, [])).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Manifests_may_have_4_mebibytes_and_not_a_byte_more(bool chunked)
    {
        await using var host = await OciHost.StartAsync();
        var fits = ManifestOf(MaxManifest);
        Assert.Equal(HttpStatusCode.Created, (await PutAsync(fits)).Status);
        Assert.Equal(fits, (await host.Client.GetManifestAsync("ab", "x", Cancelled)).Body);
        var refused = await PutAsync(ManifestOf(MaxManifest + 1));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.Status);
        Assert.Equal(["MANIFEST_INVALID"], refused.ErrorCodes);

        Task<OciResponse> PutAsync(byte[] body) =>
            host.Client.SendAsync(HttpMethod.Put, "/v2/ab/manifests/x", Cancelled, body, OciMediaTypes.ImageIndex, chunkedTransfer: chunked);
    }

    [Fact]
    public async Task Manifests_are_conditional_and_cached_by_how_they_are_named()
    {
        await using var host = await OciHost.StartAsync();
        var index = TestImage.Index(new TestImageOptions(), []);
        var put = await host.Client.SendAsync(HttpMethod.Put, $"/v2/ab/manifests/{index.Digest}?tag=a&tag=b&tag=a", Cancelled, index.Content, index.MediaType);
        Assert.Equal(HttpStatusCode.Created, put.Status);
        Assert.Equal("a, b", put.Header("OCI-Tag"));
        Assert.Equal($"/v2/ab/manifests/{index.Digest}", put.Header("Location"));
        Assert.Equal("no-cache", (await host.Client.GetManifestAsync("ab", "a", Cancelled)).Header("Cache-Control"));
        Assert.Contains("immutable", (await host.Client.GetManifestAsync("ab", index.Digest, Cancelled)).Header("Cache-Control"), StringComparison.Ordinal);
        var again = await host.Client.SendAsync(HttpMethod.Get, "/v2/ab/manifests/b", Cancelled, headers: [("If-None-Match", $"\"{index.Digest}\"")]);
        Assert.Equal(HttpStatusCode.NotModified, again.Status);
        Assert.Empty(again.Body);
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await host.Client.SendAsync(HttpMethod.Put, $"/v2/ab/manifests/{index.Digest}?tag=.bad", Cancelled, index.Content, index.MediaType)).Status);
    }

    [Fact]
    public async Task A_blob_of_an_image_is_not_deleted_and_the_answer_says_what_is_allowed()
    {
        await using var host = await OciHost.StartAsync();
        var image = TestImage.Create(1, 100);
        foreach (var blob in image.Blobs) await host.Client.PushBlobAsync("ab", blob, Cancelled);
        Assert.Equal(HttpStatusCode.Created, (await host.Client.PutManifestAsync("ab", "x", image, Cancelled)).Status);
        var refused = await host.Client.DeleteBlobAsync("ab", image.Blobs[0].Digest, Cancelled);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, refused.Status);
        Assert.Equal(["UNSUPPORTED"], refused.ErrorCodes);
        Assert.Equal("GET, HEAD", refused.Header("Allow"));
        Assert.Equal(HttpStatusCode.Accepted, (await host.Client.DeleteManifestAsync("ab", image.Digest, Cancelled)).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await host.Client.DeleteBlobAsync("ab", image.Blobs[0].Digest, Cancelled)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.HeadBlobAsync("ab", image.Blobs[0].Digest, Cancelled)).Status);
    }

    [Fact]
    public async Task Tags_are_walked_by_links()
    {
        await using var host = await OciHost.StartAsync();
        var index = TestImage.Index(new TestImageOptions(), []);
        for (var page = 0; page < 10; page++)
        {
            var query = string.Join('&', Enumerable.Range(page * 95, 95).Select(i => string.Create(CultureInfo.InvariantCulture, $"tag=t{i:0000}")));
            var put = await host.Client.SendAsync(HttpMethod.Put, $"/v2/ab/manifests/{index.Digest}?{query}", Cancelled, index.Content, index.MediaType);
            Assert.True(put.Status == HttpStatusCode.Created, put.ToString());
        }

        var (tags, pages) = await WalkAsync(host, "/v2/ab/tags/list?n=300", "tags");
        Assert.Equal(Enumerable.Range(0, 950).Select(i => string.Create(CultureInfo.InvariantCulture, $"t{i:0000}")), tags);
        Assert.Equal(4, pages);
        Assert.Null((await host.Client.SendAsync(HttpMethod.Get, "/v2/ab/tags/list?n=950", Cancelled)).Header("Link"));
        Assert.Equal("""{"name":"ab","tags":[]}""", (await host.Client.SendAsync(HttpMethod.Get, "/v2/ab/tags/list?n=0", Cancelled)).Text);
        Assert.Equal("""{"name":"ab","tags":["t0949"]}""", (await host.Client.SendAsync(HttpMethod.Get, "/v2/ab/tags/list?n=5000&last=t0948", Cancelled)).Text);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.Client.SendAsync(HttpMethod.Get, "/v2/ab/tags/list?n=-1", Cancelled)).Status);
    }

    [Fact]
    public async Task Repositories_are_walked_by_links()
    {
        await using var host = await OciHost.StartAsync();
        string[] names = ["a/b", "ab", "ab-c", "ab/c", "ab/c/d"];
        foreach (var name in names) await host.Client.StartUploadAsync(name, Cancelled);
        var (found, pages) = await WalkAsync(host, "/v2/_catalog?n=2", "repositories");
        Assert.Equal(names.Order(StringComparer.Ordinal), found);
        Assert.Equal(3, pages);
    }

    [Fact]
    public async Task Referrers_are_walked_by_links_and_filters_stay()
    {
        await using var host = await OciHost.StartAsync();
        var subject = TestImage.Index(new TestImageOptions(), []);
        for (var i = 0; i < 110; i++)
        {
            var type = i % 2 == 0 ? "application/even+type" : "application/odd";
            var artifact = TestImage.Index(
                new TestImageOptions { ArtifactType = type, Subject = subject.Descriptor(), Annotations = new Dictionary<string, string> { ["number"] = $"{i}" } }, []);
            Assert.Equal(HttpStatusCode.Created, (await host.Client.PutManifestAsync("ab", artifact.Digest, artifact, Cancelled)).Status);
        }

        var (all, pages) = await WalkAsync(host, $"/v2/ab/referrers/{subject.Digest}", "manifests");
        Assert.Equal((110, 2), (all.Distinct().Count(), pages));
        var filtered = await host.Client.ReferrersAsync("ab", subject.Digest, Cancelled, "application/even+type");
        Assert.Equal("artifactType", filtered.Header("OCI-Filters-Applied"));
        Assert.Equal(55, filtered.Json["manifests"]!.AsArray().Count);
        Assert.Null(filtered.Header("Link"));
    }

    [Fact]
    public async Task A_page_of_referrers_with_large_annotations_ends_early()
    {
        await using var host = await OciHost.StartAsync();
        var subject = TestImage.Index(new TestImageOptions(), []);
        for (var i = 0; i < 5; i++)
        {
            var artifact = TestImage.Index(
                new TestImageOptions { Subject = subject.Descriptor(), Annotations = new Dictionary<string, string> { ["large"] = $"{i}" + new string('x', 1_000_000) } }, []);
            Assert.Equal(HttpStatusCode.Created, (await host.Client.PutManifestAsync("ab", artifact.Digest, artifact, Cancelled)).Status);
        }

        var (all, pages) = await WalkAsync(host, $"/v2/ab/referrers/{subject.Digest}", "manifests");
        Assert.Equal((5, 2), (all.Distinct().Count(), pages));
    }

    private static async Task<(List<string> Items, int Pages)> WalkAsync(OciHost host, string path, string member)
    {
        var items = new List<string>();
        var pages = 0;
        for (string? next = path; next is not null; pages++)
        {
            var page = await host.Client.ExpectAsync(HttpStatusCode.OK, HttpMethod.Get, next, Cancelled);
            items.AddRange(page.Json[member]!.AsArray().Select(item => item!.GetValueKind() == System.Text.Json.JsonValueKind.String ? (string)item! : (string)item["digest"]!));
            next = page.Header("Link") is { } link ? link[1..link.IndexOf('>', StringComparison.Ordinal)] : null;
            Assert.True(pages < 100);
        }

        return (items, pages);
    }

    /// <summary>An index of exactly this many bytes.</summary>
    private static byte[] ManifestOf(int length)
    {
        const string start = """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"fill":" """;
        const string end = "\"}}";
        return Encoding.ASCII.GetBytes(start + new string('x', length - start.Length - end.Length) + end);
    }
}
