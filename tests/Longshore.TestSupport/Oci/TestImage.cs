using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oci;

/// <summary>Generates images, indexes and artifacts that real clients accept: layers are tar archives, diff ids are right.</summary>
public static class TestImage
{
    private const string UnknownField = "org.example.unknown";

    /// <summary>An OCI image with layers of the given content sizes.</summary>
    public static TestManifest Create(int seed, params int[] layerSizes) =>
        Create(new TestImageOptions { Seed = seed, LayerSizes = layerSizes });

    /// <summary>An image as <paramref name="options"/> say.</summary>
    public static TestManifest Create(TestImageOptions options)
    {
        var layers = new List<TestBlob>();
        var diffIds = new JsonArray();
        for (var i = 0; i < options.LayerSizes.Count; i++)
        {
            var tar = Tar(HashCode(options.Seed, i), i, options.LayerSizes[i]);
            // diff_ids are sha256 or the image's algorithm; clients recompute them with the algorithm they read.
            diffIds.Add(options.Algorithm.Compute(tar));
            var compressed = options.Compressed || options.Docker;
            var mediaType = options.Docker ? OciMediaTypes.DockerLayer : compressed ? OciMediaTypes.LayerGzip : OciMediaTypes.Layer;
            layers.Add(TestBlob.Of(compressed ? Gzip(tar) : tar, mediaType, options.Algorithm));
        }

        var configJson = new JsonObject
        {
            ["architecture"] = options.Architecture,
            ["os"] = "linux",
            ["author"] = $"Longshore test image {options.Seed}",
            ["config"] = new JsonObject(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = diffIds },
        };
        if (options.UnknownFields)
            configJson[UnknownField] = $"config {options.Seed}";
        var config = TestBlob.Of(
            Encoding.UTF8.GetBytes(configJson.ToJsonString()),
            options.Docker ? OciMediaTypes.DockerConfig : OciMediaTypes.ImageConfig,
            options.Algorithm);
        return Manifest(options, config, layers);
    }

    /// <summary>An artifact: the empty config and one blob of <c>LayerSizes[0]</c> random bytes per entry.</summary>
    public static TestManifest Artifact(TestImageOptions options, string blobMediaType) => Manifest(
        options,
        TestBlob.Of("{}"u8.ToArray(), OciMediaTypes.Empty, options.Algorithm),
        [.. options.LayerSizes.Select((size, i) => TestBlob.Random(HashCode(options.Seed, i), size, blobMediaType, options.Algorithm))]);

    /// <summary>A manifest over the given config and layers; seed and layer sizes of <paramref name="options"/> are not used.</summary>
    public static TestManifest Manifest(TestImageOptions options, TestBlob config, IReadOnlyList<TestBlob> layers)
    {
        var mediaType = options.Docker ? OciMediaTypes.DockerManifest : OciMediaTypes.ImageManifest;
        var json = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = mediaType };
        if (options.ArtifactType is not null)
            json["artifactType"] = options.ArtifactType;
        json["config"] = Describe(options, config);
        json["layers"] = new JsonArray([.. layers.Select(layer => Describe(options, layer))]);
        AddCommon(json, options);
        return TestManifest.Of(json, mediaType, [config, .. layers], algorithm: options.Algorithm);
    }

    /// <summary>An index over <paramref name="children"/>, or a Docker manifest list.</summary>
    /// <param name="architectures">One per child; null or missing leaves the platform out.</param>
    public static TestManifest Index(TestImageOptions options, IReadOnlyList<TestManifest> children, params string?[] architectures)
    {
        var mediaType = options.Docker ? OciMediaTypes.DockerManifestList : OciMediaTypes.ImageIndex;
        var json = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = mediaType };
        if (options.ArtifactType is not null)
            json["artifactType"] = options.ArtifactType;
        var entries = new JsonArray();
        for (var i = 0; i < children.Count; i++)
        {
            var entry = children[i].Descriptor();
            if (i < architectures.Length && architectures[i] is { } architecture)
                entry["platform"] = new JsonObject { ["architecture"] = architecture, ["os"] = "linux" };
            entries.Add(entry);
        }
        json["manifests"] = entries;
        AddCommon(json, options);
        return TestManifest.Of(json, mediaType, [], children, options.Algorithm);
    }

    /// <summary>An index of two images, amd64 and arm64.</summary>
    public static TestManifest MultiPlatform(TestImageOptions options)
    {
        string[] architectures = ["amd64", "arm64"];
        var children = architectures
            .Select((architecture, i) => Create(options with { Seed = HashCode(options.Seed, 100 + i), Architecture = architecture }))
            .ToList();
        return Index(options, children, architectures);
    }

    private static JsonObject Describe(TestImageOptions options, TestBlob blob)
    {
        var descriptor = blob.Descriptor(options.DescriptorData);
        if (options.UnknownFields)
            descriptor[UnknownField] = null;
        return descriptor;
    }

    private static void AddCommon(JsonObject json, TestImageOptions options)
    {
        if (options.Subject is not null)
            json["subject"] = options.Subject.DeepClone();
        if (options.Annotations.Count > 0)
            json["annotations"] = new JsonObject(options.Annotations.Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value)));
        if (options.UnknownFields)
            json[UnknownField] = new JsonObject { ["seed"] = options.Seed };
    }

    private static byte[] Tar(int seed, int layer, int size)
    {
        var content = new byte[size];
        new Random(seed).NextBytes(content);
        using var buffer = new MemoryStream(size + 4096);
        using (var writer = new TarWriter(buffer, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"layer-{layer}.bin")
            {
                // Fixed, or the bytes would differ from run to run.
                ModificationTime = DateTimeOffset.UnixEpoch,
                Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
                DataStream = new MemoryStream(content, writable: false),
            });
        }
        return buffer.ToArray();
    }

    private static byte[] Gzip(byte[] content)
    {
        using var buffer = new MemoryStream(content.Length + 64);
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(content);
        return buffer.ToArray();
    }

    // System.HashCode differs from process to process; this one must not.
    private static int HashCode(int seed, int index) => unchecked((seed * 486187739) + (index * 16777619) + 17);
}
