using System.Globalization;
using System.Net;
using System.Text;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.BadInput;

/// <summary>Requests that are wrong in what they say: each is refused in the protocol's own form, and leaves nothing behind.</summary>
[Collection(StressCollection.Name)]
public sealed class BadRequestTests(LiveRegistryFixture fixture) : IClassFixture<LiveRegistryFixture>, IAsyncDisposable
{
    private const string Repository = "bad/input";

    private static readonly string[] WrongDigests =
    [
        "", "sha256", "sha256:", ":", "sha256:abc", "sha256:" + new string('A', 64), "sha256:" + new string('g', 64), "sha256:" + new string('0', 65),
        "sha512:" + new string('0', 64), "md5:" + new string('0', 32), "SHA256:" + new string('0', 64), "sha256:" + new string('0', 63) + "\u0660",
        "sha256:../../../../etc/passwd", "sha256%3A" + new string('0', 64), " sha256:" + new string('0', 64), "sha256:" + new string('0', 64) + "\n",
        "sha256:" + new string('0', 100_00),
    ];

    private readonly LiveRegistry _registry = fixture.Registry;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private OciClient Client => _registry.Client;

    public async ValueTask DisposeAsync()
    {
        await _registry.ExpectUsableAsync(Token);
        _registry.ExpectNoFailuresInLog();
        await _registry.VerifyAsync(Token);
    }

    [Fact]
    public async Task Bodies_with_another_digest_are_refused_and_never_visible()
    {
        var (sent, named) = (TestBlob.Random(1, 50_000), TestBlob.Random(2, 50_000));
        await Client.PushBlobAsync(Repository, TestBlob.Random(3, 10), Token);
        Refused(await Client.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/?digest={named.Digest}", Token, sent.Content), 400, "DIGEST_INVALID");
        var upload = await Client.StartUploadAsync(Repository, Token);
        Refused(await Client.FinishUploadAsync(upload, named.Digest, Token, sent.Content), 400, "DIGEST_INVALID");
        await Client.PatchChunkAsync(upload, 0, sent.Content, Token);
        Refused(await Client.FinishUploadAsync(upload, named.Digest, Token), 400, "DIGEST_INVALID");
        foreach (var digest in WrongDigests)
        {
            Refused(await Client.FinishUploadAsync(upload, digest, Token), 400, "DIGEST_INVALID");
            var text = Uri.EscapeDataString(digest);
            if (digest.Length > 0) Refused(await Client.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/?mount={text}&from=a/b", Token, []), 400, "DIGEST_INVALID");
            Refused(await Client.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/?digest={text}", Token, sent.Content), 400, "DIGEST_INVALID");
            Refused(await Client.GetBlobAsync(Repository, text, Token));
            Refused(await Client.DeleteBlobAsync(Repository, text, Token));
            Refused(await Client.ReferrersAsync(Repository, text, Token));
            if (digest.Contains(':', StringComparison.Ordinal)) Refused(await Client.PutManifestAsync(Repository, text, TestImage.Create(1), Token));
        }

        foreach (var digest in new[] { sent.Digest, named.Digest })
            Assert.Equal(HttpStatusCode.NotFound, (await Client.HeadBlobAsync(Repository, digest, Token)).Status);
        // The upload survived all of it.
        Assert.Equal(HttpStatusCode.Created, (await Client.FinishUploadAsync(upload, sent.Digest, Token)).Status);
        LiveRegistry.Same(sent.Content, (await Client.GetBlobAsync(Repository, sent.Digest, Token)).Body);

        var image = TestImage.Create(2, 100);
        Refused(await Client.PutManifestAsync(Repository, named.Digest, image, Token), 400);
        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetManifestAsync(Repository, image.Digest, Token)).Status);
    }

    [Fact]
    public async Task Sizes_that_are_not_the_bodies_are_refused()
    {
        var image = TestImage.Create(3, 5_000);
        foreach (var blob in image.Blobs) await Client.PushBlobAsync(Repository, blob, Token);
        foreach (var size in (long[])[0, 1, image.Blobs[0].Content.Length - 1, image.Blobs[0].Content.Length + 1, long.MaxValue, -1])
        {
            var json = image.Json;
            json["config"]!["size"] = size;
            Refused(await Client.PutManifestAsync(Repository, "wrong-size", TestManifest.Of(json, image.MediaType, []), Token), 400);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetManifestAsync(Repository, "wrong-size", Token)).Status);
    }

    [Fact]
    public async Task Content_ranges_of_every_wrong_form_are_refused_and_move_nothing()
    {
        var blob = TestBlob.Random(4, 100);
        var upload = await Client.StartUploadAsync(Repository, Token);
        await Client.PatchChunkAsync(upload, 0, blob.Content[..40], Token);
        string[] wrong =
        [
            "", " ", "-", "a-b", "40", "40-", "-99", "99-40", "40-98", "40-100", "40-99-", "40--99", "+40-99", "40-+99", "40 - 99", "0x28-0x63",
            "40-99,100-200", "bytes=40-99", "bytes 40-99", "bytes 40-99/", "bytes 40-99/99", "bytes */100", "octets 40-99/100", "40-99/100", "\"40-99\"",
            "40.0-99.0", "1e2-2e2", "9223372036854775807-9223372036854775807", "9223372036854775808-9223372036854775900", "18446744073709551616-18446744073709551700",
            "40-9223372036854775807", "0-9223372036854775806", new string('9', 5000) + "-" + new string('9', 5000), "NaN-NaN", "40-99\t0", "%34%30-99",
        ];
        string[] misplaced = ["0-59", "39-98", "41-100", "1000-1059", "9223372036854775000-9223372036854775059"];
        foreach (var method in (HttpMethod[])[HttpMethod.Patch, HttpMethod.Put])
        {
            var address = method == HttpMethod.Put ? OciClient.WithQuery(upload, "digest", blob.Digest) : upload.AbsoluteUri;
            foreach (var range in wrong.Concat(misplaced))
            {
                foreach (var chunked in (bool[])[false, true])
                {
                    var answer = await Client.SendAsync(method, address, Token, blob.Content[40..], OciMediaTypes.OctetStream, [("Content-Range", range)], chunked);
                    Assert.True(answer.Status is HttpStatusCode.BadRequest or HttpStatusCode.RequestedRangeNotSatisfiable, $"{range}: {answer}");
                    Assert.NotEmpty(answer.ErrorCodes);
                    if (misplaced.Contains(range)) Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, answer.Status);
                }
            }

            var where = await Client.SendAsync(HttpMethod.Get, upload.AbsoluteUri, Token);
            Assert.Equal("0-39", where.Header("Range"));
        }

        Assert.Equal(HttpStatusCode.Accepted, (await Client.PatchChunkAsync(upload, 40, blob.Content[40..], Token)).Status);
        Assert.Equal(HttpStatusCode.Created, (await Client.FinishUploadAsync(upload, blob.Digest, Token)).Status);
        foreach (var range in wrong.Concat(["bytes=0-0,5-6", "bytes=-0", "bytes=100-", "bytes=9223372036854775807-", "bytes=99999999999999999999-", "bytes=-99999999999999999999", "bytes=5-2"]))
        {
            var got = await Client.SendAsync(HttpMethod.Get, $"/v2/{Repository}/blobs/{blob.Digest}", Token, headers: [("Range", range)]);
            Assert.True(got.Status is HttpStatusCode.OK or HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable, $"{range}: {got}");
            if (got.Status == HttpStatusCode.OK) Assert.Equal(blob.Content, got.Body);
        }
    }

    [Fact]
    public async Task Uploads_that_do_not_exist_or_are_another_repositorys_are_unknown()
    {
        var blob = TestBlob.Random(5, 10);
        await Client.PushBlobAsync(Repository, blob, Token);
        await Client.PushBlobAsync("other/repository", blob, Token);
        var mine = await Client.StartUploadAsync(Repository, Token);
        var id = mine.Segments[^1];
        string[] ids =
        [
            Guid.Empty.ToString(), Guid.NewGuid().ToString(), id.ToUpperInvariant(), id[..^1], id + "0", "x", "1", "-1", "null", "uploads", new string('a', 500),
            "..", "%2e%2e", "%00", id + "%00", id + "%2f..", "..%5c..%5clongshore.db", "_state", "*", "%27%20OR%201=1--",
        ];
        var addresses = ids.Where(other => other != id).Select(other => $"/v2/{Repository}/blobs/uploads/{other}")
            .Append($"/v2/other/repository/blobs/uploads/{id}").Append($"/v2/no/such/blobs/uploads/{id}");
        foreach (var address in addresses)
        {
            Refused(await Client.SendAsync(HttpMethod.Get, address, Token));
            Refused(await Client.SendAsync(HttpMethod.Patch, address, Token, blob.Content, OciMediaTypes.OctetStream));
            Refused(await Client.SendAsync(HttpMethod.Put, $"{address}?digest={blob.Digest}", Token, blob.Content, OciMediaTypes.OctetStream));
            Refused(await Client.SendAsync(HttpMethod.Delete, address, Token));
        }

        Assert.Equal(HttpStatusCode.Created, (await Client.FinishUploadAsync(mine, blob.Digest, Token, blob.Content)).Status);
        // Ended: there is no second end.
        Refused(await Client.FinishUploadAsync(mine, blob.Digest, Token, blob.Content), 404, "BLOB_UPLOAD_UNKNOWN");
    }

    [Fact]
    public async Task Names_tags_and_queries_that_cannot_be_are_refused()
    {
        var image = TestImage.Create(6, 100);
        await Client.PushImageAsync(Repository, image, "good", Token);
        string[] names =
        [
            "UPPER", "a//b", "a/", "-a", "a-", "_a", "a_", "a..b", "a/-b", "a___b", "a b", "a%20b", "ä", "%C3%A4", "a+b", "a:b", "a@b", "a", new string('a', 257),
            string.Join('/', Enumerable.Repeat("ab", 100)), "a/b/UPPER", ".", "..", "a.", ".a", "%zz", "a%", "a%2fb", "blobs/uploads", "manifests",
        ];
        foreach (var name in names)
        {
            foreach (var (method, path) in ((string, string)[])[("GET", "tags/list"), ("POST", "blobs/uploads/"), ("PUT", "manifests/x"), ("GET", "manifests/x"), ("GET", $"blobs/{image.Digest}")])
            {
                var body = method == "GET" ? null : image.Content;
                var answer = await Client.SendAsync(new HttpMethod(method), $"/v2/{name}/{path}", Token, body, image.MediaType);
                Assert.True((int)answer.Status is (>= 400 and < 500) or 202 or 201, answer.ToString());
                if (answer.Status is HttpStatusCode.Accepted) Assert.Contains(name, (string[])["blobs/uploads", "manifests", "a..b"]);
            }
        }

        foreach (var tag in (string[])["-x", ".x", "ä", "a%20b", "a+b", "a@b", "a%2fb", "%00", "a%0a", new string('t', 301), "..", "%2e%2e", "a*"])
        {
            Refused(await Client.PutManifestAsync(Repository, tag, image, Token));
            Refused(await Client.GetManifestAsync(Repository, tag, Token), null);
            Refused(await Client.DeleteManifestAsync(Repository, tag, Token));
        }

        Assert.Equal(["good"], (await Client.ListTagsAsync(Repository, Token)).Where(tag => !tag.StartsWith("size-", StringComparison.Ordinal)));
        string[] queries =
        [
            "n=-1", "n=abc", "n=1.5", "n=", "n=%00", "n=99999999999999999999", "n=0x10", "n=1e3", "n=+1", "n=٣", "last=%00", "last=%ff%fe", "last=" + new string('z', 10_000),
            "n=1&n=2&n=x", "n=5&last='%20OR%201=1--", "%%%", "&&&===&&&", "n[]=1", "artifactType=%00%ff", "next=!!!", "next=" + new string('A', 5000), "x" + new string('y', 9000),
        ];
        foreach (var query in queries)
        {
            foreach (var path in (string[])[$"{Repository}/tags/list", "_catalog", $"{Repository}/referrers/{image.Digest}", $"{Repository}/manifests/good", $"{Repository}/blobs/{image.Blobs[0].Digest}"])
            {
                var answer = await Client.SendAsync(HttpMethod.Get, $"/v2/{path}?{query}", Token);
                Assert.True((int)answer.Status is 200 or (>= 400 and < 500), answer.ToString());
            }
        }
    }

    [Fact]
    public async Task Manifests_of_four_mebibytes_are_taken_and_one_byte_more_is_not()
    {
        const int most = 4 * 1024 * 1024;
        var config = TestBlob.Random(7, 100);
        await Client.PushBlobAsync(Repository, config, Token);
        var small = TestImage.Manifest(new TestImageOptions(), config, []);
        foreach (var chunked in (bool[])[false, true])
        {
            foreach (var size in (int[])[most - 1, most, most + 1, most * 3])
            {
                var content = new byte[size];
                content.AsSpan().Fill((byte)' ');
                small.Content.CopyTo(content, 0);
                var manifest = small with { Content = content, Digest = DigestAlgorithm.Sha256.Compute(content) };
                var tag = string.Create(CultureInfo.InvariantCulture, $"size-{size}");
                var answer = await Client.SendAsync(HttpMethod.Put, $"/v2/{Repository}/manifests/{tag}", Token, content, manifest.MediaType, chunkedTransfer: chunked);
                if (size <= most)
                {
                    Assert.True(answer.Status == HttpStatusCode.Created, answer.ToString());
                    LiveRegistry.Same(content, (await Client.GetManifestAsync(Repository, tag, Token)).Body);
                }
                else
                {
                    Refused(answer, 413, "MANIFEST_INVALID");
                    Assert.Equal(HttpStatusCode.NotFound, (await Client.GetManifestAsync(Repository, tag, Token)).Status);
                }
            }
        }
    }

    [Fact]
    public async Task Manifests_that_are_no_manifests_are_refused()
    {
        var image = TestImage.Create(8, 100);
        foreach (var blob in image.Blobs) await Client.PushBlobAsync(Repository, blob, Token);
        var good = Encoding.UTF8.GetString(image.Content);
        string[] mediaTypes = [OciMediaTypes.ImageManifest, OciMediaTypes.ImageIndex, OciMediaTypes.DockerManifest, OciMediaTypes.DockerManifestList];
        foreach (var text in BadJson.All.Concat(BadJson.Manifests(good)))
        {
            foreach (var mediaType in mediaTypes)
            {
                var answer = await Client.SendAsync(HttpMethod.Put, $"/v2/{Repository}/manifests/bad", Token, Encoding.Latin1.GetBytes(text), mediaType);
                Refused(answer, null, null, text);
            }
        }

        foreach (var mediaType in (string?[])[null, "", "x", "application/", "text/plain; charset=\"", new string('a', 5000), "application/json;;;;", "*/*"])
        {
            var answer = await Client.SendAsync(HttpMethod.Put, $"/v2/{Repository}/manifests/type", Token, "{}"u8.ToArray(), mediaType);
            Refused(answer, null, null, mediaType);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetManifestAsync(Repository, "bad", Token)).Status);
    }

    private static void Refused(OciResponse answer, int? status = null, string? code = null, string? about = null)
    {
        Assert.True(status is null ? (int)answer.Status is >= 400 and < 500 : (int)answer.Status == status, $"{about}\n{answer}");
        // Kestrel itself refuses a null in a path, before anyone could put words to it.
        if (answer.Uri.AbsoluteUri.Contains("%00", StringComparison.Ordinal) && answer.Body.Length == 0) return;
        if (answer.Method != HttpMethod.Head) Assert.True(code is null ? answer.ErrorCodes.Count == 1 : answer.ErrorCodes.SequenceEqual([code]), $"{about}\n{answer}");
    }
}
