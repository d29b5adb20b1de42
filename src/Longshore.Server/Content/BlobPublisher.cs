using Longshore.Core;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// Turns the finished bytes of an upload into a body that a repository may see: the step between bytes and rows.
/// </summary>
/// <remarks>
/// 1. The bytes are published under digest and a fresh generation, and made durable there. 2. One synced transaction writes the
/// body's row and the repository's link with a lease, and ends the upload. A crash between the two leaves a body without a row,
/// which the collector's scrub finds and removes; there is never a row without a body. When the same content is there
/// already, nothing is published and the transaction is all there is; a condemned body comes back to life in it.
/// </remarks>
internal sealed class BlobPublisher(IDatabase database, IBlobStore store, TimeProvider time, ContentOptions options)
{
    // Half of the shortest time after which the scrub could have removed a body without a row (CollectionOptions.OrphanAge).
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(30);

    private long lastGeneration;

    /// <summary>
    /// Publishes the bytes of <paramref name="uploadKey"/>, which <paramref name="writer"/> has written. Disposes the writer.
    /// </summary>
    /// <param name="uploadKey">The body of the upload.</param>
    /// <param name="writer">Its writer, or null when the bytes came with earlier requests.</param>
    /// <param name="digest">The digest that was verified.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="link">Ends the upload and gives the repository to link to, or an error that takes everything back.</param>
    /// <param name="cancellationToken">Heeded until the commit begins.</param>
    public async ValueTask<Outcome<BlobInfo>> PublishAsync(
        string uploadKey,
        IBlobWriter? writer,
        Digest digest,
        long size,
        Func<DbSession, ValueTask<Outcome<long>>> link,
        CancellationToken cancellationToken)
    {
        Body? published = null;
        try
        {
            while (true)
            {
                if (published is null && !await IsStoredAsync(digest, cancellationToken))
                {
                    writer ??= await store.OpenUploadAsync(uploadKey, size, null, cancellationToken);
                    await writer.DisposeAsync();
                    published = await PublishBodyAsync(uploadKey, digest, cancellationToken);
                }

                Outcome<BlobInfo>? outcome;
                try
                {
                    outcome = await database.WriteBesideAsync(
                        Durability.Synced,
                        session => CommitAsync(session, digest, size, published, link),
                        // From here on the client's leaving changes nothing: the bytes are durable and the row follows them.
                        CancellationToken.None);
                }
                catch (StorageFullException) when (published is not null)
                {
                    // Surely rolled back, unlike after other failures: without a row the body would only take room that is short.
                    await store.DeleteAsync(published.Location, CancellationToken.None);
                    throw;
                }

                if (outcome is not { } result) continue; // The stored body was collected between look and commit: publish ours.
                if (published is not null && (!result.Succeeded || result.Value.Location != published.Location))
                    await store.DeleteAsync(published.Location, CancellationToken.None);
                else if (published is null && result.Succeeded)
                    await store.DeleteUploadAsync(uploadKey, CancellationToken.None);
                if (result.Succeeded) ContentMetrics.Received(size);
                return result;
            }
        }
        finally
        {
            if (writer is not null) await writer.DisposeAsync();
        }
    }

    /// <summary>
    /// Links a live body, whose row the caller has locked or made, to a repository, with a lease that lasts until an image names it. Also when one
    /// does so already: that one may go before the pushed one comes.
    /// </summary>
    public async ValueTask LinkAsync(DbSession session, long repositoryId, long blobId)
    {
        var now = time.GetUtcNow();
        await session.ExecuteAsync(
            """
            INSERT INTO repository_blobs (repository_id, blob_id, linked_at, leased_until) VALUES (@repository, @blob, @now, @until)
            ON CONFLICT (repository_id, blob_id) DO UPDATE SET leased_until = excluded.leased_until
            WHERE repository_blobs.leased_until IS NULL OR repository_blobs.leased_until < excluded.leased_until
            """,
            ("@repository", repositoryId),
            ("@blob", blobId),
            ("@now", now.ToDatabase()),
            ("@until", (now + options.BlobLease).ToDatabase()));
    }

    private async ValueTask<Body> PublishBodyAsync(string uploadKey, Digest digest, CancellationToken cancellationToken)
    {
        const int Tries = 10;
        for (var i = 1; ; i++)
        {
            var generation = NextGeneration();
            try
            {
                var begun = time.GetTimestamp();
                return new Body(await store.PublishAsync(uploadKey, digest, generation, cancellationToken), generation, begun);
            }
            catch (BodyExistsException) when (i < Tries)
            {
                // Another server published the same digest in the same microsecond, or the clock was set back to one that was used.
            }
        }
    }

    private ValueTask<bool> IsStoredAsync(Digest digest, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstAsync("SELECT 1 FROM blobs WHERE digest = @digest AND state IN (0, 1)", static row => row.GetInt64(0), ("@digest", digest.Value)) == 1,
        cancellationToken);

    private async ValueTask<Outcome<BlobInfo>?> CommitAsync(DbSession session, Digest digest, long size, Body? published, Func<DbSession, ValueTask<Outcome<long>>> link)
    {
        var stored = await FindAsync(session, digest);
        var isStored = stored.Location is not null && stored.State != BlobState.Quarantined;
        if (!isStored && published is null) return null;
        if (!(await link(session)).TryGet(out var repositoryId, out var error)) return error;
        if (isStored)
        {
            if (stored.State == BlobState.Condemned) await BlobReferences.ReviveAsync(session, stored.Id);
        }
        else
        {
            await LooseBodies.RequireNotDoomedAsync(session, published!.Location);
            var now = time.GetUtcNow().ToDatabase();
            if (IsLate(published, now)) await RequireThereAsync(published.Location);
            var inserted = await session.QueryFirstAsync(
                """
                INSERT INTO blobs (digest, generation, size, location, state, stored_at) VALUES (@digest, @generation, @size, @location, 0, @now)
                ON CONFLICT (digest) DO UPDATE SET generation = excluded.generation, size = excluded.size, location = excluded.location, state = 0,
                    stored_at = excluded.stored_at, condemned_at = NULL
                WHERE blobs.state = 2
                RETURNING id
                """,
                static row => row.GetInt64(0),
                ("@digest", digest.Value),
                ("@generation", published.Generation),
                ("@size", size),
                ("@location", published.Location),
                ("@now", now));
            if (inserted != 0)
            {
                (stored.Id, stored.Location) = (inserted, published.Location);
            }
            else
            {
                // Another server's push of the same content committed while this one waited for its row: its body stays, and ours goes.
                stored = await FindAsync(session, digest);
            }
        }

        await LinkAsync(session, repositoryId, stored.Id);
        return new BlobInfo(digest, size, stored.Location!);
    }

    // A stopwatch does not count while its machine sleeps, and a wall clock may be set back: whichever says more.
    private bool IsLate(Body published, long now) =>
        time.GetElapsedTime(published.Begun) > Late || Math.Abs(now - published.Generation) > Late.TotalMicroseconds;

    /// <summary>A server that stood still between body and row may find its body taken for an orphan, removed, and the note of that gone as well.</summary>
    private async ValueTask RequireThereAsync(string location)
    {
        await using var reader = await store.OpenReadAsync(location, CancellationToken.None);
        if (reader is null) throw new IOException($"The body {location} waited too long for its row and was removed as an orphan.");
    }

    private static ValueTask<(long Id, string? Location, long State)> FindAsync(DbSession session, Digest digest) => session.QueryFirstAsync(
        "SELECT id, location, state FROM blobs WHERE digest = @digest /*lock FOR KEY SHARE*/",
        static row => (Id: row.GetInt64(0), Location: (string?)row.GetString(1), State: row.GetInt64(2)),
        ("@digest", digest.Value));

    /// <summary>Microseconds since 1970, and never the same twice in this process: larger than any generation given before.</summary>
    private long NextGeneration()
    {
        while (true)
        {
            var last = Interlocked.Read(ref lastGeneration);
            var next = Math.Max(last + 1, time.GetUtcNow().ToDatabase());
            if (Interlocked.CompareExchange(ref lastGeneration, next, last) == last) return next;
        }
    }

    private sealed record Body(string Location, long Generation, long Begun);
}
