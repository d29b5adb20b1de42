namespace Longshore.Core.Lifecycle;

/// <summary>Why an image is kept or goes.</summary>
public enum LifecycleReason
{
    /// <summary>Kept: no rule selects it.</summary>
    NoRule,

    /// <summary>Kept: the first rule that selects it has room for it (by count), or it is not old enough.</summary>
    WithinLimit,

    /// <summary>Kept: it is on its way back from the archive, where no rule looks.</summary>
    Activating,

    /// <summary>Kept: the rule would act, but a list or index still names it (ECR ImageReferencedByManifestList).</summary>
    ReferencedByManifestList,

    /// <summary>Kept: it refers to a subject, which is kept.</summary>
    SubjectKept,

    /// <summary>Goes: beyond the bound of the rule.</summary>
    BeyondLimit,

    /// <summary>Goes: its subject goes.</summary>
    SubjectGoes,
}

/// <summary>What a policy says about one image.</summary>
/// <param name="Action">What happens; null when the image is kept.</param>
/// <param name="Reason">Why.</param>
/// <param name="Rule">The rule that decided: the first one that selects the image, or its subject. Null when none does.</param>
/// <param name="Rank">For rules that count: its place among the images of the rule, 1 the youngest. Else 0.</param>
/// <param name="Since">For rules by age: from when the age is counted. Else null.</param>
/// <param name="ShieldedFrom">A later rule that would have acted, had not <paramref name="Rule"/> selected the image first.</param>
public readonly record struct LifecycleDecision(
    LifecycleAction? Action, LifecycleReason Reason, LifecycleRule? Rule, int Rank = 0, DateTimeOffset? Since = null, LifecycleRule? ShieldedFrom = null);

/// <summary>What one rule came to.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Selected">Images it selects, also those that an earlier rule decides about.</param>
/// <param name="Marked">Of those, the images beyond its bound.</param>
/// <param name="Decided">Images that it is the first to select.</param>
/// <param name="Acted">Images that it removes or archives.</param>
public readonly record struct LifecycleRuleCount(LifecycleRule Rule, int Selected, int Marked, int Decided, int Acted);

/// <summary>What a policy says about all images of a repository.</summary>
/// <param name="Decisions">One for each image, in their order.</param>
/// <param name="Rules">One for each rule, by priority.</param>
public sealed record LifecycleEvaluation(IReadOnlyList<LifecycleDecision> Decisions, IReadOnlyList<LifecycleRuleCount> Rules);
