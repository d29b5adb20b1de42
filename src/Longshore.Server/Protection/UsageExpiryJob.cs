using System.Globalization;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>
/// Clears up after reports that were never completed and clean-ups that a kill cut short. A report that was being received at the last run and still is,
/// an hour later, is given up: its source begins anew.
/// </summary>
internal sealed class UsageExpiryJob(IDatabase database, TimeProvider time) : IJobHandler
{
    private const int SourcePage = 500;
    private const int RecordBatch = 2_000;

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public string Kind => "usage-expiry";

    /// <inheritdoc/>
    public TimeSpan MaxDelay => Interval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.EnsureAsync(Kind, "", time.GetUtcNow() + Interval, cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        // Progress holds what was pending at the last run, "source:report" each, a JSON array.
        var before = (job.Progress ?? "").Trim('[', ']').Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal);
        var pending = new List<string>();
        for (var after = 0L; ;)
        {
            var from = after;
            var sources = await database.ReadAsync(
                session => session.QueryAsync(
                    "SELECT id, pending_report FROM usage_sources WHERE id > @after ORDER BY id LIMIT @limit",
                    static row => (Id: row.GetInt64(0), Pending: row.GetInt64(1)),
                    ("@after", from),
                    ("@limit", (long)SourcePage)),
                cancellationToken);
            foreach (var (id, report) in sources)
            {
                var key = string.Create(CultureInfo.InvariantCulture, $"\"{id}:{report}\"");
                if (report > 0 && !before.Contains(key)) pending.Add(key);
                else await ClearAsync(job, id, report, cancellationToken);
            }

            if (sources.Count < SourcePage) break;
            after = sources[^1].Id;
        }

        await job.SaveProgressAsync($"[{string.Join(',', pending)}]", cancellationToken);
        return time.GetUtcNow() + Interval;
    }

    private async Task ClearAsync(JobContext job, long source, long abandoned, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                await job.FenceAsync(session);
                return abandoned == 0 ? 0 : await session.ExecuteAsync(
                    "UPDATE usage_sources SET pending_report = 0, pending_records = 0 WHERE id = @source AND pending_report = @report",
                    ("@source", source),
                    ("@report", abandoned));
            },
            cancellationToken);
        while (await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                await job.FenceAsync(session);
                return await UsageRows.DeleteOutdatedAsync(session, source, RecordBatch);
            },
            cancellationToken) > 0)
        {
            // The next batch.
        }

        await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                await job.FenceAsync(session);
                return await UsageRows.DropRemovedAsync(session, source);
            },
            cancellationToken);
    }
}
