using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>
/// The steps of online collection. Each is bounded, holds no lock beyond its transaction, and may be interrupted, repeated, or run by several servers at once.
/// </summary>
/// <remarks>
/// 1. <see cref="EndLinksAsync"/>: links whose lease is over lose the lease when an image backs them; else they go, and a body without any reference is
/// condemned. 2. <see cref="FreeAsync"/>: a body condemned for longer than the grace period loses its row if it is still condemned and unreferenced. 3.
/// <see cref="UnlinkAsync"/>: the bodies of those rows, and orphans that the scrub noted long ago, are unlinked. A kill between 2 and 3 leaves a note
/// that the next run goes by. A new push of a digest whose row is gone has another generation, so a late unlink never meets it.
/// </remarks>
internal sealed class Collector(IDatabase database, IBlobStore store, TimeProvider time, ContentOptions content, CollectionOptions options, IEnumerable<IFreedBytes> freedBytes, ILogger<Collector> logger)
{
    /// <summary>Links or bodies in one transaction: pushes wait no longer than that.</summary>
    public const int Batch = 50;

    /// <summary>Step 1 for one batch. Null when no lease is over.</summary>
    public async Task<CollectionCounts?> EndLinksAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var links = await database.ReadAsync(
            session => session.QueryAsync(
                "SELECT repository_id, blob_id FROM repository_blobs WHERE leased_until <= @now ORDER BY leased_until, repository_id, blob_id LIMIT @limit",
                static row => (Repository: row.GetInt64(0), Blob: row.GetInt64(1)),
                ("@now", now.ToDatabase()),
                ("@limit", (long)Batch)),
            cancellationToken);
        if (links.Count == 0) return null;
        // In the order in which everyone locks.
        links.Sort();
        return await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                var (kept, ended) = (0, new List<long>());
                foreach (var (repository, blob) in links)
                {
                    var over = await session.QueryFirstAsync(
                        "SELECT 1 FROM repository_blobs WHERE repository_id = @repository AND blob_id = @blob AND leased_until <= @now /*lock FOR UPDATE*/",
                        static row => row.GetInt64(0),
                        ("@repository", repository),
                        ("@blob", blob),
                        ("@now", now.ToDatabase()));
                    if (over == 0) continue;
                    // Asked after the lock: a manifest that names the body has locked the link first, or finds it gone.
                    if (await session.ExecuteAsync(
                        """
                        UPDATE repository_blobs SET leased_until = NULL WHERE repository_id = @repository AND blob_id = @blob
                          AND EXISTS (SELECT 1 FROM manifest_blobs WHERE blob_id = @blob AND repository_id = @repository)
                        """,
                        ("@repository", repository),
                        ("@blob", blob)) == 1)
                    {
                        kept++;
                        continue;
                    }

                    await session.ExecuteAsync("DELETE FROM repository_blobs WHERE repository_id = @repository AND blob_id = @blob", ("@repository", repository), ("@blob", blob));
                    ended.Add(blob);
                }

                var condemned = await BlobReferences.CondemnUnreferencedAsync(session, ended, now);
                return new CollectionCounts(LinksKept: kept, LinksEnded: ended.Count, Condemned: condemned);
            },
            cancellationToken);
    }

    /// <summary>Step 2 for one batch. Null when nothing has been condemned for long enough.</summary>
    public async Task<CollectionCounts?> FreeAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var until = (now - content.CollectionGrace).ToDatabase();
        var condemned = await database.ReadAsync(
            session => session.QueryAsync(
                "SELECT id, generation FROM blobs WHERE state = 1 AND condemned_at <= @until ORDER BY condemned_at, id LIMIT @limit",
                static row => (Id: row.GetInt64(0), Generation: row.GetInt64(1)),
                ("@until", until),
                ("@limit", (long)Batch)),
            cancellationToken);
        if (condemned.Count == 0) return null;
        condemned.Sort();
        // Synced before the unlink: a row must never come back after a power cut when its body does not.
        return await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var counts = new CollectionCounts();
                var plans = new SortedDictionary<string, (long Bodies, long Bytes)>(StringComparer.Ordinal);
                foreach (var (id, generation) in condemned)
                {
                    var body = await session.QueryFirstAsync(
                        """
                        SELECT b.digest, b.location, b.size, (SELECT plan_id FROM released_blobs WHERE blob_id = b.id) FROM blobs b
                        WHERE b.id = @id AND b.generation = @generation AND b.state = 1 AND b.condemned_at <= @until /*lock FOR UPDATE*/
                        """,
                        static row => (Digest: row.GetString(0), Location: row.GetString(1), Size: row.GetInt64(2), Plan: row.GetStringOrNull(3)),
                        ("@id", id),
                        ("@generation", generation),
                        ("@until", until));
                    if (body.Location is null) continue;
                    if (!await TryDeleteRowAsync(session, id, body.Digest, body.Location, body.Size, now)) continue;
                    counts += new CollectionCounts(FreedBodies: 1, FreedBytes: body.Size);
                    if (body.Plan is not { } plan) continue;
                    plans.TryGetValue(plan, out var sum);
                    plans[plan] = (sum.Bodies + 1, sum.Bytes + body.Size);
                }

                foreach (var counter in freedBytes)
                    foreach (var (plan, sum) in plans) await counter.AddAsync(session, plan, sum.Bodies, sum.Bytes);
                return counts;
            },
            cancellationToken);
    }

    /// <summary>Step 3 for one batch: what it removed of orphans, and all bytes that went. Null when there is nothing to remove.</summary>
    public async Task<(CollectionCounts Counts, int Bodies, long Bytes)?> UnlinkAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var bodies = await database.ReadAsync(session => LooseBodies.ListAsync(session, now - options.OrphanAge, Batch), cancellationToken);
        if (bodies.Count == 0) return null;
        using var hold = BodyHold.TryShare(options.HoldFile);
        // A backup copies what the rows named when it began. The next collection looks again.
        if (hold is null) return null;
        if (bodies.Exists(body => !body.Doomed))
        {
            await database.WriteAsync(
                Durability.Synced,
                async session =>
                {
                    foreach (var body in bodies)
                        if (!body.Doomed) await LooseBodies.TryDoomAsync(session, body.Location, now);
                    return 0;
                },
                cancellationToken);
            bodies = await database.ReadAsync(session => LooseBodies.ListAsync(session, now - options.OrphanAge, Batch), cancellationToken);
        }

        var (orphans, orphanBytes, bytes) = (0, 0L, 0L);
        var gone = new List<string>(bodies.Count);
        var stuck = new List<string>();
        foreach (var body in bodies)
        {
            if (!body.Doomed) continue;
            try
            {
                var was = await store.DeleteAsync(body.Location, cancellationToken);
                gone.Add(body.Location);
                if (!was) continue; // Another collector, or this one before it was killed.
            }
            catch (IOException e)
            {
                // One bad sector must not hold up the others.
                logger.UnlinkFailed(e, body.Location);
                stuck.Add(body.Location);
                continue;
            }

            bytes += body.Size;
            if (body.Collected) continue;
            orphans++;
            orphanBytes += body.Size;
        }

        await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                foreach (var location in gone) await LooseBodies.ForgetAsync(session, location);
                foreach (var location in stuck) await LooseBodies.PostponeAsync(session, location, now);
                return 0;
            },
            cancellationToken);
        return (new CollectionCounts(OrphansRemoved: orphans, OrphanBytes: orphanBytes), gone.Count, bytes);
    }

    /// <summary>
    /// Sets right what a clock that was wrong left in the future: a lease that lasts far longer than leases do, a body that will only be condemned in some
    /// time. Each begins anew from now.
    /// </summary>
    public async Task MendTimesAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var longest = content.BlobLease > content.CollectionGrace ? content.BlobLease : content.CollectionGrace;
        var mended = Batch;
        while (mended >= Batch)
        {
            mended = await database.WriteAsync(
                Durability.Relaxed,
                async session => await session.ExecuteAsync(
                    """
                    UPDATE repository_blobs SET leased_until = @lease WHERE (repository_id, blob_id) IN (
                        SELECT repository_id, blob_id FROM repository_blobs WHERE leased_until > @far ORDER BY leased_until LIMIT @limit)
                    """,
                    ("@lease", (now + longest).ToDatabase()),
                    ("@far", (now + (2 * longest) + TimeSpan.FromHours(1)).ToDatabase()),
                    ("@limit", (long)Batch))
                    + await session.ExecuteAsync(
                        """
                        UPDATE blobs SET condemned_at = @now WHERE state = 1 AND id IN (
                            SELECT id FROM blobs WHERE state = 1 AND condemned_at > @far ORDER BY condemned_at LIMIT @limit)
                        """,
                        ("@now", now.ToDatabase()),
                        ("@far", (now + TimeSpan.FromHours(1)).ToDatabase()),
                        ("@limit", (long)Batch)),
                cancellationToken);
        }
    }

    /// <summary>
    /// Ends the row of a locked body that nothing may reference, and leaves a note for the unlink. When something does reference a condemned one all the
    /// same, it comes back to life instead, and the answer is false.
    /// </summary>
    internal static async ValueTask<bool> TryDeleteRowAsync(DbSession session, long id, string digest, string location, long size, DateTimeOffset now)
    {
        var referenced = await session.QueryFirstAsync(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = @id)
                OR EXISTS (SELECT 1 FROM recycled_blobs WHERE blob_id = @id) OR EXISTS (SELECT 1 FROM manifest_blobs WHERE blob_id = @id)
            """,
            static row => row.GetInt64(0),
            ("@id", id)) == 1;
        if (referenced)
        {
            await BlobReferences.ReviveAsync(session, id);
            return false;
        }

        await session.ExecuteAsync("DELETE FROM blobs WHERE id = @id", ("@id", id));
        await LooseBodies.DoomAsync(session, location, digest, size, now);
        return true;
    }
}
