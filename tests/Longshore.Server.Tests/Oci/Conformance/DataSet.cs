using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>One kind of content of the published suite: manifests in push order, and tags on some of them.</summary>
/// <param name="TagByParameter">Tags travel as <c>?tag=</c> of the PUT by digest (specification after 1.1).</param>
internal sealed record DataSet(
    IReadOnlyList<TestManifest> Manifests, IReadOnlyDictionary<string, TestManifest> Tags, bool TagByParameter = false)
{
    private const string Type1 = "application/vnd.example.oci.conformance.v1";
    private const string Type2 = "application/vnd.example.oci.conformance.v2";
    private static readonly TestBlob EmptyJson = TestBlob.Of("{}"u8.ToArray(), OciMediaTypes.Empty);

    /// <summary>Names of all data sets, in the published order.</summary>
    public static readonly string[] Names =
    [
        "image", "image-uncompressed", "large-manifest", "index", "nested-index", "empty-index", "artifact", "artifact-index",
        "artifact-without-layers", "artifacts-with-subject", "index-with-subject", "missing-subject", "data-field",
        "non-distributable-layers", "custom-fields", "no-layers", "no-media-type", "docker-image", "docker-list", "sha512",
        "tag-param-sha256", "tag-param-sha512",
    ];

    public IEnumerable<TestBlob> Blobs => Manifests.SelectMany(manifest => manifest.Blobs).DistinctBy(blob => blob.Digest);

    /// <summary>Makes the data set <paramref name="name"/> from <paramref name="seed"/>.</summary>
    public static DataSet Create(string name, int seed)
    {
        var plain = new TestImageOptions { Seed = seed };
        return name switch
        {
            "image" => Tagged(name, TestImage.Create(plain)),
            "image-uncompressed" => Tagged(name, TestImage.Create(plain with { Compressed = false })),
            // 3.9 MB, under the 4 MiB that registries should accept.
            "large-manifest" => Tagged(name, TestImage.Create(plain with
            {
                Annotations = Enumerable.Range(0, 390).ToDictionary(i => $"large-annotation-{i}", _ => new string('A', 10000)),
            })),
            "index" => Tagged(name, TestImage.MultiPlatform(plain)),
            "nested-index" => Tagged(
                name, TestImage.Index(plain, [TestImage.MultiPlatform(plain), TestImage.MultiPlatform(plain with { Seed = ~seed })])),
            "empty-index" => Tagged(name, TestImage.Index(plain, [])),
            "artifact" => Tagged(name, Artifact(plain with { ArtifactType = Type1 }, Type1)),
            "artifact-index" => Tagged(name, ArtifactIndex(plain)),
            "artifact-without-layers" => Tagged(name, TestImage.Manifest(plain with { ArtifactType = Type1 }, EmptyJson, [EmptyJson])),
            "artifacts-with-subject" => ArtifactsWithSubject(plain),
            "index-with-subject" => IndexWithSubject(plain),
            "missing-subject" => Tagged(name, Artifact(Noted(plain with { ArtifactType = Type1, Subject = MissingSubject() }), Type1)),
            "data-field" => Tagged(name, TestImage.Create(plain with { DescriptorData = true })),
            "non-distributable-layers" => Tagged(name, NonDistributable(plain)),
            "custom-fields" => Tagged(name, TestImage.MultiPlatform(plain with { UnknownFields = true })),
            "no-layers" => Tagged(name, TestImage.Create(plain with { LayerSizes = [] })),
            "no-media-type" => Tagged(name, WithoutMediaType(TestImage.Create(plain with { LayerSizes = [] }))),
            "docker-image" => Tagged(name, TestImage.Create(plain with { Docker = true })),
            "docker-list" => Tagged(name, TestImage.MultiPlatform(plain with { Docker = true })),
            // Other digests than sha256 can only be tagged by parameter.
            "sha512" => new([.. TestImage.MultiPlatform(plain with { Algorithm = DigestAlgorithm.Sha512 }).PushOrder], Nothing),
            "tag-param-sha256" => TaggedByParameter(name, TestImage.MultiPlatform(plain)),
            "tag-param-sha512" => TaggedByParameter(name, TestImage.MultiPlatform(plain with { Algorithm = DigestAlgorithm.Sha512 })),
            _ => throw new ArgumentException($"No such data set: {name}", nameof(name)),
        };
    }

    private static Dictionary<string, TestManifest> Nothing => [];

    private static DataSet Tagged(string tag, TestManifest top) => new([.. top.PushOrder], new Dictionary<string, TestManifest> { [tag] = top });

    private static DataSet TaggedByParameter(string tag, TestManifest top)
    {
        TestManifest[] order = [.. top.PushOrder];
        var tags = order.Select((manifest, i) => KeyValuePair.Create($"{tag}-{i}", manifest)).Append(KeyValuePair.Create(tag, top));
        return new(order, new Dictionary<string, TestManifest>(tags), TagByParameter: true);
    }

    private static TestManifest Artifact(TestImageOptions options, string blobType) =>
        TestImage.Artifact(options with { LayerSizes = [2048] }, blobType);

    private static TestManifest ArtifactIndex(TestImageOptions options)
    {
        var typed = options with { ArtifactType = Type1 };
        return TestImage.Index(typed, [Artifact(typed, Type1), Artifact(typed with { Seed = ~options.Seed }, Type1)], "amd64", "arm64");
    }

    private static TestImageOptions Noted(TestImageOptions options) => options with
    {
        Annotations = new Dictionary<string, string>
        {
            ["org.opencontainers.conformance"] = "hello conformance test",
            [$"org.example.{(uint)options.Seed}"] = "unique",
        },
    };

    private static DataSet ArtifactsWithSubject(TestImageOptions options)
    {
        var subject = TestImage.Create(options);
        var referring = options with { Subject = subject.Descriptor() };
        var image = TestImage.Create(referring with { Seed = options.Seed ^ 1 });
        var first = Artifact(Noted(referring with { Seed = options.Seed ^ 2, ArtifactType = Type1 }), Type1);
        var second = Artifact(Noted(referring with { Seed = options.Seed ^ 3, ArtifactType = Type2 }), OciMediaTypes.OctetStream);
        return new(
            [subject, image, first, second],
            new Dictionary<string, TestManifest> { ["image"] = subject, ["tagged-artifact1"] = first, ["tagged-artifact2"] = second });
    }

    private static DataSet IndexWithSubject(TestImageOptions options)
    {
        var subject = TestImage.MultiPlatform(options);
        // The index's children refer to the subject too, as in the published suite.
        var referring = Noted(options with { Seed = ~options.Seed, ArtifactType = Type1, Subject = subject.Descriptor() });
        var index = TestImage.Index(
            referring, [Artifact(referring, Type1), Artifact(referring with { Seed = options.Seed ^ 1 }, Type1)], "amd64", "arm64");
        return new(
            [.. subject.PushOrder, .. index.PushOrder],
            new Dictionary<string, TestManifest> { ["index"] = subject, ["tagged-artifact"] = index });
    }

    private static JsonObject MissingSubject() => new()
    {
        ["mediaType"] = OciMediaTypes.ImageManifest,
        ["size"] = 123,
        ["digest"] = DigestAlgorithm.Sha256.Compute("missing content"u8),
    };

    private static TestManifest NonDistributable(TestImageOptions options)
    {
        var image = TestImage.Create(options with { LayerSizes = [300] });
        var json = image.Json;
        var layers = json["layers"]!.AsArray();
        var size = 12345;
        foreach (var mediaType in (string[])[OciMediaTypes.NonDistributableLayer, OciMediaTypes.NonDistributableLayerGzip])
        {
            var layer = TestBlob.Random(options.Seed + size, 64, mediaType).Descriptor();
            layer["size"] = size++;
            layer["urls"] = new JsonArray($"https://store.example.com/blobs/{size}");
            layers.Insert(0, layer);
        }
        return TestManifest.Of(json, image.MediaType, image.Blobs);
    }

    private static TestManifest WithoutMediaType(TestManifest image)
    {
        var json = image.Json;
        json.Remove("mediaType");
        return TestManifest.Of(json, image.MediaType, image.Blobs);
    }
}
