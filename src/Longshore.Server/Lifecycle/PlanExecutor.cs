using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Content.Recycling;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>
/// Applies plans: what the plan says, and nothing else. Each image is looked at once more in the transaction that removes it; one that was
/// pulled, tagged, protected or listed by an index since the plan was made is kept, and the plan tells so.
/// </summary>
internal sealed class PlanExecutor(
    IDatabase database, ImageRemover remover, RecycleBinSettings bin, ImageArchive archive, PullRecorder pulls, IEnumerable<IRetentionGuard> guards, TimeProvider time)
{
    /// <summary>Images in one transaction: other writers wait no longer than that.</summary>
    private const int Batch = 100;

    /// <summary>Applies what is still open of a plan whose status is APPLYING, and ends it.</summary>
    /// <param name="job">The run that does it: a lost one changes nothing.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="policyVersion">For daily runs: the policy must still be in this version.</param>
    /// <param name="cancellationToken">Ends between two transactions.</param>
    /// <returns>The plan as it is afterwards.</returns>
    public async Task<Plan> ApplyAsync(JobContext job, Plan plan, long? policyVersion, CancellationToken cancellationToken)
    {
        if (!LifecyclePolicyParser.TryParse(plan.PolicyText, 0, out var policy, out _)) throw new InvalidDataException("The policy of the plan cannot be read.");
        await pulls.SettleAsync(cancellationToken);
        for (var after = -1L; ;)
        {
            var from = after;
            var step = await database.WriteAsync(Durability.Synced, session => StepAsync(session, job, plan, policy, policyVersion, from), cancellationToken);
            if (step is not { } last) break;
            after = last;
        }

        return await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await job.FenceAsync(session);
                await PlanRows.MoveAsync(session, plan.Id, PlanStatus.Applying, PlanStatus.Applied, time.GetUtcNow());
                return (await PlanRows.FindAsync(session, plan.Id))!;
            },
            cancellationToken);
    }

    /// <summary>One batch; the last position done, or null when there is nothing left.</summary>
    private async ValueTask<long?> StepAsync(DbSession session, JobContext job, Plan plan, LifecyclePolicy policy, long? policyVersion, long after)
    {
        await job.FenceAsync(session);
        var open = await PlanRows.ListOpenAsync(session, plan.Id, after, Batch);
        if (open.Count == 0) return null;
        var now = time.GetUtcNow();
        var repository = await session.FindAsync(plan.RepositoryId);
        var stopped = repository is null ? "kept: the repository no longer exists" : await StoppedAsync(session, plan, policyVersion);
        var retention = repository is null ? TimeSpan.Zero : (await bin.GetAsync(session, plan.Registry)).Lifecycle;
        var context = new RemovalContext(plan.Kind == PlanKind.Run ? "lifecycle" : plan.AppliedBy ?? plan.CreatedBy, plan.Id, retention, now);
        var done = new List<PlanImage>();
        foreach (var image in open)
        {
            var outcome = stopped ?? await DoAsync(session, repository!, image, context);
            if (outcome == PlanImage.Done) done.Add(image);
            await session.ExecuteAsync(
                "UPDATE plan_images SET outcome = @outcome WHERE plan_id = @plan AND position = @position",
                ("@outcome", outcome),
                ("@plan", plan.Id),
                ("@position", image.Position));
        }

        var removed = done.Where(static image => image.Action == LifecycleAction.Expire).ToList();
        await session.ExecuteAsync(
            """
            UPDATE plans SET done = done + @done, not_done = not_done + @kept, done_bytes = done_bytes + @bytes,
                held_until = COALESCE(@until, held_until)
            WHERE id = @plan
            """,
            ("@done", (long)done.Count),
            ("@kept", (long)(open.Count - done.Count)),
            ("@bytes", removed.Sum(static image => image.Bytes.Physical)),
            ("@until", removed.Count > 0 && retention > TimeSpan.Zero ? (now + retention).ToDatabase() : null),
            ("@plan", plan.Id));
        if (done.Count > 0) await LifecycleRecords.InsertExecutionAsync(session, plan, policy, done, [], now);
        return open[^1].Position;
    }

    private static async ValueTask<string?> StoppedAsync(DbSession session, Plan plan, long? policyVersion)
    {
        if (policyVersion is null) return null;
        var current = await LifecyclePolicies.FindAsync(session, plan.RepositoryId);
        return current?.Version == policyVersion ? null : "kept: the policy was changed meanwhile";
    }

    private async ValueTask<string> DoAsync(DbSession session, Repository repository, PlanImage image, RemovalContext context)
    {
        foreach (var guard in guards)
            if (await guard.FindAsync(session, repository, image.ManifestId, context.Now) is { } veto) return $"kept: {veto.Reason}";
        if (image.Action == LifecycleAction.Transition) return await TransitionAsync(session, repository, image, context.Now);
        var expected = new ExpectedImage(image.Digest, image.PushedAt, image.LastPulledAt, ImageRemover.FingerprintOf(image.Tags));
        var result = await remover.RemoveAsync(session, repository, image.ManifestId, context, expected);
        return result.Status switch
        {
            RemovalStatus.Removed => PlanImage.Done,
            RemovalStatus.Missing => "gone already",
            RemovalStatus.Referenced => $"kept: {string.Join(", ", result.ReferencedBy.Select(static list => list.Value))} lists it now",
            RemovalStatus.Protected => $"kept: {result.Refusal!.Message}",
            _ => $"kept: {Change(result.Change)} since the plan was made",
        };
    }

    private async ValueTask<string> TransitionAsync(DbSession session, Repository repository, PlanImage image, DateTimeOffset now)
    {
        if (await ImageRows.FindAsync(session, repository.Id, new ImageId(image.Digest, null)) is not { } found) return "gone already";
        if (found.Status != ImageStatus.Active) return "archived already";
        if (found.PushedAt != image.PushedAt) return "kept: it was pushed since the plan was made";
        if (found.LastPulledAt != image.LastPulledAt) return "kept: it was pulled since the plan was made";
        if (!found.Tags.SequenceEqual(image.Tags.Order(StringComparer.Ordinal))) return "kept: its tags changed since the plan was made";
        if (await ArchiveRows.HasActiveParentAsync(session, found.Id)) return "kept: an index that is not archived lists it";
        await archive.ArchiveAsync(session, repository, found.Id, now);
        return PlanImage.Done;
    }

    private static string Change(string? change) => change switch
    {
        "pulled" => "it was pulled",
        "tags" => "its tags changed",
        "pushed" => "it was pushed",
        _ => "it changed",
    };
}
