namespace Longshore.Server.Hosting.Jobs;

/// <summary>Does the work of one kind of jobs. Registered as a service; <see cref="JobRunner"/> calls it.</summary>
/// <remarks>
/// Runs must be idempotent and resumable: a server may die at any point of one, and another goes on from the saved progress.
/// </remarks>
internal interface IJobHandler
{
    /// <summary>The kind of its jobs (column <c>jobs.kind</c>); one handler each.</summary>
    string Kind { get; }

    /// <summary>Jobs of this kind that one server runs at the same time: 1 and up.</summary>
    int MaxParallel => 1;

    /// <summary>
    /// The longest time ahead that this kind of job is ever due. What is due more than twice as far ahead was set by a clock that was
    /// wrong, and runs at once.
    /// </summary>
    TimeSpan MaxDelay { get; }

    /// <summary>Called once when the server starts, before any run: the place to ensure rows of recurring jobs.</summary>
    ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>
    /// Runs a job. An exception is a failure: it is tried again after a while that grows from failure to failure.
    /// </summary>
    /// <param name="job">What it is about, and where the last run stopped.</param>
    /// <param name="cancellationToken">The server stops, or the lease is lost: stop soon; nothing counts as a failure.</param>
    /// <returns>When it is due again; null ends the job and removes its row. A trigger during the run goes before either.</returns>
    Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken);
}
