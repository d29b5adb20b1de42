using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>
/// The classic suite of specification 1.1 as one walk: its four categories in its order, in one repository, with the statuses that it
/// accepts, both orders of its teardown. The other classes of this folder are stricter; this one proves the sequence.
/// </summary>
public sealed class ClassicSuiteTests(ConformanceTarget target) : ConformanceTests(target)
{
    private const string TagName = "tagtest0";
    private static readonly TestBlob EmptyJson = TestBlob.Of("{}"u8.ToArray(), OciMediaTypes.Empty);

    /// <summary>What one run of the suite makes up: a config and a manifest for each category, one layer for all.</summary>
    private sealed class Content
    {
        public Content(int seed)
        {
            Layer = TestBlob.Random(seed, 150, OciMediaTypes.LayerGzip);
            Configs = [.. Enumerable.Range(0, 5).Select(i => Config($"{seed}-{i}"))];
            Manifests = [.. Configs.Select(config => Manifest(config, [Layer], withMediaType: true))];
            EmptyLayer = Manifest(Configs[1], [], withMediaType: false);
            BlobA = TestBlob.Random(seed + 1, 42);
            BlobB = TestBlob.Random(seed + 2, 42);
        }

        public TestBlob Layer { get; }

        public TestBlob[] Configs { get; }

        public TestManifest[] Manifests { get; }

        public TestManifest EmptyLayer { get; }

        public TestBlob BlobA { get; }

        public TestBlob BlobB { get; }

        private static TestBlob Config(string author) => TestBlob.Of(
            Encoding.UTF8.GetBytes($$$"""{"author":"{{{author}}}","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"""),
            OciMediaTypes.ImageConfig);

        private static TestManifest Manifest(TestBlob config, IReadOnlyList<TestBlob> layers, bool withMediaType)
        {
            var json = new JsonObject { ["schemaVersion"] = 2 };
            if (withMediaType)
                json["mediaType"] = OciMediaTypes.ImageManifest;
            var descriptor = config.Descriptor(withData: true);
            descriptor["newUnspecifiedField"] = Convert.ToBase64String("hello world"u8);
            json["config"] = descriptor;
            json["layers"] = new JsonArray([.. layers.Select(layer => WithNullField(layer.Descriptor()))]);
            return TestManifest.Of(json, OciMediaTypes.ImageManifest, [config, .. layers]);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task All_categories_pass_one_after_the_other(bool manifestsBeforeBlobs)
    {
        var repository = Target.NewRepository("classic");
        var content = new Content(NextSeed() << 4);
        await PullAsync(repository, content, manifestsBeforeBlobs);
        await PushAsync(repository, Target.NewRepository("crossmount"), content, manifestsBeforeBlobs);
        await DiscoveryAsync(repository, content, manifestsBeforeBlobs);
        await ManagementAsync(repository, content);
    }

    private async Task PullAsync(string repository, Content content, bool manifestsBeforeBlobs)
    {
        foreach (var blob in (TestBlob[])[content.Configs[0], content.Configs[1], content.Layer])
            await Client.PushBlobAsync(repository, blob, Token);
        await PutAsync(repository, TagName, content.Manifests[0]);
        await PutAsync(repository, content.Manifests[1].Digest, content.Manifests[1]);

        Expect(await Client.HeadBlobAsync(repository, UnknownDigest, Token), HttpStatusCode.NotFound);
        Expect(await Client.HeadBlobAsync(repository, content.Configs[0].Digest, Token), HttpStatusCode.OK);
        Expect(await Client.GetBlobAsync(repository, UnknownDigest, Token), HttpStatusCode.NotFound);
        Expect(await Client.GetBlobAsync(repository, content.Configs[0].Digest, Token), HttpStatusCode.OK);
        foreach (var method in (HttpMethod[])[HttpMethod.Head, HttpMethod.Get])
        {
            var manifests = $"/v2/{repository}/manifests/";
            Expect(await Client.SendAsync(method, manifests + ".INVALID_MANIFEST_NAME", Token), HttpStatusCode.NotFound);
            foreach (var (reference, manifest) in ((string, TestManifest)[])
                     [(content.Manifests[0].Digest, content.Manifests[0]), (content.Manifests[1].Digest, content.Manifests[1]), (TagName, content.Manifests[0])])
            {
                var response = await Client.SendAsync(method, manifests + reference, Token, headers: [("Accept", OciMediaTypes.ImageManifest)]);
                ExpectHeader(Expect(response, HttpStatusCode.OK), "Docker-Content-Digest", manifest.Digest);
            }
        }
        var wrong = await Client.SendAsync(
            HttpMethod.Get, $"/v2/{repository}/manifests/sha256:totallywrong", Token, headers: [("Content-Type", OciMediaTypes.ImageManifest)]);
        if (Expect(wrong, HttpStatusCode.BadRequest, HttpStatusCode.NotFound).Status == HttpStatusCode.BadRequest)
            Assert.NotEmpty(wrong.ErrorCodes);

        await TeardownAsync(
            repository, manifestsBeforeBlobs, content.Manifests[..2], [content.Configs[0], content.Configs[1], content.Layer], missingManifests: false);
    }

    private async Task PushAsync(string repository, string crossMount, Content content, bool manifestsBeforeBlobs)
    {
        // Streamed.
        var upload = await StartUploadAsync(repository);
        var patched = Expect(
            await Client.SendAsync(HttpMethod.Patch, upload.AbsoluteUri, Token, content.BlobA.Content, OciMediaTypes.OctetStream),
            HttpStatusCode.Accepted);
        ExpectLocation(Expect(await Client.FinishUploadAsync(patched.Location, content.BlobA.Digest, Token), HttpStatusCode.Created));

        // Monolithic.
        Expect(await Client.GetBlobAsync(repository, UnknownDigest, Token), HttpStatusCode.NotFound);
        var single = await BlobPush.PushAsync(Client, repository, content.Configs[1], PushMethod.Post, Token);
        ExpectLocation(Expect(single, HttpStatusCode.Created, HttpStatusCode.Accepted));
        Expect(
            await Client.GetBlobAsync(repository, content.Configs[1].Digest, Token),
            single.Status == HttpStatusCode.Created ? HttpStatusCode.OK : HttpStatusCode.NotFound);
        foreach (var blob in (TestBlob[])[content.Configs[1], content.Layer])
        {
            await Client.PushBlobAsync(repository, blob, Token);
            Expect(await Client.GetBlobAsync(repository, blob.Digest, Token), HttpStatusCode.OK);
        }

        await ChunkedAsync(repository, content.BlobB);
        await MountAsync(repository, crossMount, content.BlobA);

        // Manifests.
        Expect(await GetAsync($"/v2/{repository}/manifests/.INVALID_MANIFEST_NAME"), HttpStatusCode.NotFound);
        for (var i = 0; i < 4; i++)
            ExpectLocation(await PutAsync(repository, $"test{i}", content.Manifests[1]));
        ExpectLocation(await PutAsync(repository, "emptylayer", content.EmptyLayer));
        Expect(await Client.GetManifestAsync(repository, content.Manifests[1].Digest, Token), HttpStatusCode.OK);

        await TeardownAsync(
            repository, manifestsBeforeBlobs, [content.Manifests[1], content.EmptyLayer], [content.Configs[1], content.Layer], missingManifests: false);
    }

    private async Task ChunkedAsync(string repository, TestBlob blob)
    {
        var (first, second) = (blob.Content[..22], blob.Content[22..]);
        var upload = await StartUploadAsync(repository);
        Expect(await Client.PatchChunkAsync(upload, 22, second, Token), HttpStatusCode.RequestedRangeNotSatisfiable);

        upload = await StartUploadAsync(repository);
        var patched = Expect(await Client.PatchChunkAsync(upload, 0, first, Token), HttpStatusCode.Accepted);
        ExpectHeader(patched, "Range", "0-21");
        Expect(await Client.PatchChunkAsync(upload, 0, first, Token), HttpStatusCode.RequestedRangeNotSatisfiable);
        var status = Expect(await GetAsync(upload.AbsoluteUri), HttpStatusCode.NoContent);
        ExpectHeader(status, "Range", "0-21");
        patched = Expect(await Client.PatchChunkAsync(status.Location, 22, second, Token), HttpStatusCode.Accepted);
        ExpectLocation(Expect(await Client.FinishUploadAsync(patched.Location, blob.Digest, Token), HttpStatusCode.Created));
    }

    private async Task MountAsync(string repository, string crossMount, TestBlob blob)
    {
        ExpectLocation(Expect(await Client.MountBlobAsync(crossMount, UnknownDigest, null, Token), HttpStatusCode.Accepted));
        var mounted = Expect(
            await Client.MountBlobAsync(crossMount, blob.Digest, repository, Token), HttpStatusCode.Created, HttpStatusCode.Accepted);
        if (mounted.Status == HttpStatusCode.Created)
        {
            Assert.Equal($"/v2/{crossMount}/blobs/{blob.Digest}", Uri.UnescapeDataString(mounted.Location.AbsolutePath));
            Expect(await GetAsync(mounted.Location.AbsoluteUri), HttpStatusCode.OK);
            Expect(await Client.MountBlobAsync(crossMount, blob.Digest, null, Token), HttpStatusCode.Created, HttpStatusCode.Accepted);
        }
        else
        {
            Assert.StartsWith($"/v2/{crossMount}/blobs/uploads/", mounted.Location.AbsolutePath, StringComparison.Ordinal);
        }
    }

    private async Task DiscoveryAsync(string repository, Content content, bool manifestsBeforeBlobs)
    {
        var subject = content.Manifests[4];
        var (blobA, blobB) = (TestBlob.Of("NHL"u8.ToArray(), "application/vnd.a"), TestBlob.Of("NBA"u8.ToArray(), "application/vnd.b"));
        var configA = Referrer(subject, blobA, [EmptyJson], null, "config a");
        var layerA = Referrer(subject, EmptyJson, [blobA], "application/vnd.a", "layer a");
        var configB = Referrer(subject, blobB, [EmptyJson], null, "config b");
        var layerB = Referrer(subject, EmptyJson, [blobB], "application/vnd.b", "layer b");
        var lost = Referrer(content.Manifests[3], EmptyJson, [blobB], "application/vnd.b", null);
        var index = TestImage.Index(
            new TestImageOptions { ArtifactType = "application/vnd.index", Subject = subject.Descriptor(), Annotations = Note("index") },
            [configA, layerA]);

        await Client.PushBlobAsync(repository, content.Configs[2], Token);
        await Client.PushBlobAsync(repository, content.Layer, Token);
        for (var i = 0; i < 4; i++)
            await PutAsync(repository, $"test{i}", content.Manifests[2]);
        await Client.PushBlobAsync(repository, EmptyJson, Token);
        await Client.PushBlobAsync(repository, blobA, Token);
        foreach (var referrer in (TestManifest[])[configA, layerA, index])
            ExpectHeader(await PutAsync(repository, referrer.Digest, referrer), "OCI-Subject", subject.Digest);
        await Client.PushBlobAsync(repository, content.Configs[4], Token);
        await Client.PushBlobAsync(repository, content.Layer, Token);
        await PutAsync(repository, TagName, subject);
        await Client.PushBlobAsync(repository, blobB, Token);
        foreach (var referrer in (TestManifest[])[configB, layerB])
            ExpectHeader(await PutAsync(repository, referrer.Digest, referrer), "OCI-Subject", subject.Digest);
        ExpectHeader(await PutAsync(repository, lost.Digest, lost), "OCI-Subject", content.Manifests[3].Digest);

        var all = TagsOf(await GetAsync($"/v2/{repository}/tags/list"));
        var half = all.Count / 2;
        var page = TagsOf(await GetAsync($"/v2/{repository}/tags/list?n={half}"));
        Assert.Equal(half, page.Count);
        var next = TagsOf(await GetAsync($"/v2/{repository}/tags/list?n={half}&last={page[^1]}"));
        Assert.True(next.Count <= half);
        Assert.DoesNotContain(page[^1], next);

        Assert.Empty(ReferrersTests.EntriesOf(await Client.ReferrersAsync(repository, UnknownDigest, Token)));
        TestManifest[] five = [configA, layerA, index, configB, layerB];
        ReferrersTests.ExpectSame(five, ReferrersTests.EntriesOf(await Client.ReferrersAsync(repository, subject.Digest, Token)));
        var filtered = await Client.ReferrersAsync(repository, subject.Digest, Token, "application/vnd.a");
        ExpectHeader(filtered, "OCI-Filters-Applied", "artifactType");
        ReferrersTests.ExpectSame([configA, layerA], ReferrersTests.EntriesOf(filtered));
        ReferrersTests.ExpectSame(
            [lost], ReferrersTests.EntriesOf(await Client.ReferrersAsync(repository, content.Manifests[3].Digest, Token)));

        // The suite deletes the index and the subject first, and some of it twice.
        TestManifest[] manifests = [index, content.Manifests[2], subject, configA, layerA, configB, layerB, lost];
        await TeardownAsync(repository, manifestsBeforeBlobs, manifests, [content.Configs[2], content.Layer], missingManifests: true);
        await TeardownAsync(
            repository,
            manifestsBeforeBlobs,
            [index, configA, layerA, subject, configB, layerB],
            [content.Configs[4], blobA, blobB, EmptyJson],
            missingManifests: true);
    }

    private async Task ManagementAsync(string repository, Content content)
    {
        var manifest = content.Manifests[3];
        await Client.PushBlobAsync(repository, content.Configs[3], Token);
        await Client.PushBlobAsync(repository, content.Layer, Token);
        await PutAsync(repository, TagName, manifest);
        var before = TagsOf(await GetAsync($"/v2/{repository}/tags/list")).Count;

        var byTag = await Client.DeleteManifestAsync(repository, TagName, Token);
        Expect(byTag, HttpStatusCode.Accepted, HttpStatusCode.BadRequest, HttpStatusCode.MethodNotAllowed);
        if (byTag.Status == HttpStatusCode.BadRequest)
            Assert.Equal("UNSUPPORTED", byTag.ErrorCodes[0]);
        Expect(await Client.DeleteManifestAsync(repository, manifest.Digest, Token), HttpStatusCode.Accepted, HttpStatusCode.NotFound);
        Expect(await Client.GetManifestAsync(repository, manifest.Digest, Token), HttpStatusCode.NotFound, HttpStatusCode.OK);
        Assert.True(TagsOf(await GetAsync($"/v2/{repository}/tags/list")).Count < before);

        HttpStatusCode[] accepted = [HttpStatusCode.Accepted, HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed];
        Expect(await Client.DeleteBlobAsync(repository, content.Configs[3].Digest, Token), accepted);
        var layer = Expect(await Client.DeleteBlobAsync(repository, content.Layer.Digest, Token), accepted);
        if (layer.Status != HttpStatusCode.MethodNotAllowed)
            Expect(await Client.GetBlobAsync(repository, content.Configs[3].Digest, Token), HttpStatusCode.NotFound);
    }

    /// <param name="missingManifests">Whether a manifest may be gone already.</param>
    private async Task TeardownAsync(
        string repository, bool manifestsBeforeBlobs, TestManifest[] manifests, TestBlob[] blobs, bool missingManifests)
    {
        if (manifestsBeforeBlobs)
            await DeleteManifestsAsync();
        foreach (var blob in blobs)
        {
            Expect(
                await Client.DeleteBlobAsync(repository, blob.Digest, Token),
                HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.NoContent, HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed);
        }
        if (!manifestsBeforeBlobs)
            await DeleteManifestsAsync();

        async Task DeleteManifestsAsync()
        {
            foreach (var manifest in manifests)
            {
                var response = await Client.DeleteManifestAsync(repository, manifest.Digest, Token);
                if (!missingManifests || response.Status != HttpStatusCode.NotFound)
                    Expect(response, HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.NoContent, HttpStatusCode.MethodNotAllowed);
            }
        }
    }

    private async Task<OciResponse> PutAsync(string repository, string reference, TestManifest manifest) =>
        Expect(await Client.PutManifestAsync(repository, reference, manifest, Token), HttpStatusCode.Created);

    private static void ExpectLocation(OciResponse response) => Assert.False(string.IsNullOrEmpty(response.Header("Location")), response.ToString());

    private static JsonObject WithNullField(JsonObject descriptor)
    {
        descriptor["newUnspecifiedField"] = null;
        return descriptor;
    }

    private static Dictionary<string, string> Note(string text) => new() { ["org.opencontainers.conformance.test"] = "test " + text };

    private static TestManifest Referrer(TestManifest subject, TestBlob config, IReadOnlyList<TestBlob> layers, string? artifactType, string? note) =>
        TestImage.Manifest(
            new TestImageOptions
            {
                ArtifactType = artifactType,
                Subject = WithNullField(subject.Descriptor()),
                Annotations = note is null ? new Dictionary<string, string>() : Note(note),
            },
            config,
            layers);
}
