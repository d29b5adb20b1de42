namespace Longshore.Core.Lifecycle;

/// <summary>What must hold between the rules of one policy.</summary>
internal static class LifecycleRuleChecks
{
    public static void Check(IReadOnlyList<LifecycleRule> rules, List<LifecyclePolicyFault> faults)
    {
        var priorities = new Dictionary<int, int>();
        foreach (var rule in rules)
        {
            if (!priorities.TryAdd(rule.Priority, rule.Position))
                faults.Add(new($"rules[{rule.Position}].rulePriority", $"rulePriority {rule.Priority} is used by rules[{priorities[rule.Priority]}] already; priorities must be unique"));
        }

        foreach (var ofClass in rules.GroupBy(static rule => rule.Selection.StorageClass))
        {
            var sameClass = ofClass.ToList();
            CheckAnyIsLast(sameClass, faults);
            CheckUnique(sameClass, faults);
        }
    }

    // AWS's own archive example holds two rules for any image, one a class: so the check is per class.
    private static void CheckAnyIsLast(List<LifecycleRule> rules, List<LifecyclePolicyFault> faults)
    {
        var highest = rules.Max(static rule => rule.Priority);
        foreach (var rule in rules.Where(rule => rule.Selection.TagStatus == LifecycleTagStatus.Any && rule.Priority < highest))
        {
            faults.Add(new($"rules[{rule.Position}].rulePriority", $"a rule with tagStatus any must have the highest rulePriority of its storage class: more than {highest}"));
        }
    }

    private static void CheckUnique(List<LifecycleRule> rules, List<LifecyclePolicyFault> faults)
    {
        var prefixes = new Dictionary<string, int>(StringComparer.Ordinal);
        var patterns = new Dictionary<string, int>(StringComparer.Ordinal);
        var untagged = -1;
        foreach (var rule in rules)
        {
            if (rule.Selection.TagStatus == LifecycleTagStatus.Untagged)
            {
                if (untagged >= 0) faults.Add(new($"rules[{rule.Position}].selection.tagStatus", $"only one rule of a storage class may have tagStatus untagged; rules[{untagged}] has"));
                else untagged = rule.Position;
            }

            for (var i = 0; i < rule.Selection.Tags.Count; i++)
            {
                var tag = rule.Selection.Tags[i];
                var (seen, list) = tag.IsPrefix ? (prefixes, "tagPrefixList") : (patterns, "tagPatternList");
                if (seen.TryAdd(tag.Text, rule.Position)) continue;
                faults.Add(new($"rules[{rule.Position}].selection.{list}[{i}]", $"\"{tag.Text}\" is used by rules[{seen[tag.Text]}] already; the entries of {list} must be unique across rules"));
            }
        }
    }
}
