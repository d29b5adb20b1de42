using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>A body that collection would remove if nothing changes.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Size">Bytes.</param>
/// <param name="NotBefore">The earliest time at which it goes: when its grace period is over, which begins with the next collection if it is not condemned yet.</param>
internal sealed record CollectableBody(Digest Digest, long Size, DateTimeOffset NotBefore);

/// <summary>The dry run of collection: exactly which bodies and bytes would go. Reads only.</summary>
internal sealed class CollectionPreview(IDatabase database, TimeProvider time, ContentOptions content)
{
    private const int Page = 500;

    /// <summary>
    /// Every body that the next collection would free or condemn: first the condemned ones, then those whose links all have leases that are over and no image.
    /// </summary>
    /// <remarks>Each page is read by itself: memory does not grow, and pushes go on meanwhile.</remarks>
    public async IAsyncEnumerable<CollectableBody> ListAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (since, id) = (-1L, 0L);
        while (true)
        {
            var page = await CondemnedAsync(since, id, cancellationToken);
            foreach (var row in page) yield return row.Body;
            if (page.Count < Page) break;
            (since, id) = page[^1].Key;
        }

        var now = time.GetUtcNow();
        var after = (Until: -1L, Repository: 0L, Blob: 0L);
        while (true)
        {
            var page = await OverdueAsync(after, now, cancellationToken);
            foreach (var row in page)
                if (row.Body is not null) yield return row.Body;
            if (page.Count < Page) break;
            after = page[^1].Key;
        }
    }

    private ValueTask<List<((long, long) Key, CollectableBody Body)>> CondemnedAsync(long since, long id, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            """
            SELECT condemned_at, id, digest, size FROM blobs
            WHERE state = 1 AND condemned_at IS NOT NULL AND (condemned_at, id) > (@since, @id) ORDER BY condemned_at, id LIMIT @limit
            """,
            row => ((row.GetInt64(0), row.GetInt64(1)), new CollectableBody(ImageRows.DigestAt(row, 2), row.GetInt64(3), row.GetTime(0) + content.CollectionGrace)),
            ("@since", since),
            ("@id", id),
            ("@limit", (long)Page)),
        cancellationToken);

    // A link stays when an image backs it, or when it has a lease that is not over, or none (only the sweep leads to those). The first
    // link of a body, by repository, stands for all of them.
    private ValueTask<List<((long, long, long) Key, CollectableBody? Body)>> OverdueAsync((long Until, long Repository, long Blob) after, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryAsync(
                """
                SELECT l.leased_until, l.repository_id, l.blob_id, b.digest, b.size, CASE WHEN b.state = 0
                    AND NOT EXISTS (SELECT 1 FROM repository_blobs f WHERE f.blob_id = l.blob_id AND f.repository_id < l.repository_id)
                    AND NOT EXISTS (
                        SELECT 1 FROM repository_blobs s WHERE s.blob_id = l.blob_id AND (s.leased_until IS NULL OR s.leased_until > @now
                            OR EXISTS (SELECT 1 FROM manifest_blobs mb WHERE mb.blob_id = s.blob_id AND mb.repository_id = s.repository_id)))
                    AND NOT EXISTS (SELECT 1 FROM recycled_blobs r WHERE r.blob_id = l.blob_id) THEN 1 ELSE 0 END
                FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id
                WHERE l.leased_until <= @now AND (l.leased_until, l.repository_id, l.blob_id) > (@until, @repository, @blob)
                ORDER BY l.leased_until, l.repository_id, l.blob_id LIMIT @limit
                """,
                row => ((row.GetInt64(0), row.GetInt64(1), row.GetInt64(2)),
                    row.GetInt64(5) != 0 ? new CollectableBody(ImageRows.DigestAt(row, 3), row.GetInt64(4), now + content.CollectionGrace) : null),
                ("@now", now.ToDatabase()),
                ("@until", after.Until),
                ("@repository", after.Repository),
                ("@blob", after.Blob),
                ("@limit", (long)Page)),
            cancellationToken);
}
