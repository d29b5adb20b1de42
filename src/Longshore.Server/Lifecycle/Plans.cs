using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>Plans and previews: start, look at, apply. <see cref="PlanJob"/> makes them, <see cref="ApplyJob"/> applies them.</summary>
internal sealed class Plans(IDatabase database, JobStore jobs, LifecycleOptions options, TimeProvider time)
{
    /// <summary>
    /// Starts the making of a plan. RepositoryNotFound; LifecyclePolicyNotFound without a text when the repository has no policy; InvalidParameter for
    /// a text with faults; LifecyclePolicyPreviewInProgress.
    /// </summary>
    /// <param name="registry">Where.</param>
    /// <param name="name">The repository.</param>
    /// <param name="kind">A <see cref="PlanKind"/>.</param>
    /// <param name="text">The policy; null for the repository's own.</param>
    /// <param name="by">ARN of the caller.</param>
    /// <param name="cancellationToken">Heeded until the write begins.</param>
    public async ValueTask<Outcome<Plan>> StartAsync(RegistryId registry, RepositoryName name, string kind, string? text, string by, CancellationToken cancellationToken)
    {
        if (text is not null && !LifecyclePolicyParser.TryParse(text, out _, out var faults)) return LifecycleErrors.PolicyInvalid(LifecyclePolicyFault.ToReason(faults));
        var outcome = await database.WriteAsync<Outcome<Plan>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                var policy = text;
                if (policy is null)
                {
                    if (!(await LifecyclePolicies.GetAsync(session, registry, name)).TryGet(out var stored, out var error)) return error;
                    policy = stored.Text;
                }

                if (kind == PlanKind.Preview)
                {
                    if (await PlanRows.FindPreviewAsync(session, repository) is { Status: PlanStatus.InProgress }) return LifecycleErrors.PreviewInProgress(registry, name);
                    await session.ExecuteAsync("UPDATE plans SET kind = 'replaced' WHERE repository_id = @repository AND kind = 'preview'", ("@repository", repository));
                }

                var plan = NewPlan(repository, registry, name, kind, policy, by);
                await PlanRows.InsertAsync(session, plan);
                await jobs.TriggerAsync(session, PlanJob.JobKind, plan.Id);
                return plan;
            },
            cancellationToken);
        if (outcome.Succeeded) jobs.Wake();
        return outcome;
    }

    /// <summary>The preview of a repository. RepositoryNotFound, LifecyclePolicyPreviewNotFound.</summary>
    public ValueTask<Outcome<Plan>> FindPreviewAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken) => database.ReadAsync<Outcome<Plan>>(
        async session =>
        {
            if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
            return await PlanRows.FindPreviewAsync(session, repository) is { } plan ? Aged(plan) : LifecycleErrors.PreviewNotFound(registry, name);
        },
        cancellationToken);

    /// <summary>A plan of a registry. PlanNotFound.</summary>
    public async ValueTask<Outcome<Plan>> FindAsync(RegistryId registry, string id, CancellationToken cancellationToken)
    {
        var plan = await database.ReadAsync(session => PlanRows.FindAsync(session, id), cancellationToken);
        return plan is not null && plan.Registry == registry ? Aged(plan) : LifecycleErrors.PlanNotFound(id);
    }

    /// <summary>Plans, the newest first. RepositoryNotFound.</summary>
    public ValueTask<Outcome<List<Plan>>> ListAsync(RegistryId registry, RepositoryName? name, (long Time, string Id)? before, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync<Outcome<List<Plan>>>(
            async session =>
            {
                long? repository = null;
                if (name is { } given && (repository = await session.FindIdAsync(registry, given)) is null) return ContentErrors.RepositoryNotFound(registry, given);
                var plans = await PlanRows.ListAsync(session, registry, repository, before, limit);
                return plans.ConvertAll(Aged);
            },
            cancellationToken);

    /// <summary>Images of a plan by pages; only those that go when <paramref name="acting"/>.</summary>
    public ValueTask<List<PlanImage>> ListImagesAsync(string planId, bool acting, long after, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(session => PlanRows.ListImagesAsync(session, planId, acting, after, limit), cancellationToken);

    /// <summary>One image of a plan, or null.</summary>
    public ValueTask<PlanImage?> FindImageAsync(string planId, Digest digest, CancellationToken cancellationToken) =>
        database.ReadAsync(session => PlanRows.FindImageAsync(session, planId, digest), cancellationToken);

    /// <summary>The image of a plan that had a tag, or null. Reads the plan's acting images until it finds it.</summary>
    public async ValueTask<PlanImage?> FindTaggedAsync(string planId, TagName tag, CancellationToken cancellationToken)
    {
        for (var after = -1L; ;)
        {
            var page = await ListImagesAsync(planId, acting: true, after, 1000, cancellationToken);
            if (page.Find(image => image.Tags.Contains(tag.Value)) is { } found) return found;
            if (page.Count < 1000) return null;
            after = page[^1].Position;
        }
    }

    /// <summary>Lets a plan be applied. PlanNotFound, PlanNotApplicable.</summary>
    public async ValueTask<Outcome<Plan>> ApplyAsync(RegistryId registry, string id, string by, CancellationToken cancellationToken)
    {
        var outcome = await database.WriteAsync<Outcome<Plan>>(
            Durability.Synced,
            async session =>
            {
                var found = await PlanRows.FindAsync(session, id);
                if (found is null || found.Registry != registry) return LifecycleErrors.PlanNotFound(id);
                var plan = Aged(found);
                if (plan.Kind != PlanKind.Manual) return LifecycleErrors.PlanNotApplicable($"Plan '{id}' is a {plan.Kind} and cannot be applied. Make one to apply: POST /longshore/v1/plans.");
                if (plan.Status != PlanStatus.Complete) return LifecycleErrors.PlanNotApplicable($"Plan '{id}' is {plan.Status} and can be applied only when it is {PlanStatus.Complete}.");
                var now = time.GetUtcNow();
                await PlanRows.MoveAsync(session, id, PlanStatus.Complete, PlanStatus.Applying, now);
                await session.ExecuteAsync("UPDATE plans SET applied_by = @by, applied_at = @now WHERE id = @id", ("@by", by), ("@now", now.ToDatabase()), ("@id", id));
                await jobs.TriggerAsync(session, ApplyJob.JobKind, id);
                return plan with { Status = PlanStatus.Applying, AppliedBy = by, AppliedAt = now };
            },
            cancellationToken);
        if (outcome.Succeeded) jobs.Wake();
        return outcome;
    }

    /// <summary>A plan that is about to be made.</summary>
    public Plan NewPlan(long repositoryId, RegistryId registry, RepositoryName name, string kind, string text, string by) => new(
        Guid.NewGuid().ToString(),
        repositoryId,
        registry,
        name,
        kind,
        PlanStatus.InProgress,
        text,
        by,
        time.GetUtcNow(),
        null,
        null,
        null,
        null,
        null,
        new PlanTotals(0, 0, 0, 0, 0, 0),
        new PlanReceipt(0, 0, 0, null, 0));

    // Expiry is not written, it is told.
    private Plan Aged(Plan plan) =>
        plan is { Status: PlanStatus.Complete, FinishedAt: { } finished } && plan.Kind != PlanKind.Run && time.GetUtcNow() - finished > options.PlanLife
            ? plan with { Status = PlanStatus.Expired }
            : plan;
}
