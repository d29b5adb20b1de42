using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Content.Collection;

/// <summary>Walks all links and rows of bodies once a week, or when asked to, and goes on where it was interrupted.</summary>
internal sealed class SweepJob(ReferenceSweep sweep, JobStore jobs, CollectionOptions options, CollectionMetrics metrics, ILogger<SweepJob> logger) : IJobHandler
{
    /// <summary>Kind of its one job, whose name is empty.</summary>
    public const string JobKind = "sweep";

    /// <summary>Looking at a row is cheaper than removing a body.</summary>
    private const int LooksPerRemoval = 100;

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => options.SweepInterval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore store, CancellationToken cancellationToken) =>
        await store.EnsureAsync(Kind, "", store.Now + options.SweepInterval, cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var progress = CollectionProgress.Parse(job.Progress);
        if (!progress.Running) progress = CollectionProgress.None with { Total = progress.Total, Running = true };
        var pace = new Pace(job.Time, options.BodiesPerSecond * LooksPerRemoval, 0);
        while (await sweep.StepAsync(progress, cancellationToken) is { } next)
        {
            metrics.Add(new CollectionCounts(Looked: next.Run.Looked - progress.Run.Looked, Condemned: next.Run.Condemned - progress.Run.Condemned));
            await job.SaveProgressAsync(next.ToJson(), cancellationToken);
            await pace.KeepAsync(next.Run.Looked - progress.Run.Looked, 0, cancellationToken);
            progress = next;
        }

        if (progress.Run.Condemned > 0) logger.Swept(progress.Run.Looked, progress.Run.Condemned);
        await job.SaveProgressAsync((progress with { Running = false }).ToJson(), cancellationToken);
        // What it found is the collector's to take.
        await jobs.TriggerAsync(CollectionJob.JobKind, "", cancellationToken);
        return job.Time.GetUtcNow() + options.SweepInterval;
    }
}
