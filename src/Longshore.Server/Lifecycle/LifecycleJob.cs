using System.Globalization;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>The daily run of one repository's policy: makes a plan and applies it.</summary>
/// <remarks>
/// 1. The clock must be one to trust. 2. A plan that an interrupted run was applying is applied to its end. 3. A plan is made and written. 4. It is
/// applied. 5. The policy keeps when it was evaluated. A repository where nothing is to be done leaves no plan behind.
/// </remarks>
internal sealed class LifecycleJob(
    IDatabase database, PlanBuilder builder, PlanExecutor executor, Plans plans, ClockGuard clock, LifecycleOptions options, Jitter jitter, ILogger<LifecycleJob> logger) : IJobHandler
{
    /// <summary>Kind of its jobs; their names are ids of repositories.</summary>
    public const string JobKind = "lifecycle";

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public int MaxParallel => 2;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => options.Interval;

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var id = long.Parse(job.Name, CultureInfo.InvariantCulture);
        var (repository, policy) = await database.ReadSnapshotAsync(
            async session => (await session.FindAsync(id), await LifecyclePolicies.FindAsync(session, id)), cancellationToken);
        if (repository is null || policy is null) return null;

        // 1
        if (clock.Distrust(policy.LastEvaluatedAt) is { } reason)
        {
            logger.ClockRefused(reason);
            throw new InvalidOperationException($"Nothing was evaluated: {reason}.");
        }

        // 2
        if (job.Progress is { } interrupted) await FinishAsync(job, interrupted, policy, cancellationToken);

        // 3
        if (!LifecyclePolicyParser.TryParse(policy.Text, 0, out var rules, out _)) throw new InvalidDataException("The stored policy cannot be read.");
        var built = await builder.BuildAsync(id, rules, all: false, cancellationToken);
        if (built is null) return null;
        if (built.Images.Count > 0)
        {
            var plan = plans.NewPlan(id, repository.Registry, repository.Name, PlanKind.Run, policy.Text, "lifecycle");
            await KeepAsync(job, plan, rules, built, cancellationToken);
            // 4
            await ApplyAsync(job, plan with { Status = PlanStatus.Applying }, policy, cancellationToken);
        }

        // 5
        await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await job.SaveProgressAsync(session, null);
                return await LifecyclePolicies.SetEvaluatedAsync(session, policy, built.PlannedAt);
            },
            cancellationToken);
        // A little less than the interval, never the same: no repository is late, and those that began together drift apart.
        return built.PlannedAt + (options.Interval * 0.9) + jitter.Within(options.Interval * 0.1);
    }

    /// <summary>Ends what a killed server left: a plan that was being applied is applied to its end, one that was being made is given up.</summary>
    private async Task FinishAsync(JobContext job, string planId, StoredPolicy policy, CancellationToken cancellationToken)
    {
        var open = await database.ReadAsync(session => PlanRows.FindAsync(session, planId), cancellationToken);
        if (open is { Status: PlanStatus.Applying }) await ApplyAsync(job, open, policy, cancellationToken);
        if (open is not { Status: PlanStatus.InProgress }) return;
        await database.WriteAsync(
            Durability.Relaxed,
            session => PlanRows.MoveAsync(session, planId, PlanStatus.InProgress, PlanStatus.Failed, job.Time.GetUtcNow(), "The server was stopped while it made the plan."),
            cancellationToken);
    }

    private async Task KeepAsync(JobContext job, Plan plan, LifecyclePolicy rules, BuiltPlan built, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                await job.SaveProgressAsync(session, plan.Id);
                await PlanRows.InsertAsync(session, plan);
                return true;
            },
            cancellationToken);
        await PlanJob.WriteAsync(database, job, plan.Id, built, cancellationToken);
        await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var now = job.Time.GetUtcNow();
                await job.FenceAsync(session);
                await PlanRows.CompleteAsync(session, plan.Id, built.Totals, built.PlannedAt, now);
                await PlanRows.MoveAsync(session, plan.Id, PlanStatus.Complete, PlanStatus.Applying, now);
                await session.ExecuteAsync("UPDATE plans SET applied_by = 'lifecycle', applied_at = @now WHERE id = @id", ("@now", now.ToDatabase()), ("@id", plan.Id));
                await LifecycleRecords.InsertExecutionAsync(session, plan, rules, [], [.. built.Images.Where(static image => image.Reason == nameof(LifecycleReason.ReferencedByManifestList))], now);
                return true;
            },
            cancellationToken);
    }

    private async Task ApplyAsync(JobContext job, Plan plan, StoredPolicy policy, CancellationToken cancellationToken)
    {
        // A plan of a former policy ends with every image kept.
        var version = plan.PolicyText == policy.Text ? policy.Version : -1;
        var after = await executor.ApplyAsync(job, plan, version, cancellationToken);
        logger.Applied(plan.Repository.Value, plan.Registry.ToString(), after.Receipt.Done, after.Receipt.NotDone, after.Totals.Vetoed, plan.Id);
    }
}
