using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Content.Collection;

/// <summary>Runs the collector's steps until there is nothing left to do, every few minutes or when asked to.</summary>
internal sealed class CollectionJob(Collector collector, CollectionOptions options, CollectionMetrics metrics, ILogger<CollectionJob> logger) : IJobHandler
{
    /// <summary>Kind of its one job, whose name is empty.</summary>
    public const string JobKind = "collection";

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => options.Interval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.TriggerAsync(Kind, "", cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var progress = CollectionProgress.Parse(job.Progress);
        if (!progress.Running) progress = progress with { Run = new CollectionCounts(), Running = true };
        var pace = new Pace(job.Time, options.BodiesPerSecond, options.BytesPerSecond);
        await collector.MendTimesAsync(cancellationToken);
        // What makes room comes first: on a full disk the rest may not get far.
        await FreeAllAsync();
        while (await collector.EndLinksAsync(cancellationToken) is { } links)
        {
            await KeepAsync(links);
            await pace.KeepAsync(links.LinksEnded, 0, cancellationToken);
            if (links.Condemned > 0) await FreeAllAsync();
        }

        var run = progress.Run;
        if (run.FreedBodies + run.OrphansRemoved + run.Condemned > 0)
            logger.Collected(run.FreedBodies, run.FreedBytes, run.OrphansRemoved, run.OrphanBytes, run.Condemned);
        await job.SaveProgressAsync((progress with { Running = false }).ToJson(), cancellationToken);
        return job.Time.GetUtcNow() + options.Interval;

        async Task KeepAsync(CollectionCounts step)
        {
            metrics.Add(step);
            progress = progress.With(step);
            await job.SaveProgressAsync(progress.ToJson(), cancellationToken);
        }

        async Task FreeAllAsync()
        {
            await UnlinkAllAsync();
            while (await collector.FreeAsync(cancellationToken) is { } freed)
            {
                await KeepAsync(freed);
                await UnlinkAllAsync();
            }
        }

        async Task UnlinkAllAsync()
        {
            while (await collector.UnlinkAsync(cancellationToken) is { } unlinked)
            {
                if (unlinked.Counts.OrphansRemoved > 0) await KeepAsync(unlinked.Counts);
                await pace.KeepAsync(unlinked.Bodies, unlinked.Bytes, cancellationToken);
            }
        }
    }
}
