using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>
/// Walks the store for bodies that no row names, as a kill between publish and row leaves them. The first of two passes: what it finds is noted, and
/// <see cref="Collector.UnlinkAsync"/> removes it when it still has no row a while later.
/// </summary>
/// <remarks>
/// A publish that is between its rename and its row looks like an orphan. It is told apart by age, twice (the generation is the time of the publish; the file's time
/// may be long before), and then again under a lock: a body is doomed only if it has no row, and a doomed body never gets one.
/// </remarks>
internal sealed class StoreScrub(IDatabase database, IBlobStore store, TimeProvider time, CollectionOptions options)
{
    /// <summary>Parts of the store; progress is kept after each.</summary>
    public int Parts => store.ListParts;

    /// <summary>Walks one part.</summary>
    public async Task<CollectionCounts> WalkAsync(int part, Pace pace, CancellationToken cancellationToken)
    {
        var counts = new CollectionCounts();
        var batch = new List<StoredBody>(Collector.Batch);
        await foreach (var body in store.ListAsync(part, cancellationToken))
        {
            batch.Add(body);
            if (batch.Count < Collector.Batch) continue;
            counts += await LookAsync(batch, cancellationToken);
            await pace.KeepAsync(batch.Count, 0, cancellationToken);
            batch.Clear();
        }

        if (batch.Count == 0) return counts;
        counts += await LookAsync(batch, cancellationToken);
        await pace.KeepAsync(batch.Count, 0, cancellationToken);
        return counts;
    }

    private async Task<CollectionCounts> LookAsync(List<StoredBody> bodies, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var old = now - options.OrphanAge;
        var orphans = await database.ReadAsync(
            async session =>
            {
                var found = new List<StoredBody>();
                foreach (var body in bodies)
                    if (body.ModifiedAt <= old && body.Generation <= old.ToDatabase() && !await LooseBodies.HasRowAsync(session, body)) found.Add(body);
                return found;
            },
            cancellationToken);
        if (orphans.Count == 0) return new CollectionCounts(Looked: bodies.Count);
        return await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                var noted = 0;
                foreach (var body in orphans)
                    if (await LooseBodies.NoteAsync(session, body, now)) noted++;
                return new CollectionCounts(OrphansFound: noted, Looked: bodies.Count);
            },
            cancellationToken);
    }
}
