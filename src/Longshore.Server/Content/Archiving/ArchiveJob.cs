using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content.Collection;
using Longshore.Server.Content.Events;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Archiving;

/// <summary>
/// Moves bodies between the areas of the store: 1. those of images that are being restored come back, then the image is active; 2. those that only
/// archived images name go to the archive; 3. those in the archive that an active image names since come back.
/// </summary>
/// <remarks>
/// A body is copied and made durable first; then one transaction points its row to the copy, if the row is still as it was, and notes the old body for the
/// collector to unlink. A kill in between leaves a copy without a row, which the scrub removes. At no moment does a row name a body that is not there.
/// </remarks>
internal sealed class ArchiveJob(IDatabase database, IBlobStore store, TimeProvider time, ILogger<ArchiveJob> logger) : IJobHandler
{
    /// <summary>Kind of its one job, whose name is empty.</summary>
    public const string JobKind = "archive";

    private const int Batch = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    // A body is named by an active image, is held by the recycle bin, or was pushed and waits for its manifest: it must be at hand.
    private const string IsWanted =
        $"""
        (EXISTS (SELECT 1 FROM manifest_blobs mb JOIN manifests m ON m.id = mb.manifest_id WHERE mb.blob_id = b.id AND NOT EXISTS (
            SELECT 1 FROM archived_images z WHERE z.manifest_id = m.id AND z.state = 1))
         OR EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id AND l.leased_until IS NOT NULL))
        """;

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => Interval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.EnsureAsync(Kind, "", jobs.Now, cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        if (store is TieredBlobStore tiers)
        {
            for (var after = 0L; await NextAsync(after, cancellationToken) is { } image; after = image.Id)
            {
                if (image.Status == ImageStatus.Activating) await ActivateAsync(job, tiers, image.Id, cancellationToken);
                else await SettleAsync(job, tiers, image, cancellationToken);
            }

            await ReturnAsync(job, tiers, cancellationToken);
        }

        return job.Time.GetUtcNow() + Interval;
    }

    private ValueTask<ToMove?> NextAsync(long after, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstAsync(
            "SELECT manifest_id, state FROM archived_images WHERE moved_at IS NULL AND manifest_id > @after ORDER BY manifest_id LIMIT 1",
            static row => new ToMove(row.GetInt64(0), (ImageStatus)row.GetInt64(1)),
            ("@after", after)),
        cancellationToken);

    /// <summary>1. Brings the bodies of one image back, and then the image.</summary>
    private async Task ActivateAsync(JobContext job, TieredBlobStore tiers, long manifestId, CancellationToken cancellationToken)
    {
        foreach (var body in await BodiesOfAsync(manifestId, archived: true, cancellationToken)) await MoveAsync(job, tiers, body, cancellationToken);
        await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await job.FenceAsync(session);
                if (await ArchiveRows.StatusAsync(session, manifestId) != ImageStatus.Activating) return false;
                var repositoryId = await session.QueryFirstAsync("SELECT repository_id FROM manifests WHERE id = @id", static row => row.GetInt64(0), ("@id", manifestId));
                if (await session.FindAsync(repositoryId) is not { } repository || await ImageRows.FindNatureAsync(session, manifestId) is not { } nature) return false;
                var now = time.GetUtcNow();
                await ArchiveRows.SetAsync(session, manifestId, ImageStatus.Active, now);
                await session.ExecuteAsync("UPDATE archived_images SET moved_at = @now WHERE manifest_id = @id", ("@now", now.ToDatabase()), ("@id", manifestId));
                await ImageEvents.StorageClassUpdatedAsync(session, repository, nature, "STANDARD", now, now);
                return true;
            },
            cancellationToken);
    }

    /// <summary>2. Takes the bodies of an archived image away, as far as nobody else wants them.</summary>
    private async Task SettleAsync(JobContext job, TieredBlobStore tiers, ToMove image, CancellationToken cancellationToken)
    {
        var archive = image.Status == ImageStatus.Archived;
        foreach (var body in await BodiesOfAsync(image.Id, archived: !archive, cancellationToken)) await MoveAsync(job, tiers, body, cancellationToken);
        await database.WriteAsync(
            Durability.Relaxed,
            session => session.ExecuteAsync(
                "UPDATE archived_images SET moved_at = @now WHERE manifest_id = @id AND state = @state",
                ("@now", time.GetUtcNow().ToDatabase()),
                ("@id", image.Id),
                ("@state", (long)image.Status)),
            cancellationToken);
    }

    /// <summary>3. Brings back what was archived and is wanted again.</summary>
    private async Task ReturnAsync(JobContext job, TieredBlobStore tiers, CancellationToken cancellationToken)
    {
        for (var after = 0L; ;)
        {
            var from = after;
            var bodies = await database.ReadAsync(
                session => session.QueryAsync(
                    $"""
                    SELECT b.id, b.digest, b.generation, b.location, {IsWanted} FROM blobs b
                    WHERE substr(b.location, 1, 8) = 'archive/' AND b.id > @after ORDER BY b.id LIMIT @limit
                    """,
                    static row => (Body: ReadBody(row), Wanted: row.GetBoolean(4)),
                    ("@after", from),
                    ("@limit", (long)Batch)),
                cancellationToken);
            foreach (var (body, wanted) in bodies)
                if (wanted) await MoveAsync(job, tiers, body, cancellationToken);
            if (bodies.Count < Batch) return;
            after = bodies[^1].Body.Id;
        }
    }

    private ValueTask<List<Body>> BodiesOfAsync(long manifestId, bool archived, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            $"""
            SELECT b.id, b.digest, b.generation, b.location FROM manifest_blobs i JOIN blobs b ON b.id = i.blob_id
            WHERE i.manifest_id = @manifest AND b.state = 0 AND substr(b.location, 1, 8) {(archived ? "=" : "<>")} 'archive/'
            """,
            ReadBody,
            ("@manifest", manifestId)),
        cancellationToken);

    private async Task MoveAsync(JobContext job, TieredBlobStore tiers, Body body, CancellationToken cancellationToken)
    {
        var toArchive = !TieredBlobStore.IsArchived(body.Location);
        if (toArchive && await IsWantedAsync(body.Id, cancellationToken)) return;
        // Larger than any before it: a location is never used twice.
        var generation = Math.Max(body.Generation + 1, time.GetUtcNow().ToDatabase());
        string? location;
        try
        {
            location = await tiers.CopyAcrossAsync(body.Location, body.Digest, generation, cancellationToken);
        }
        catch (InvalidDataException e)
        {
            logger.BodyNotMoved(e, body.Digest.Value);
            return;
        }

        if (location is null) return; // Collected meanwhile.
        var moved = await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await job.FenceAsync(session);
                await LooseBodies.RequireNotDoomedAsync(session, location);
                var size = await session.QueryFirstAsync(
                    $"""
                    UPDATE blobs AS b SET location = @new, generation = @generation
                    WHERE b.id = @id AND b.location = @old AND b.generation = @oldGeneration AND b.state = 0{(toArchive ? $" AND NOT {IsWanted}" : "")}
                    RETURNING size
                    """,
                    static row => (long?)row.GetInt64(0),
                    ("@new", location),
                    ("@generation", generation),
                    ("@id", body.Id),
                    ("@old", body.Location),
                    ("@oldGeneration", body.Generation));
                if (size is null) return false;
                await LooseBodies.DoomAsync(session, body.Location, body.Digest.Value, size.Value, time.GetUtcNow());
                return true;
            },
            cancellationToken);
        if (!moved) await store.DeleteAsync(location, CancellationToken.None);
    }

    private async ValueTask<bool> IsWantedAsync(long blobId, CancellationToken cancellationToken) => await database.ReadAsync(
        async session => await session.QueryFirstAsync($"SELECT {IsWanted} FROM blobs b WHERE b.id = @id", static row => row.GetBoolean(0), ("@id", blobId)), cancellationToken);

    private static Body ReadBody(System.Data.Common.DbDataReader row) => new(row.GetInt64(0), ImageRows.DigestAt(row, 1), row.GetInt64(2), row.GetString(3));

    private sealed record ToMove(long Id, ImageStatus Status);

    private sealed record Body(long Id, Digest Digest, long Generation, string Location);
}
