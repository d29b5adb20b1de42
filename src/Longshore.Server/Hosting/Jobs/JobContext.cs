using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting.Jobs;

/// <summary>A run of a job, as its handler sees it.</summary>
internal sealed class JobContext(IDatabase database, JobClaim claim, TimeProvider time)
{
    /// <summary>The kind of job.</summary>
    public string Kind => claim.Kind;

    /// <summary>What it is about: a repository's or plan's id, or empty for one of a kind.</summary>
    public string Name => claim.Name;

    /// <summary>Failures in a row before this run.</summary>
    public long Attempts => claim.Attempts;

    /// <summary>What a former run saved last, or this one: the handler's own JSON; null at the first.</summary>
    public string? Progress { get; private set; } = claim.Progress;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>Keeps progress, so that another run can go on there. Throws <see cref="JobLostException"/> when this run has lost its row.</summary>
    public async ValueTask SaveProgressAsync(string? progress, CancellationToken cancellationToken)
    {
        if (!await database.WriteBesideAsync(Durability.Relaxed, session => JobStore.SaveProgressAsync(session, claim, progress), cancellationToken)) throw new JobLostException();
        Progress = progress;
    }

    /// <summary>
    /// The same in the transaction of the work itself, so that both stand or fall together; also the fence that keeps a run which has
    /// lost its row (its process stood still for minutes) from changing anything.
    /// </summary>
    public async ValueTask SaveProgressAsync(DbSession session, string? progress)
    {
        if (!await JobStore.SaveProgressAsync(session, claim, progress)) throw new JobLostException();
        // The transaction may be run again or taken back; then what is here is ahead of the row, and the next save mends it.
        Progress = progress;
    }

    /// <summary>Throws <see cref="JobLostException"/>, which takes the transaction back, when this run has lost its row; and locks the row until the commit.</summary>
    public ValueTask FenceAsync(DbSession session) => SaveProgressAsync(session, Progress);
}

/// <summary>A run has lost its row: another server runs the job, or it was removed. Whatever the run was about to do must not happen.</summary>
internal sealed class JobLostException() : OperationCanceledException("The job is no longer this server's.");
