using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>A plan as it was made.</summary>
/// <param name="Totals">What it comes to.</param>
/// <param name="Images">Its images.</param>
/// <param name="PlannedAt">The moment of the snapshot.</param>
internal sealed record BuiltPlan(PlanTotals Totals, IReadOnlyList<PlanImage> Images, DateTimeOffset PlannedAt);

/// <summary>Makes plans: a snapshot of the repository, the policy, and what keeps images whatever the policy says.</summary>
internal sealed class PlanBuilder(IDatabase database, PullRecorder pulls, IEnumerable<IRetentionGuard> guards, TimeProvider time)
{
    /// <summary>The plan, or null when the repository is gone. Changes nothing.</summary>
    /// <param name="repositoryId">The repository's row.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="all">Whether images that simply stay are listed too.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task<BuiltPlan?> BuildAsync(long repositoryId, LifecyclePolicy policy, bool all, CancellationToken cancellationToken)
    {
        // What was pulled a moment ago counts.
        await pulls.FlushAsync(cancellationToken);
        return await database.ReadSnapshotAsync(session => BuildAsync(session, repositoryId, policy, all, cancellationToken), cancellationToken);
    }

    private async ValueTask<BuiltPlan?> BuildAsync(DbSession session, long repositoryId, LifecyclePolicy policy, bool all, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (await session.FindAsync(repositoryId) is not { } repository) return null;
        var snapshot = await RepositorySnapshot.LoadAsync(session, repositoryId);
        cancellationToken.ThrowIfCancellationRequested();
        var vetoes = new List<Func<LifecycleImage, RetentionVeto?>>();
        foreach (var guard in guards) vetoes.Add(await guard.LoadAsync(session, repository, snapshot.Images, now));
        var planned = LifecyclePlanner.Plan(policy, snapshot.Images, image => FirstOf(vetoes, image), now);

        var expiring = new List<int>();
        for (var i = 0; i < planned.Count; i++)
            if (planned[i].Action == LifecycleAction.Expire) expiring.Add(i);
        var bytes = await BlobUsage.FreedByAsync(session, repositoryId, [.. expiring.Select(i => planned[i].Image.Id)]);
        var images = new List<PlanImage>();
        var next = 0;
        for (var i = 0; i < planned.Count; i++)
        {
            var freed = next < expiring.Count && expiring[next] == i ? bytes[next++] : default;
            if (all || planned[i].Decision.Action is not null || planned[i].Decision.Reason == LifecycleReason.ReferencedByManifestList)
                images.Add(Row(i, planned[i], snapshot.Sizes[i], freed, now));
        }

        var totals = new PlanTotals(
            planned.Count,
            expiring.Count,
            planned.Count(static image => image.Action == LifecycleAction.Transition),
            planned.Count(static image => image.Veto is not null),
            bytes.Sum(static image => image.Logical),
            bytes.Sum(static image => image.Physical));
        return new BuiltPlan(totals, images, now);
    }

    private static RetentionVeto? FirstOf(List<Func<LifecycleImage, RetentionVeto?>> vetoes, LifecycleImage image)
    {
        foreach (var veto in vetoes)
            if (veto(image) is { } found) return found;
        return null;
    }

    private static PlanImage Row(int position, PlannedImage planned, long size, ImageBytes freed, DateTimeOffset now)
    {
        var image = planned.Image;
        return new PlanImage(
            position,
            image.Id,
            Digest.TryParse(image.Digest, out var digest) ? digest : throw new InvalidDataException($"Stored digest '{image.Digest}' is malformed."),
            image.Tags,
            image.PushedAt,
            image.LastPulledAt,
            size,
            image.Status == ImageStatus.Archived ? StorageClass.Archive : StorageClass.Standard,
            planned.Action,
            planned.Decision.Rule?.Priority,
            planned.Veto?.Kind.ToString() ?? planned.Decision.Reason.ToString(),
            planned.Why(now),
            freed,
            null);
    }
}
