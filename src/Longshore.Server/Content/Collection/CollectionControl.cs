using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Content.Collection;

/// <summary>One of the jobs of collection as an observer sees it.</summary>
/// <param name="State">Its row.</param>
/// <param name="Progress">What it did, and where it stands.</param>
/// <param name="Parts">Scrub: parts of the store in all; else 0.</param>
internal sealed record CollectionJobStatus(JobState State, CollectionProgress Progress, int Parts);

/// <summary>Starts collection on demand and tells how far it is.</summary>
internal sealed class CollectionControl(JobStore jobs, StoreScrub scrub)
{
    /// <summary>Runs collection now; when it runs already, once more afterwards.</summary>
    /// <param name="full">Whether the store is walked for orphans too, and the database for what no lease leads to.</param>
    /// <param name="cancellationToken">Withdraws the request.</param>
    public async ValueTask StartAsync(bool full, CancellationToken cancellationToken)
    {
        if (full)
        {
            await jobs.TriggerAsync(ScrubJob.JobKind, "", cancellationToken);
            await jobs.TriggerAsync(SweepJob.JobKind, "", cancellationToken);
        }

        await jobs.TriggerAsync(CollectionJob.JobKind, "", cancellationToken);
    }

    /// <summary>The jobs <c>collection</c>, <c>scrub</c> and <c>sweep</c>, as far as they have a row already.</summary>
    public async ValueTask<IReadOnlyList<CollectionJobStatus>> StatusAsync(CancellationToken cancellationToken)
    {
        var all = new List<CollectionJobStatus>();
        foreach (var kind in new[] { CollectionJob.JobKind, ScrubJob.JobKind, SweepJob.JobKind })
        {
            if (await jobs.FindAsync(kind, "", cancellationToken) is { } state)
                all.Add(new CollectionJobStatus(state, CollectionProgress.Parse(state.Progress), kind == ScrubJob.JobKind ? scrub.Parts : 0));
        }

        return all;
    }
}
