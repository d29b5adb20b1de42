using System.Globalization;

namespace Longshore.Core.Lifecycle;

/// <summary>How grave a finding is.</summary>
public enum LintSeverity
{
    /// <summary>Worth a look; may be meant.</summary>
    Warning,

    /// <summary>Surely not what was meant, or not a policy at all.</summary>
    Error,
}

/// <summary>Something about a policy that its author should know.</summary>
/// <param name="Code">Stable name: <c>invalid</c>, <c>shadowed</c>, <c>dead</c>, <c>and-list</c>, <c>uncovered</c>, <c>rollback</c>.</param>
/// <param name="Severity">How grave.</param>
/// <param name="Path">The member, such as <c>rules[2].selection</c>.</param>
/// <param name="Message">What, in a sentence.</param>
/// <param name="Fix">What to do.</param>
public sealed record LintFinding(string Code, LintSeverity Severity, string Path, string Message, string Fix);

/// <summary>Looks for rules that do not do what their authors think. Says nothing that is not so: errors are certain, warnings are facts with a doubt about intent.</summary>
public static class LifecycleLint
{
    /// <summary>Findings about the document alone.</summary>
    public static IReadOnlyList<LintFinding> Check(string text, out LifecyclePolicy? policy)
    {
        if (!LifecyclePolicyParser.TryParse(text, out policy, out var faults))
            return [.. faults.Select(static fault => new LintFinding("invalid", LintSeverity.Error, fault.Path, fault.Message, Fix(fault)))];
        var findings = new List<LintFinding>();
        for (var r = 0; r < policy.Rules.Count; r++)
        {
            CheckShadow(policy.Rules, r, findings);
            CheckAndList(policy.Rules[r], findings);
        }

        return findings;
    }

    /// <summary>Findings about a policy and the images of one repository.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="images">All images of the repository.</param>
    /// <param name="rollbackDays">How many days back a deployment must be able to go.</param>
    /// <param name="now">The moment to which ages are counted.</param>
    public static IReadOnlyList<LintFinding> Check(LifecyclePolicy policy, IReadOnlyList<LifecycleImage> images, double rollbackDays, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(images);
        var findings = new List<LintFinding>();
        var evaluation = LifecycleEvaluator.Evaluate(policy, images, now);
        foreach (var count in evaluation.Rules)
        {
            var path = PathOf(count.Rule);
            if (count.Selected == 0)
                findings.Add(new("dead", LintSeverity.Warning, path, $"rule {count.Rule.Priority} selects none of the {images.Count} images", "check its tags and storage class against the repository's images"));
            else if (count.Decided == 0)
                findings.Add(new("shadowed", LintSeverity.Warning, path, $"rule {count.Rule.Priority} selects {count.Selected} images, and earlier rules decide about all of them", "give it a lower rulePriority, or remove it"));
            if (count.Rule.Selection.CountType == LifecycleCountType.ImageCountMoreThan && count.Rule.Action == LifecycleAction.Expire)
                CheckRollback(count.Rule, images, rollbackDays, now, findings);
        }

        CheckUncovered(images, evaluation, findings);
        return findings;
    }

    private static void CheckShadow(IReadOnlyList<LifecycleRule> rules, int index, List<LintFinding> findings)
    {
        var rule = rules[index];
        for (var earlier = 0; earlier < index; earlier++)
        {
            if (rules[earlier].Selection.StorageClass != rule.Selection.StorageClass || !Covers(rules[earlier].Selection, rule.Selection)) continue;
            findings.Add(new(
                "shadowed",
                LintSeverity.Error,
                PathOf(rule),
                $"rule {rule.Priority} can never act: rule {rules[earlier].Priority} selects every image that it selects, and goes first",
                $"give it a lower rulePriority than {rules[earlier].Priority}, or remove it"));
            return;
        }
    }

    // Whether every image of the second selection is one of the first.
    private static bool Covers(LifecycleSelection first, LifecycleSelection second) => first.TagStatus switch
    {
        LifecycleTagStatus.Any => true,
        LifecycleTagStatus.Untagged => second.TagStatus == LifecycleTagStatus.Untagged,
        // Each criterion of the first is met by whatever meets some criterion of the second.
        _ => second.TagStatus == LifecycleTagStatus.Tagged && first.Tags.All(wide => second.Tags.Any(narrow => Covers(wide, narrow))),
    };

    private static bool Covers(TagCriterion wide, TagCriterion narrow)
    {
        if (!wide.IsPrefix && wide.Text == "*") return true;
        if (narrow.IsExact) return wide.IsMetBy(narrow.Text);
        if (string.Equals(wide.ToString(), narrow.ToString(), StringComparison.Ordinal)) return true;
        var prefix = wide.IsPrefix ? wide.Text : wide.Text.EndsWith('*') && !wide.Text[..^1].Contains('*', StringComparison.Ordinal) ? wide.Text[..^1] : null;
        return prefix is not null && narrow.LiteralStart.StartsWith(prefix, StringComparison.Ordinal);
    }

    private static void CheckAndList(LifecycleRule rule, List<LintFinding> findings)
    {
        var tags = rule.Selection.Tags;
        if (tags.Count < 2) return;
        var path = $"rules[{rule.Position}].selection.{(tags[0].IsPrefix ? "tagPrefixList" : "tagPatternList")}";
        var redundant = tags.FirstOrDefault(wide => tags.Any(narrow => !ReferenceEquals(wide, narrow) && Covers(wide, narrow)));
        if (redundant is not null)
        {
            findings.Add(new("and-list", LintSeverity.Warning, path, $"an image must meet all entries of the list, and whatever meets another entry meets \"{redundant.Text}\" too", $"remove \"{redundant.Text}\""));
            return;
        }

        // One tag can meet entries whose beginnings agree; otherwise each image needs several tags.
        if (tags.Any(one => tags.Any(other => !one.LiteralStart.StartsWith(other.LiteralStart, StringComparison.Ordinal) && !other.LiteralStart.StartsWith(one.LiteralStart, StringComparison.Ordinal))))
        {
            findings.Add(new(
                "and-list",
                LintSeverity.Warning,
                path,
                $"an image must meet all {tags.Count} entries of the list; no single tag can meet them, so only images with several tags are selected",
                "write one rule for each entry when any of them should do"));
        }
    }

    private static void CheckUncovered(IReadOnlyList<LifecycleImage> images, LifecycleEvaluation evaluation, List<LintFinding> findings)
    {
        var uncovered = new List<LifecycleImage>();
        for (var i = 0; i < images.Count; i++)
            if (evaluation.Decisions[i].Reason == LifecycleReason.NoRule) uncovered.Add(images[i]);
        if (uncovered.Count == 0) return;
        var tags = uncovered.SelectMany(static image => image.Tags).Distinct(StringComparer.Ordinal).Take(5).ToList();
        var untagged = uncovered.Count(static image => image.Tags.Count == 0);
        var which = tags.Count > 0 ? $" (tags such as {string.Join(", ", tags)}{(untagged > 0 ? $"; {untagged} without a tag" : "")})" : " (all without a tag)";
        findings.Add(new("uncovered", LintSeverity.Warning, "rules", $"no rule selects {uncovered.Count} of {images.Count} images{which}: they are kept for ever", "add a rule for them, or one for any image with the highest rulePriority"));
    }

    // How far back the images that a count rule keeps reach at the pace of the last weeks.
    private static void CheckRollback(
        LifecycleRule rule, IReadOnlyList<LifecycleImage> images, double rollbackDays, DateTimeOffset now, List<LintFinding> findings)
    {
        if (rule.Selection.TagStatus == LifecycleTagStatus.Untagged) return;
        var selected = LifecycleEvaluator.Evaluate(rule, images, now).Decisions;
        var window = TimeSpan.FromDays(28);
        var recent = 0;
        for (var i = 0; i < images.Count; i++)
            if (selected[i].Rule is not null && images[i].EffectivePushedAt <= now && now - images[i].EffectivePushedAt <= window) recent++;
        if (recent < 2) return;
        var perDay = recent / window.TotalDays;
        var depth = rule.Selection.CountNumber / perDay;
        if (depth >= rollbackDays) return;
        findings.Add(new(
            "rollback",
            LintSeverity.Warning,
            $"rules[{rule.Position}].selection.countNumber",
            string.Create(CultureInfo.InvariantCulture, $"rule {rule.Priority} keeps {rule.Selection.CountNumber} images; at {perDay:0.0} pushes a day (the last 28 days) that is a way back of {depth:0.0} days"),
            string.Create(CultureInfo.InvariantCulture, $"keep at least {Math.Ceiling(perDay * rollbackDays):0} for {rollbackDays:0.#} days")));
    }

    private static string PathOf(LifecycleRule rule) => $"rules[{rule.Position}]";

    private static string Fix(LifecyclePolicyFault fault) => fault.Message switch
    {
        var m when m.Contains("tagStatus any", StringComparison.Ordinal) => "give the rule for any image the highest rulePriority of its storage class",
        var m when m.Contains("unique", StringComparison.Ordinal) => "merge the two rules, or change one of them",
        var m when m.StartsWith("Could not map", StringComparison.Ordinal) => "write a JSON object with the member rules",
        _ => "see docs/lifecycle.md for what is accepted",
    };
}
