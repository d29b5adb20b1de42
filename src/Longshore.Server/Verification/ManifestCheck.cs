using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Verification;

/// <summary>Checks one manifest: its bytes, and that the repository holds everything it names.</summary>
internal static class ManifestCheck
{
    /// <summary>What is wrong with it.</summary>
    public static async ValueTask<List<Finding>> RunAsync(IDatabase database, ManifestRow row, CancellationToken cancellationToken)
    {
        var image = $"{row.Repository}@{row.Digest}";
        var problems = new List<Finding>();
        if (row.Bytes.Length != row.Size || Digest.Compute(row.Bytes, row.Digest.Algorithm) != row.Digest)
        {
            problems.Add(new Finding(FindingKind.ManifestDamaged, row.Digest.Value, $"The manifest {image} does not have its digest any more.", [image], null));
            return problems;
        }

        if (!ManifestDocument.Parse(row.Bytes, row.MediaType).TryGet(out var document, out var error))
        {
            problems.Add(new Finding(FindingKind.ManifestDamaged, row.Digest.Value, $"The manifest {image} cannot be read: {error.Message}", [image], null));
            return problems;
        }

        problems.AddRange(await database.ReadSnapshotAsync(
            async session =>
            {
                var found = new List<Finding>();
                if (row.IsRecycled) await CheckRecycledAsync(session, row, image, document, found);
                else await CheckAsync(session, row, image, document, found);
                return found;
            },
            cancellationToken));
        return problems;
    }

    private static async ValueTask CheckAsync(DbSession session, ManifestRow row, string image, ManifestDocument document, List<Finding> problems)
    {
        // Beside a serving registry the image may have been deleted since it was read.
        var there = await session.QueryFirstAsync("SELECT 1 FROM manifests WHERE id = @id", static r => r.GetInt64(0), ("@id", row.Id));
        if (there == 0) return;
        foreach (var reference in document.BlobReferences)
        {
            var state = await session.QueryFirstAsync<long?>(
                """
                SELECT b.state FROM blobs b
                JOIN manifest_blobs mb ON mb.blob_id = b.id AND mb.manifest_id = @manifest
                JOIN repository_blobs l ON l.blob_id = b.id AND l.repository_id = @repository
                WHERE b.digest = @digest AND b.size = @size
                """,
                static r => r.GetInt64(0),
                ("@manifest", row.Id),
                ("@repository", row.RepositoryId),
                ("@digest", reference.Digest.Value),
                ("@size", reference.Size));
            if (state != 0 && !reference.IsForeign)
                problems.Add(Missing(row, image, $"blob {reference.Digest}"));
        }

        foreach (var reference in document.Children)
        {
            var child = await session.QueryFirstAsync(
                "SELECT 1 FROM manifest_children c JOIN manifests m ON m.id = c.child_id WHERE c.manifest_id = @manifest AND m.repository_id = @repository AND m.digest = @digest",
                static r => r.GetInt64(0),
                ("@manifest", row.Id),
                ("@repository", row.RepositoryId),
                ("@digest", reference.Digest.Value));
            if (child == 0) problems.Add(Missing(row, image, $"manifest {reference.Digest}"));
        }
    }

    /// <summary>An image in the recycle bin must have kept its bodies. The images that an index lists may have gone for good: it only cannot be restored then.</summary>
    private static async ValueTask CheckRecycledAsync(DbSession session, ManifestRow row, string image, ManifestDocument document, List<Finding> problems)
    {
        var kept = await session.QueryFirstAsync("SELECT children FROM recycled_images WHERE id = @id", static r => r.GetString(0), ("@id", row.Id));
        if (kept is null) return;
        foreach (var reference in document.BlobReferences)
        {
            var state = await session.QueryFirstAsync<long?>(
                "SELECT b.state FROM blobs b JOIN recycled_blobs rb ON rb.blob_id = b.id AND rb.image_id = @image WHERE b.digest = @digest AND b.size = @size",
                static r => r.GetInt64(0),
                ("@image", row.Id),
                ("@digest", reference.Digest.Value),
                ("@size", reference.Size));
            if (state != 0 && !reference.IsForeign)
                problems.Add(Missing(row, image, $"blob {reference.Digest}"));
        }

        var children = kept.Length == 0 ? [] : kept.Split('\n');
        foreach (var reference in document.Children)
            if (!children.Contains(reference.Digest.Value)) problems.Add(Missing(row, image, $"manifest {reference.Digest} in its list"));
    }

    private static Finding Missing(ManifestRow row, string image, string what) => new(
        FindingKind.ReferenceMissing,
        row.Digest.Value,
        $"The image {image} {(row.IsRecycled ? "in the recycle bin " : "")}needs {what}, which {(row.IsRecycled ? "the bin" : "the repository")} does not hold whole.",
        [image],
        null);
}
