using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oci;

/// <summary>Writes images to disk as an OCI image layout, for clients such as skopeo (<c>oci:DIR:TAG</c>).</summary>
public static class OciLayout
{
    /// <summary>Writes <paramref name="manifest"/> and all it refers to; an existing layout in the directory gains an entry.</summary>
    public static async Task WriteAsync(string directory, TestManifest manifest, string tag, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(directory);
        foreach (var item in manifest.PushOrder)
        {
            foreach (var blob in item.Blobs)
                await WriteBlobAsync(directory, blob.Digest, blob.Content, cancellationToken);
            await WriteBlobAsync(directory, item.Digest, item.Content, cancellationToken);
        }

        var indexPath = Path.Combine(directory, "index.json");
        var index = File.Exists(indexPath)
            ? JsonNode.Parse(await File.ReadAllTextAsync(indexPath, cancellationToken))!.AsObject()
            : new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = OciMediaTypes.ImageIndex, ["manifests"] = new JsonArray() };
        var entry = manifest.Descriptor();
        entry["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = tag };
        index["manifests"]!.AsArray().Add(entry);
        await File.WriteAllTextAsync(indexPath, index.ToJsonString(), cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(directory, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""", cancellationToken);
    }

    private static async Task WriteBlobAsync(string directory, string digest, byte[] content, CancellationToken cancellationToken)
    {
        var path = Path.Combine([directory, "blobs", .. digest.Split(':')]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllBytesAsync(path, content, cancellationToken);
    }
}
