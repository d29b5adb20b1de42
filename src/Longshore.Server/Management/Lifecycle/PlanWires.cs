using System.Text.Json.Serialization;
using Longshore.Core.Lifecycle;
using Longshore.Server.Hosting.Jobs;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Management.Lifecycle;

/// <summary>Asks for a plan.</summary>
/// <param name="PolicyText">The policy; without one it is the repository's own.</param>
internal sealed record StartPlanWire(string? PolicyText = null);

/// <summary>A plan and its receipt.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Repository">The repository.</param>
/// <param name="Kind">preview (ECR's), manual (made here, can be applied) or run (of the daily run).</param>
/// <param name="Status">IN_PROGRESS, COMPLETE, FAILED, APPLYING, APPLIED or EXPIRED.</param>
/// <param name="PolicyText">The policy it was made by.</param>
/// <param name="CreatedBy">ARN of who asked for it, or lifecycle.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="PlannedAt">The moment to which ages were counted.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Images">Images in the repository.</param>
/// <param name="Expiring">Images that it removes.</param>
/// <param name="Transitioning">Images that it archives.</param>
/// <param name="Vetoed">Images that the policy would take and that are kept: protected, in use, or of a silent source.</param>
/// <param name="LogicalBytes">Bytes that ECR would no longer bill.</param>
/// <param name="PhysicalBytes">Bytes that this server's disk gets back.</param>
/// <param name="Receipt">What came of applying it; absent before.</param>
internal sealed record PlanWire(
    string Id,
    string Repository,
    string Kind,
    string Status,
    string PolicyText,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset? PlannedAt,
    string? Error,
    long Images,
    long Expiring,
    long Transitioning,
    long Vetoed,
    long LogicalBytes,
    long PhysicalBytes,
    ReceiptWire? Receipt)
{
    /// <summary>The wire form.</summary>
    public static PlanWire Of(Plan plan) => new(
        plan.Id,
        plan.Repository.Value,
        plan.Kind,
        plan.Status,
        plan.PolicyText,
        plan.CreatedBy,
        plan.CreatedAt,
        plan.PlannedAt,
        plan.Error,
        plan.Totals.Images,
        plan.Totals.Expiring,
        plan.Totals.Transitioning,
        plan.Totals.Vetoed,
        plan.Totals.LogicalBytes,
        plan.Totals.PhysicalBytes,
        plan.AppliedAt is null ? null : ReceiptWire.Of(plan));
}

/// <summary>What came of applying a plan.</summary>
/// <param name="AppliedBy">ARN of who applied it, or lifecycle.</param>
/// <param name="AppliedAt">When it was asked for.</param>
/// <param name="Done">Images removed or archived.</param>
/// <param name="NotDone">Images kept after all, as something had changed since the plan was made.</param>
/// <param name="PredictedBytes">Physical bytes of the removed images, as planned.</param>
/// <param name="HeldBytes">Of these, bytes that the recycle bin or collection's grace period still hold.</param>
/// <param name="HeldUntil">When the recycle bin lets go of them; absent when it never held them.</param>
/// <param name="FreedBytes">Bytes that collection gave back to the disk so far.</param>
internal sealed record ReceiptWire(
    string AppliedBy, DateTimeOffset AppliedAt, long Done, long NotDone, long PredictedBytes, long HeldBytes, DateTimeOffset? HeldUntil, long FreedBytes)
{
    /// <summary>The wire form.</summary>
    public static ReceiptWire Of(Plan plan) => new(
        plan.AppliedBy ?? "",
        plan.AppliedAt!.Value,
        plan.Receipt.Done,
        plan.Receipt.NotDone,
        plan.Receipt.PredictedBytes,
        Math.Max(0, plan.Receipt.PredictedBytes - plan.Receipt.FreedBytes),
        plan.Receipt.HeldUntil,
        plan.Receipt.FreedBytes);
}

/// <summary>Plans by pages.</summary>
internal sealed record PlansWire(IReadOnlyList<PlanWire> Plans, string? NextToken);

/// <summary>An image of a plan.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Tags">Its tags when the plan was made.</param>
/// <param name="PushedAt">When it was pushed.</param>
/// <param name="LastPulledAt">When it was last pulled.</param>
/// <param name="Size">ECR imageSizeInBytes.</param>
/// <param name="StorageClass">STANDARD or ARCHIVE.</param>
/// <param name="Action">EXPIRE or TRANSITION; absent: the image is kept.</param>
/// <param name="RulePriority">The rule that decided; absent when no rule selects the image.</param>
/// <param name="Reason">A word for machines: NoRule, WithinLimit, BeyondLimit, ReferencedByManifestList, SubjectKept, SubjectGoes, Activating, Protected, InUse, SourceSilent.</param>
/// <param name="Why">The same in a sentence.</param>
/// <param name="LogicalBytes">Bytes that ECR would no longer bill; a shared body counts with the last image that names it.</param>
/// <param name="PhysicalBytes">Bytes that the disk gets back, likewise.</param>
/// <param name="Outcome">Once applied: done, or why it was kept.</param>
internal sealed record PlanImageWire(
    string Digest,
    IReadOnlyList<string> Tags,
    DateTimeOffset PushedAt,
    DateTimeOffset? LastPulledAt,
    long Size,
    string StorageClass,
    string? Action,
    int? RulePriority,
    string Reason,
    string Why,
    long LogicalBytes,
    long PhysicalBytes,
    string? Outcome)
{
    /// <summary>The wire form.</summary>
    public static PlanImageWire Of(PlanImage image) => new(
        image.Digest.Value,
        image.Tags,
        image.PushedAt,
        image.LastPulledAt,
        image.ImageSize,
        image.StorageClass == Core.Lifecycle.StorageClass.Archive ? "ARCHIVE" : "STANDARD",
        image.Action switch { LifecycleAction.Expire => "EXPIRE", LifecycleAction.Transition => "TRANSITION", _ => null },
        image.RulePriority,
        image.Reason,
        image.Why,
        image.Bytes.Logical,
        image.Bytes.Physical,
        image.Outcome);
}

/// <summary>Images of a plan by pages.</summary>
internal sealed record PlanImagesWire(IReadOnlyList<PlanImageWire> Images, string? NextToken);

/// <summary>Where the daily run of a repository's policy stands.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Running">Whether a server runs it at this moment.</param>
/// <param name="DueAt">When it runs next; absent while it runs.</param>
/// <param name="LastEvaluatedAt">When the policy was last evaluated.</param>
/// <param name="StartedAt">When the last run began.</param>
/// <param name="FinishedAt">When a run last succeeded.</param>
/// <param name="Failures">Failed runs in a row.</param>
/// <param name="LastError">Why the last run failed.</param>
internal sealed record LifecycleRunWire(
    string Repository,
    bool Running,
    DateTimeOffset? DueAt,
    DateTimeOffset? LastEvaluatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    long Failures,
    string? LastError)
{
    /// <summary>The wire form.</summary>
    public static LifecycleRunWire Of(string repository, StoredPolicy policy, JobState? job) => new(
        repository, job?.Running ?? false, job?.DueAt, policy.LastEvaluatedAt, job?.StartedAt, job?.FinishedAt, job?.Attempts ?? 0, job?.LastError);
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(StartPlanWire))]
[JsonSerializable(typeof(PlanWire))]
[JsonSerializable(typeof(PlansWire))]
[JsonSerializable(typeof(PlanImagesWire))]
[JsonSerializable(typeof(LifecycleRunWire))]
[JsonSerializable(typeof(ImageEvidencesWire))]
internal sealed partial class LifecycleJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static LifecycleJson Wire { get; } = new(ManagementJson.NewOptions());

    /// <summary>For clients.</summary>
    public static LifecycleJson Client { get; } = new(ManagementJson.NewClientOptions());
}
