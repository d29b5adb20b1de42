using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>The bytes that removing images frees, from the rows that say who names which body.</summary>
internal static class BlobUsage
{
    /// <summary>Bytes for each of the images, in their order, in the caller's snapshot.</summary>
    public static async ValueTask<IReadOnlyList<ImageBytes>> FreedByAsync(DbSession session, long repositoryId, IReadOnlyList<long> manifestIds)
    {
        var removed = new List<IReadOnlyList<NamedBlob>>(manifestIds.Count);
        foreach (var manifest in manifestIds)
        {
            removed.Add(await session.QueryAsync(
                "SELECT b.id, b.size FROM manifest_blobs mb JOIN blobs b ON b.id = mb.blob_id WHERE mb.manifest_id = @manifest",
                static row => new NamedBlob(row.GetInt64(0), row.GetInt64(1)),
                ("@manifest", manifest)));
        }

        var named = new Dictionary<long, int>();
        foreach (var blobs in removed)
            foreach (var blob in blobs) named[blob.Id] = named.GetValueOrDefault(blob.Id) + 1;
        var uses = new Dictionary<long, BlobUses>(named.Count);
        foreach (var (blob, count) in named) uses[blob] = await CountAsync(session, repositoryId, blob, count);
        return FreedBytes.Of(removed, (blob, _) => uses[blob.Id]);
    }

    // Counting stops one beyond what the plan removes: a base layer that millions of images share costs no more than another one.
    private static async ValueTask<BlobUses> CountAsync(DbSession session, long repositoryId, long blobId, int removed) => await session.QueryFirstAsync(
        """
        SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM manifest_blobs WHERE blob_id = @blob AND repository_id = @repository LIMIT @most) AS here),
               (SELECT COUNT(*) FROM (SELECT 1 FROM manifest_blobs WHERE blob_id = @blob LIMIT @most) AS everywhere),
               EXISTS (SELECT 1 FROM recycled_blobs WHERE blob_id = @blob)
        """,
        static row => new BlobUses((int)row.GetInt64(0), (int)row.GetInt64(1), row.GetBoolean(2)),
        ("@blob", blobId),
        ("@repository", repositoryId),
        ("@most", removed + 1L));
}
