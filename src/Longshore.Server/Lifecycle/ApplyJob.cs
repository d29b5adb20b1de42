using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>Applies plans that somebody made and asked to apply. What a killed server did stays done; another one goes on.</summary>
internal sealed class ApplyJob(IDatabase database, PlanExecutor executor, ILogger<ApplyJob> logger) : IJobHandler
{
    /// <summary>Kind of its jobs; their names are ids of plans.</summary>
    public const string JobKind = "apply";

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public int MaxParallel => 2;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var plan = await database.ReadAsync(session => PlanRows.FindAsync(session, job.Name), cancellationToken);
        if (plan is not { Status: PlanStatus.Applying }) return null;
        var after = await executor.ApplyAsync(job, plan, null, cancellationToken);
        logger.Applied(plan.Repository.Value, plan.Registry.ToString(), after.Receipt.Done, after.Receipt.NotDone, after.Totals.Vetoed, plan.Id);
        return null;
    }
}
