using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>The images that every client carries, as OCI layouts for <c>oci:DIRECTORY:TAG</c>.</summary>
internal static class TestImages
{
    /// <summary>As many layers as people's deepest images have.</summary>
    public const int ManyLayers = 60;

    /// <summary>An image of 60 small layers.</summary>
    public static TestManifest Deep(int seed) =>
        TestImage.Create(new TestImageOptions { Seed = seed, LayerSizes = [.. Enumerable.Range(0, ManyLayers).Select(i => 200 + (i * 37))] });

    /// <summary>An index of an amd64 and an arm64 image.</summary>
    public static TestManifest MultiPlatform(int seed) => TestImage.MultiPlatform(new TestImageOptions { Seed = seed, LayerSizes = [70_000, 3000] });

    /// <summary>An image of one layer, uncompressed: a small Debian system.</summary>
    public static async Task<TestManifest> DebianAsync(string rootFilesystem, CancellationToken cancellationToken)
    {
        var layer = TestBlob.Of(await File.ReadAllBytesAsync(rootFilesystem, cancellationToken), OciMediaTypes.Layer);
        return TestImage.Manifest(new TestImageOptions(), Config(layer.Digest), [layer]);
    }

    /// <summary>Writes a layout of one image with a layer of <paramref name="layerSize"/> bytes, without holding it in memory.</summary>
    /// <returns>Digest of the manifest and of the layer.</returns>
    public static async Task<(string Manifest, string Layer)> WriteHugeAsync(
        string directory, string tag, long layerSize, CancellationToken cancellationToken)
    {
        var blobs = System.IO.Directory.CreateDirectory(Path.Combine(directory, "blobs", "sha256")).FullName;
        var draft = Path.Combine(blobs, "draft");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[8 << 20];
        new Random(15).NextBytes(block);
        await using (var file = File.Create(draft))
        {
            for (var written = 0L; written < layerSize; written += block.Length)
            {
                // No two blocks alike, so that a block lost, doubled or moved is seen.
                BinaryPrimitives.WriteInt64LittleEndian(block, written);
                var part = block.AsMemory(0, (int)Math.Min(block.Length, layerSize - written));
                hash.AppendData(part.Span);
                await file.WriteAsync(part, cancellationToken);
            }
        }
        var digest = "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
        File.Move(draft, Path.Combine(blobs, digest.Split(':')[1]));

        var layer = new JsonObject { ["mediaType"] = OciMediaTypes.Layer, ["digest"] = digest, ["size"] = layerSize };
        var config = Config(digest);
        var manifest = TestManifest.Of(
            new JsonObject
            {
                ["schemaVersion"] = 2,
                ["mediaType"] = OciMediaTypes.ImageManifest,
                ["config"] = config.Descriptor(),
                ["layers"] = new JsonArray(layer),
            },
            OciMediaTypes.ImageManifest,
            [config]);
        await OciLayout.WriteAsync(directory, manifest, tag, cancellationToken);
        return (manifest.Digest, digest);
    }

    /// <summary>Writes <paramref name="image"/> as a layout below <paramref name="parent"/>.</summary>
    /// <returns>Its name for skopeo, podman and others: <c>oci:DIRECTORY:v1</c>.</returns>
    public static async Task<string> WriteLayoutAsync(TemporaryDirectory parent, TestManifest image, CancellationToken cancellationToken)
    {
        var directory = parent.Combine("layout-" + image.Digest[7..19]);
        if (!System.IO.Directory.Exists(directory))
            await OciLayout.WriteAsync(directory, image, "v1", cancellationToken);
        return $"oci:{directory}:v1";
    }

    private static TestBlob Config(string diffId) => TestBlob.Of(
        System.Text.Encoding.UTF8.GetBytes(
            $$$"""{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/cat","/etc/debian_version"]},"rootfs":{"type":"layers","diff_ids":["{{{diffId}}}"]}}"""),
        OciMediaTypes.ImageConfig);
}
