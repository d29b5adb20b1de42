using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Recycling;

/// <summary>Lets go of what has been in the bin for its time.</summary>
internal sealed class RecycleBinJob(IDatabase database, TimeProvider time) : IJobHandler
{
    /// <summary>Most images dropped in one transaction, and bodies after which no further image is: other writers wait no longer than that.</summary>
    private const int BatchImages = 50;

    private const int BatchBodies = 2_000;

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public string Kind => "recycle-bin";

    /// <inheritdoc/>
    public TimeSpan MaxDelay => Longest;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.EnsureAsync(Kind, "", time.GetUtcNow(), cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        while (await database.WriteAsync(Durability.Relaxed, session => DropBatchAsync(job, session), cancellationToken) > 0)
        {
            // The next batch.
        }

        var now = time.GetUtcNow();
        var next = await database.ReadAsync(
            session => session.QueryFirstAsync<long?>("SELECT expires_at FROM recycled_images ORDER BY expires_at LIMIT 1", static row => row.GetInt64(0)),
            cancellationToken);
        if (next is null || DbTime.FromDatabase(next.Value) > now + Longest) return now + Longest;
        return DbTime.FromDatabase(next.Value) < now + Shortest ? now + Shortest : DbTime.FromDatabase(next.Value);
    }

    private async ValueTask<int> DropBatchAsync(JobContext job, DbSession session)
    {
        await job.FenceAsync(session);
        var now = time.GetUtcNow();
        var expired = await session.QueryAsync(
            "SELECT id FROM recycled_images WHERE expires_at <= @now ORDER BY expires_at, id LIMIT @limit /*lock FOR UPDATE*/",
            static row => row.GetInt64(0),
            ("@now", now.ToDatabase()),
            ("@limit", (long)BatchImages));
        var dropped = 0;
        var bodies = 0;
        while (dropped < expired.Count && bodies < BatchBodies) bodies += await RecycledRows.DropAsync(session, expired[dropped++], now);
        return dropped;
    }
}
