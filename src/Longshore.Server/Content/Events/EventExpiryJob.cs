using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Events;

/// <summary>Trims the outbox: events older than <see cref="Kept"/> go, however far their readers are.</summary>
internal sealed class EventExpiryJob(IDatabase database, TimeProvider time) : IJobHandler
{
    /// <summary>How long an event is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(14);

    /// <summary>Rows removed in one transaction: other writers wait no longer than that.</summary>
    private const int Batch = 1_000;

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public string Kind => "event-expiry";

    /// <inheritdoc/>
    public TimeSpan MaxDelay => Interval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.EnsureAsync(Kind, "", time.GetUtcNow() + Interval, cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - Kept;
        while (await database.WriteAsync(Durability.Relaxed, session => TrimAsync(job, session, before), cancellationToken) == Batch)
        {
            // The next batch.
        }

        return time.GetUtcNow() + Interval;
    }

    private static async ValueTask<int> TrimAsync(JobContext job, DbSession session, DateTimeOffset before)
    {
        await job.FenceAsync(session);
        return await session.ExecuteAsync(
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE occurred_at < @before ORDER BY occurred_at LIMIT @limit)",
            ("@before", before.ToDatabase()),
            ("@limit", (long)Batch));
    }
}
