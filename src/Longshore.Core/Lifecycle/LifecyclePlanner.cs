namespace Longshore.Core.Lifecycle;

/// <summary>What keeps an image whatever a policy says.</summary>
public enum RetentionKind
{
    /// <summary>Somebody protected it.</summary>
    Protected,

    /// <summary>It runs somewhere, or belongs to something that does.</summary>
    InUse,

    /// <summary>Nobody knows whether it runs: a source that should tell is silent.</summary>
    SourceSilent,
}

/// <summary>Why an image is kept whatever a policy says.</summary>
/// <param name="Kind">Of which kind the reason is.</param>
/// <param name="Reason">In words that complete "kept: …", such as "protected by ada until 2026-12-01 (release audit)".</param>
public sealed record RetentionVeto(RetentionKind Kind, string Reason);

/// <summary>One image of a plan.</summary>
/// <param name="Image">The image as it was.</param>
/// <param name="Decision">What the policy says.</param>
/// <param name="Veto">What keeps it though the policy would not; null when nothing does.</param>
public sealed record PlannedImage(LifecycleImage Image, LifecycleDecision Decision, RetentionVeto? Veto)
{
    /// <summary>What will happen; null: the image is kept.</summary>
    public LifecycleAction? Action => Veto is null ? Decision.Action : null;

    /// <summary>Why, in one sentence without a full stop.</summary>
    public string Why(DateTimeOffset now) => Veto is null
        ? LifecycleReasonText.Describe(Decision, Image, now)
        : $"kept: {Veto.Reason} (rule {Decision.Rule!.Priority} would {(Decision.Action == LifecycleAction.Transition ? "archive" : "expire")} it)";
}

/// <summary>
/// Makes the plan of a policy: what happens to every image, and why. Preview, daily run, simulation and manual clean-up all show or apply
/// what this gives; nothing else decides about deleting.
/// </summary>
public static class LifecyclePlanner
{
    /// <summary>The plan for the images of one repository, in their order.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="images">All images of the repository.</param>
    /// <param name="veto">What keeps an image; asked only about images that would go.</param>
    /// <param name="now">The moment to which ages are counted.</param>
    public static IReadOnlyList<PlannedImage> Plan(LifecyclePolicy policy, IReadOnlyList<LifecycleImage> images, Func<LifecycleImage, RetentionVeto?> veto, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(veto);
        var evaluation = LifecycleEvaluator.Evaluate(policy, images, now);
        var plan = new PlannedImage[images.Count];
        for (var i = 0; i < plan.Length; i++)
        {
            var decision = evaluation.Decisions[i];
            plan[i] = new PlannedImage(images[i], decision, decision.Action is null ? null : veto(images[i]));
        }

        KeepFollowers(plan);
        return plan;
    }

    // Signatures and SBOMs of an image that a veto keeps stay with it; theirs too.
    private static void KeepFollowers(PlannedImage[] plan)
    {
        var kept = plan.Where(static image => image.Veto is not null).Select(static image => image.Image.Digest).ToHashSet(StringComparer.Ordinal);
        for (var changed = kept.Count > 0; changed;)
        {
            changed = false;
            for (var i = 0; i < plan.Length; i++)
            {
                if (plan[i] is not { Veto: null, Decision.Reason: LifecycleReason.SubjectGoes } follower || !kept.Contains(follower.Image.Subject!)) continue;
                plan[i] = follower with { Decision = follower.Decision with { Action = null, Reason = LifecycleReason.SubjectKept } };
                changed |= kept.Add(follower.Image.Digest);
            }
        }
    }
}
