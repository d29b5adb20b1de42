using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>
/// Walks all links and then all rows of bodies for what no lease leads the collector to: links that no image backs, bodies that nothing references. There
/// should be none; a database that was restored, or written by an older version, may have some.
/// </summary>
internal sealed class ReferenceSweep(IDatabase database, TimeProvider time)
{
    /// <summary>Rows looked at in one step.</summary>
    public const int Batch = 1000;

    /// <summary>One step from where the progress is. Null at the end.</summary>
    public async Task<CollectionProgress?> StepAsync(CollectionProgress progress, CancellationToken cancellationToken) =>
        progress.LinksDone ? await SweepBodiesAsync(progress, cancellationToken) : await SweepLinksAsync(progress, cancellationToken);

    private async Task<CollectionProgress?> SweepLinksAsync(CollectionProgress progress, CancellationToken cancellationToken)
    {
        var links = await database.ReadAsync(
            session => session.QueryAsync(
                """
                SELECT l.repository_id, l.blob_id, CASE WHEN l.leased_until IS NULL AND NOT EXISTS (
                    SELECT 1 FROM manifest_blobs mb WHERE mb.blob_id = l.blob_id AND mb.repository_id = l.repository_id) THEN 1 ELSE 0 END
                FROM repository_blobs l WHERE (l.repository_id, l.blob_id) > (@repository, @blob) ORDER BY l.repository_id, l.blob_id LIMIT @limit
                """,
                static row => (Repository: row.GetInt64(0), Blob: row.GetInt64(1), Lost: row.GetInt64(2) != 0),
                ("@repository", progress.Repository),
                ("@blob", progress.Blob),
                ("@limit", (long)Batch)),
            cancellationToken);
        if (links.Exists(link => link.Lost))
        {
            // Only a lease: the collector looks again, with locks, before a link goes.
            await database.WriteAsync(
                Durability.Relaxed,
                async session =>
                {
                    foreach (var link in links)
                    {
                        if (!link.Lost) continue;
                        await session.ExecuteAsync(
                            "UPDATE repository_blobs SET leased_until = @now WHERE repository_id = @repository AND blob_id = @blob AND leased_until IS NULL",
                            ("@now", time.GetUtcNow().ToDatabase()),
                            ("@repository", link.Repository),
                            ("@blob", link.Blob));
                    }

                    return 0;
                },
                cancellationToken);
        }

        progress = progress.With(new CollectionCounts(Looked: links.Count));
        return links.Count < Batch
            ? progress with { LinksDone = true, Repository = 0, Blob = 0 }
            : progress with { Repository = links[^1].Repository, Blob = links[^1].Blob };
    }

    private async Task<CollectionProgress?> SweepBodiesAsync(CollectionProgress progress, CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            session => session.QueryAsync(
                """
                SELECT b.id, b.state, CASE WHEN EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = b.id)
                    OR EXISTS (SELECT 1 FROM recycled_blobs WHERE blob_id = b.id) THEN 1 ELSE 0 END
                FROM blobs b WHERE b.id > @after ORDER BY b.id LIMIT @limit
                """,
                static row => (Id: row.GetInt64(0), State: row.GetInt64(1), Referenced: row.GetInt64(2) != 0),
                ("@after", progress.Blob),
                ("@limit", (long)Batch)),
            cancellationToken);
        if (rows.Count == 0) return null;
        var counts = new CollectionCounts(Looked: rows.Count);
        // A condemned body that is referenced is alive; any other one without references is not.
        var wrong = rows.FindAll(row => row.Referenced == (row.State == BlobState.Condemned));
        wrong.RemoveAll(row => row is { State: BlobState.Condemned, Referenced: false });
        if (wrong.Count > 0)
        {
            counts += await database.WriteAsync(
                Durability.Synced,
                async session =>
                {
                    var done = new CollectionCounts();
                    foreach (var row in wrong) done += await MendAsync(session, row.Id);
                    return done;
                },
                cancellationToken);
        }

        return progress.With(counts) with { Blob = rows[^1].Id };
    }

    private async ValueTask<CollectionCounts> MendAsync(DbSession session, long id)
    {
        var now = time.GetUtcNow();
        var body = await session.QueryFirstAsync(
            "SELECT digest, location, size, state FROM blobs WHERE id = @id /*lock FOR UPDATE*/",
            static row => (Digest: row.GetString(0), Location: row.GetString(1), Size: row.GetInt64(2), State: row.GetInt64(3)),
            ("@id", id));
        switch (body)
        {
            case { Location: null }:
                break;
            case { State: BlobState.Live }:
                return new CollectionCounts(Condemned: await BlobReferences.CondemnUnreferencedAsync(session, [id], now));
            case { State: BlobState.Condemned }:
                var referenced = await session.QueryFirstAsync(
                    "SELECT 1 WHERE EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = @id) OR EXISTS (SELECT 1 FROM recycled_blobs WHERE blob_id = @id)",
                    static row => row.GetInt64(0),
                    ("@id", id)) == 1;
                if (referenced) await BlobReferences.ReviveAsync(session, id);
                break;
            default:
                // Damaged, set aside, and nobody wants it any more: its row only stands in the way.
                if (await Collector.TryDeleteRowAsync(session, id, body.Digest, body.Location, body.Size, now)) return new CollectionCounts(FreedBodies: 1);
                break;
        }

        return new CollectionCounts();
    }
}
