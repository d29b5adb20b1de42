using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>Removes the images of previews that were replaced or are over, and plans with their receipts when those are old enough.</summary>
internal sealed class PlanExpiryJob(IDatabase database, LifecycleOptions options) : IJobHandler
{
    private const int Batch = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public string Kind => "plan-expiry";

    /// <inheritdoc/>
    public TimeSpan MaxDelay => Interval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.EnsureAsync(Kind, "", jobs.Now, cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var now = job.Time.GetUtcNow();
        await RemoveAsync("kind = 'replaced'", now, cancellationToken);
        // Previews go when they could long not be shown any more; their state EXPIRED stays visible until then.
        await RemoveAsync("kind = 'preview' AND created_at < @before", now - (2 * options.PlanLife) - TimeSpan.FromDays(1), cancellationToken);
        await RemoveAsync("kind IN ('manual', 'run') AND created_at < @before", now - options.ReceiptLife, cancellationToken);
        return now + Interval;
    }

    private async Task RemoveAsync(string which, DateTimeOffset before, CancellationToken cancellationToken)
    {
        while (true)
        {
            var plans = await database.ReadAsync(
                session => session.QueryAsync(
                    $"SELECT id FROM plans WHERE {which} AND status NOT IN ('IN_PROGRESS', 'APPLYING') AND created_at < @before LIMIT 100",
                    static row => row.GetString(0),
                    ("@before", before.ToDatabase())),
                cancellationToken);
            if (plans.Count == 0) return;
            foreach (var plan in plans)
            {
                while (await database.WriteAsync(Durability.Relaxed, session => PlanRows.DeleteImagesAsync(session, plan, Batch), cancellationToken) > 0)
                {
                }

                await database.WriteAsync(Durability.Relaxed, session => session.ExecuteAsync("DELETE FROM plans WHERE id = @id", ("@id", plan)), cancellationToken);
            }
        }
    }
}
