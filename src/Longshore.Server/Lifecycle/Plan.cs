using Longshore.Core;
using Longshore.Core.Lifecycle;

namespace Longshore.Server.Lifecycle;

/// <summary>What a plan is for (column <c>plans.kind</c>).</summary>
internal static class PlanKind
{
    /// <summary>ECR's preview: one a repository, never applied.</summary>
    public const string Preview = "preview";

    /// <summary>Made through our own API, to be looked at and applied.</summary>
    public const string Manual = "manual";

    /// <summary>Made and applied by the daily run.</summary>
    public const string Run = "run";
}

/// <summary>Where a plan stands (column <c>plans.status</c>).</summary>
internal static class PlanStatus
{
    /// <summary>It is being made.</summary>
    public const string InProgress = "IN_PROGRESS";

    /// <summary>It is there to be looked at, and, unless it is a preview, to be applied.</summary>
    public const string Complete = "COMPLETE";

    /// <summary>It could not be made, or not be applied to its end; see its error.</summary>
    public const string Failed = "FAILED";

    /// <summary>It is being applied.</summary>
    public const string Applying = "APPLYING";

    /// <summary>It was applied.</summary>
    public const string Applied = "APPLIED";

    /// <summary>Too old to be shown as a preview or to be applied.</summary>
    public const string Expired = "EXPIRED";
}

/// <summary>A plan without its images: what it does, and what came of it.</summary>
internal sealed record Plan(
    string Id,
    long RepositoryId,
    RegistryId Registry,
    RepositoryName Repository,
    string Kind,
    string Status,
    string PolicyText,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset? PlannedAt,
    DateTimeOffset? FinishedAt,
    string? AppliedBy,
    DateTimeOffset? AppliedAt,
    string? Error,
    PlanTotals Totals,
    PlanReceipt Receipt);

/// <summary>What a plan comes to.</summary>
/// <param name="Images">Images in the repository.</param>
/// <param name="Expiring">Images that it removes.</param>
/// <param name="Transitioning">Images that it archives.</param>
/// <param name="Vetoed">Images that the policy would take, and that are kept: protected, in use, or not known to be unused.</param>
/// <param name="LogicalBytes">Bytes that ECR would no longer bill in this repository.</param>
/// <param name="PhysicalBytes">Bytes of bodies that nothing on this server names any more.</param>
internal sealed record PlanTotals(long Images, long Expiring, long Transitioning, long Vetoed, long LogicalBytes, long PhysicalBytes);

/// <summary>What came of applying a plan.</summary>
/// <param name="Done">Images removed or archived.</param>
/// <param name="NotDone">Images that were kept after all, as something had changed.</param>
/// <param name="PredictedBytes">Physical bytes of the images that were removed, as planned.</param>
/// <param name="HeldUntil">The recycle bin holds the bytes until then; null when they are free to be collected.</param>
/// <param name="FreedBytes">Bytes that collection has given back to the disk so far.</param>
internal sealed record PlanReceipt(long Done, long NotDone, long PredictedBytes, DateTimeOffset? HeldUntil, long FreedBytes);

/// <summary>An image of a plan.</summary>
internal sealed record PlanImage(
    long Position,
    long ManifestId,
    Digest Digest,
    IReadOnlyList<string> Tags,
    DateTimeOffset PushedAt,
    DateTimeOffset? LastPulledAt,
    long ImageSize,
    StorageClass StorageClass,
    LifecycleAction? Action,
    int? RulePriority,
    string Reason,
    string Why,
    ImageBytes Bytes,
    string? Outcome)
{
    /// <summary>What stands in <see cref="Outcome"/> when the image was removed or archived.</summary>
    public const string Done = "done";
}
