using Longshore.Core.Lifecycle;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>Makes previews and plans that somebody asked for. Begun again from the start when a server dies in the middle.</summary>
internal sealed class PlanJob(IDatabase database, PlanBuilder builder, ILogger<PlanJob> logger) : IJobHandler
{
    /// <summary>Kind of its jobs; their names are ids of plans.</summary>
    public const string JobKind = "plan";

    /// <summary>Rows written in one transaction: other writers wait no longer than that.</summary>
    private const int Batch = 1000;

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
        if (plan is not { Status: PlanStatus.InProgress }) return null;
        try
        {
            if (!LifecyclePolicyParser.TryParse(plan.PolicyText, 0, out var policy, out _)) throw new InvalidDataException("The policy of the plan cannot be read.");
            var built = await builder.BuildAsync(plan.RepositoryId, policy, all: true, cancellationToken);
            if (built is null)
            {
                await FailAsync(job, plan, "The repository no longer exists.");
                return null;
            }

            await WriteAsync(database, job, plan.Id, built, cancellationToken);
            await database.WriteAsync(
                Durability.Synced,
                async session =>
                {
                    await job.FenceAsync(session);
                    await PlanRows.CompleteAsync(session, plan.Id, built.Totals, built.PlannedAt, job.Time.GetUtcNow());
                    if (plan.Kind == PlanKind.Preview) await LifecycleRecords.InsertDryRunAsync(session, plan, policy, built, job.Time.GetUtcNow());
                    return true;
                },
                cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.PlanFailed(e, plan.Id);
            await FailAsync(job, plan, "The server could not make the plan; its log tells why.");
        }

        return null;
    }

    /// <summary>Writes the images of a plan, in place of what an interrupted run left.</summary>
    internal static async Task WriteAsync(IDatabase database, JobContext job, string planId, BuiltPlan built, CancellationToken cancellationToken)
    {
        while (await database.WriteAsync(Durability.Relaxed, session => PlanRows.DeleteImagesAsync(session, planId, Batch), cancellationToken) > 0)
        {
        }

        foreach (var batch in built.Images.Chunk(Batch))
        {
            await database.WriteAsync(
                Durability.Relaxed,
                async session =>
                {
                    await job.FenceAsync(session);
                    foreach (var image in batch) await PlanRows.InsertImageAsync(session, planId, image);
                    return true;
                },
                cancellationToken);
        }
    }

    private ValueTask<bool> FailAsync(JobContext job, Plan plan, string error) => database.WriteAsync(
        Durability.Synced,
        async session =>
        {
            await job.FenceAsync(session);
            return await PlanRows.MoveAsync(session, plan.Id, PlanStatus.InProgress, PlanStatus.Failed, job.Time.GetUtcNow(), error);
        },
        CancellationToken.None);
}
