using System.Text.Json;
using System.Text.RegularExpressions;
using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

/// <summary>
/// A second reading of section 1.3 of the behaviour specification, as slow and as literal as can be. Works on the document
/// itself and shares nothing with the product but the record that holds an image.
/// </summary>
internal static class BruteForceEvaluator
{
    /// <summary>What happens to each digest: "expire 3" (rule 3) or "transition 3"; an image that is kept is absent.</summary>
    public static Dictionary<string, string> Evaluate(string text, IReadOnlyList<LifecycleImage> images, DateTimeOffset now)
    {
        using var document = JsonDocument.Parse(text);
        var rules = document.RootElement.GetProperty("rules").EnumerateArray().OrderBy(r => r.GetProperty("rulePriority").GetInt32()).ToList();
        var follows = images.Where(i => i.Subject is not null && images.Any(s => s.Digest == i.Subject)).ToHashSet();
        var s = rules.ToDictionary(r => r, r => images.Where(i => !follows.Contains(i) && Selects(r, i)).ToList());
        var m = rules.ToDictionary(r => r, r => Marked(r, s[r], now));
        var acted = new Dictionary<string, string>();
        foreach (var image in images)
        {
            foreach (var rule in rules)
            {
                var higher = rules.TakeWhile(q => !q.Equals(rule)).Where(q => ClassOf(q) == ClassOf(rule));
                if (!m[rule].Contains(image) || higher.Any(q => s[q].Contains(image))) continue;
                var type = rule.GetProperty("action").GetProperty("type").GetString()!;
                if (!Blocked(image, type, images)) acted[image.Digest] = $"{type} {rule.GetProperty("rulePriority").GetInt32()}";
                break;
            }
        }

        // Reference artifacts go with their subject; again until nothing changes, as they may have some themselves.
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var image in follows)
            {
                if (acted.ContainsKey(image.Digest) || !acted.TryGetValue(image.Subject!, out var what)) continue;
                if (image.ReferencedBy.Count > 0 || (what.StartsWith("transition", StringComparison.Ordinal) && image.Status != ImageStatus.Active)) continue;
                acted[image.Digest] = what;
                changed = true;
            }
        }

        return acted;
    }

    private static string ClassOf(JsonElement rule) =>
        rule.GetProperty("selection").TryGetProperty("storageClass", out var c) ? c.GetString()! : "standard";

    private static bool Selects(JsonElement rule, LifecycleImage image)
    {
        var selection = rule.GetProperty("selection");
        var wanted = ClassOf(rule) == "archive" ? ImageStatus.Archived : ImageStatus.Active;
        if (image.Status != wanted) return false;
        switch (selection.GetProperty("tagStatus").GetString())
        {
            case "any": return true;
            case "untagged": return image.Tags.Count == 0;
        }

        if (selection.TryGetProperty("tagPrefixList", out var prefixes))
            return prefixes.EnumerateArray().All(p => image.Tags.Any(t => t.StartsWith(p.GetString()!, StringComparison.Ordinal)));
        return selection.GetProperty("tagPatternList").EnumerateArray().All(
            p => image.Tags.Any(t => Regex.IsMatch(t, "^" + string.Join("[^\n]*", p.GetString()!.Split('*').Select(Regex.Escape)) + "\\z", RegexOptions.CultureInvariant)));
    }

    private static List<LifecycleImage> Marked(JsonElement rule, List<LifecycleImage> selected, DateTimeOffset now)
    {
        var selection = rule.GetProperty("selection");
        var number = selection.GetProperty("countNumber").GetInt32();
        var age = TimeSpan.FromDays(number);
        return selection.GetProperty("countType").GetString() switch
        {
            "imageCountMoreThan" => [.. selected.OrderByDescending(i => i.LastActivatedAt ?? i.PushedAt).ThenByDescending(i => i.Id).Skip(number)],
            "sinceImagePushed" => [.. selected.Where(i => now - (i.LastActivatedAt ?? i.PushedAt) > age)],
            "sinceImagePulled" => [.. selected.Where(i => now - PulledSince(i) > age)],
            _ => [.. selected.Where(i => i.LastArchivedAt is { } at && now - at > age)],
        };
    }

    private static DateTimeOffset PulledSince(LifecycleImage image)
    {
        if (image.LastActivatedAt is { } restored && (image.LastPulledAt is null || image.LastPulledAt < restored) && restored > image.PushedAt) return restored;
        return image.LastPulledAt ?? image.PushedAt;
    }

    private static bool Blocked(LifecycleImage image, string type, IReadOnlyList<LifecycleImage> images) => type == "expire"
        ? image.ReferencedBy.Count > 0
        : image.ReferencedBy.Any(list => images.Any(i => i.Digest == list && i.Status != ImageStatus.Archived));
}
