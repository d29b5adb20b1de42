using System.Globalization;

namespace Longshore.Core.Lifecycle;

/// <summary>Decisions in words for people.</summary>
public static class LifecycleReasonText
{
    /// <summary>One sentence without a full stop.</summary>
    /// <param name="decision">What was decided.</param>
    /// <param name="image">About which image.</param>
    /// <param name="now">The moment to which ages are counted.</param>
    public static string Describe(in LifecycleDecision decision, LifecycleImage image, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(image);
        var rule = decision.Rule is null ? "" : $"rule {decision.Rule.Priority}";
        return decision.Reason switch
        {
            LifecycleReason.NoRule => "kept: no rule selects it",
            LifecycleReason.Activating => "kept: it is being restored from the archive",
            LifecycleReason.WithinLimit => $"kept by {rule}: {Bound(decision, now)}{Shield(decision)}",
            LifecycleReason.ReferencedByManifestList => $"kept: {rule} would {Verb(decision.Rule)} it, but {string.Join(", ", image.ReferencedBy.Take(3))} still lists it",
            LifecycleReason.SubjectKept => $"kept with its subject {image.Subject}",
            LifecycleReason.SubjectGoes => $"goes with its subject {image.Subject} ({rule})",
            _ => $"{(decision.Action == LifecycleAction.Transition ? "archived" : "expires")} by {rule}: {Bound(decision, now)}",
        };
    }

    private static string Verb(LifecycleRule? rule) => rule?.Action == LifecycleAction.Transition ? "archive" : "expire";

    private static string Shield(in LifecycleDecision decision) =>
        decision.ShieldedFrom is { } other ? $"; it shields the image from rule {other.Priority}, which would {Verb(other)} it" : "";

    private static string Bound(in LifecycleDecision decision, DateTimeOffset now)
    {
        var selection = decision.Rule!.Selection;
        if (selection.CountType == LifecycleCountType.ImageCountMoreThan)
            return string.Create(CultureInfo.InvariantCulture, $"number {decision.Rank} of its images, youngest first, and the rule keeps {selection.CountNumber}");
        var what = selection.CountType switch
        {
            LifecycleCountType.SinceImagePulled => "last pulled",
            LifecycleCountType.SinceImageTransitioned => "archived",
            _ => "pushed",
        };
        if (decision.Since is not { } since) return $"no moment is known at which it was {what}";
        var days = (now - since).TotalDays;
        return string.Create(CultureInfo.InvariantCulture, $"{what} {Math.Max(0, Math.Floor(days * 10) / 10):0.#} days ago, and the rule's bound is {selection.CountNumber} days");
    }
}
