namespace Longshore.Core.Tests.Policies.BruteForce;

/// <summary>A pattern's character: itself, or a wildcard; a separator only when the policy's author wrote it.</summary>
/// <param name="Value">The character.</param>
/// <param name="Written">It stands in the policy's text, and so can be a wildcard or a colon between the parts of an ARN.</param>
internal readonly record struct PatternChar(char Value, bool Written);

/// <summary>Wildcards, variables and the parts of ARNs, in the plainest way.</summary>
internal static class BruteForcePattern
{
    /// <summary>Every character as it is written, no variables.</summary>
    public static List<PatternChar> Plain(string text) => [.. text.Select(static c => new PatternChar(c, true))];

    /// <summary>The text with its variables put in; null when one has no value.</summary>
    public static List<PatternChar>? Read(string text, bool variables, IReadOnlyDictionary<string, string[]> context)
    {
        if (!variables) return Plain(text);
        var result = new List<PatternChar>();
        var unknown = false;
        var i = 0;
        while (i < text.Length)
        {
            if (text[i] != '$' || i + 1 == text.Length || text[i + 1] != '{')
            {
                result.Add(new PatternChar(text[i++], true));
                continue;
            }

            var end = text.IndexOf('}', i);
            var inside = text[(i + 2)..end];
            i = end + 1;
            var value = Value(inside, context);
            if (value is null) unknown = true;
            else result.AddRange(value.Select(static c => new PatternChar(c, false)));
        }

        return unknown ? null : result;
    }

    /// <summary>Does the whole text match?</summary>
    public static bool Wild(List<PatternChar> pattern, string text) => Wild(pattern, 0, text, 0);

    /// <summary>Do all six parts of an ARN match, each by itself? A star alone is everything.</summary>
    public static bool Arn(List<PatternChar> pattern, string text)
    {
        // Where the author wrote five colons or more, those are the ones that count.
        var written = pattern.Count(static c => c is { Value: ':', Written: true }) >= 5;
        var patterns = new List<List<PatternChar>> { new() };
        foreach (var c in pattern)
        {
            if (c.Value == ':' && (c.Written || !written) && patterns.Count < 6) patterns.Add([]);
            else patterns[^1].Add(c);
        }

        var parts = text.Split(':', 6);
        if (pattern is [{ Value: '*', Written: true }]) return true;
        // What has fewer parts is no ARN; it matches only what is none in the same way.
        if (patterns.Count != parts.Length) return false;
        for (var i = 0; i < parts.Length; i++)
            if (!Wild(patterns[i], parts[i])) return false;
        return true;
    }

    private static bool Wild(List<PatternChar> pattern, int p, string text, int t)
    {
        if (p == pattern.Count) return t == text.Length;
        if (pattern[p] is { Value: '*', Written: true })
        {
            for (var skip = t; skip <= text.Length; skip++)
                if (Wild(pattern, p + 1, text, skip)) return true;
            return false;
        }

        if (t == text.Length) return false;
        return (pattern[p] is { Value: '?', Written: true } || pattern[p].Value == text[t]) && Wild(pattern, p + 1, text, t + 1);
    }

    private static string? Value(string inside, IReadOnlyDictionary<string, string[]> context)
    {
        if (inside is "*" or "?" or "$") return inside;
        var comma = inside.IndexOf(',');
        var key = comma < 0 ? inside : inside[..comma];
        foreach (var entry in context)
        {
            if (!entry.Key.Equals(key.Trim(), StringComparison.OrdinalIgnoreCase)) continue;
            if (entry.Value.Length == 0) break;
            return entry.Value.Length == 1 ? entry.Value[0] : null;
        }

        return comma < 0 ? null : inside[(comma + 1)..].Trim().Trim('\'');
    }
}
