using System.Collections.Concurrent;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// Keeps when images were last pulled. A pull notes its image in memory; once a second what was noted is written in
/// one relaxed write, so that a pull never waits for one. A killed process loses at most that second.
/// </summary>
internal sealed class PullRecorder(IDatabase database, TimeProvider time, ILogger<PullRecorder> logger) : PeriodicFlush(Interval, time)
{
    /// <summary>Images noted at the most between two writes; pulls of further ones in that second are not noted.</summary>
    private const int MaxNoted = 100_000;

    /// <summary>Rows written in one transaction.</summary>
    private const int Batch = 1_000;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<long, long> noted = new();

    /// <summary>Notes a pull of the image at this moment.</summary>
    public void Record(long manifestId)
    {
        var now = Time.GetUtcNow().ToDatabase();
        if (noted.TryGetValue(manifestId, out var last) && now - last < 100_000) return; // Ten times a second is close enough for any row.
        if (noted.Count < MaxNoted || noted.ContainsKey(manifestId)) noted[manifestId] = now;
    }

    /// <summary>How long other servers on the database may take to write what they noted.</summary>
    public TimeSpan Settling { get; init; } = Interval * 1.5;

    /// <summary>Sees to it that pulls of before the call are written, of this server and of all others that are not standing still: for who decides by pull times what goes.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken);
        if (database.IsShared && Settling > TimeSpan.Zero) await Task.Delay(Settling, Time, cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        // In order of their rows: two servers that write the same ones wait for each other, and never both.
        foreach (var batch in noted.OrderBy(static pair => pair.Key).Chunk(Batch))
        {
            await database.WriteBesideAsync(
                Durability.Relaxed,
                async session =>
                {
                    foreach (var (manifest, at) in batch)
                        await session.ExecuteAsync("UPDATE manifests SET last_pulled_at = @at WHERE id = @id AND (last_pulled_at IS NULL OR last_pulled_at < @at)", ("@at", at), ("@id", manifest));
                    return batch.Length;
                },
                cancellationToken);
            // Only what has not been noted again meanwhile.
            foreach (var pair in batch) noted.TryRemove(pair);
        }
    }

    /// <inheritdoc/>
    protected override void NotKept(Exception failure) => ContentLog.PullTimesNotKept(logger, failure);
}
