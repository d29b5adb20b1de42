using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Content.Collection;

/// <summary>Walks the whole store once a day, slowly, and goes on where it was interrupted.</summary>
internal sealed class ScrubJob(StoreScrub scrub, CollectionOptions options, CollectionMetrics metrics, ILogger<ScrubJob> logger) : IJobHandler
{
    /// <summary>Kind of its one job, whose name is empty.</summary>
    public const string JobKind = "scrub";

    /// <summary>Looking at a body is cheaper than removing one.</summary>
    private const int LooksPerRemoval = 10;

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => options.ScrubInterval;

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.EnsureAsync(Kind, "", jobs.Now, cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var progress = CollectionProgress.Parse(job.Progress);
        if (!progress.Running) progress = progress with { Run = new CollectionCounts(), Running = true, Part = 0 };
        var pace = new Pace(job.Time, options.BodiesPerSecond * LooksPerRemoval, 0);
        while (progress.Part < scrub.Parts)
        {
            var step = await scrub.WalkAsync(progress.Part, pace, cancellationToken);
            metrics.Add(step);
            progress = progress.With(step) with { Part = progress.Part + 1 };
            await job.SaveProgressAsync(progress.ToJson(), cancellationToken);
        }

        if (progress.Run.OrphansFound > 0) logger.Scrubbed(progress.Run.Looked, progress.Run.OrphansFound);
        await job.SaveProgressAsync((progress with { Running = false }).ToJson(), cancellationToken);
        return job.Time.GetUtcNow() + options.ScrubInterval;
    }
}
