using System.Buffers;
using System.Text;

namespace Longshore.Core.Policies;

/// <summary>
/// A text with <c>*</c> (any run), <c>?</c> (any one) and, from version 2012-10-17 on, policy variables. What a variable puts in stands
/// for itself: a value with a star in it matches that star only.
/// </summary>
internal sealed class PolicyPattern
{
    // Stand for the wildcards in a resolved pattern; private use, and refused in documents, so no value can hold them unescaped.
    private const char AnyRun = '\uE000';
    private const char AnyOne = '\uE001';

    private static readonly SearchValues<char> NotInKeys = SearchValues.Create("'\"${*?");

    private readonly IReadOnlyList<Part> parts;
    private readonly string resolved;
    private readonly string? exact;
    private readonly string? prefix;
    private readonly bool startsInLastPart;
    private readonly string tailStart = "";

    private PolicyPattern(string text, IReadOnlyList<Part> parts)
    {
        Text = text;
        this.parts = parts;
        HasVariables = parts.Any(static p => p.Variable is not null);
        WritesAllParts = parts.Sum(static p => p.Literal.AsSpan().Count(':')) >= 5;
        resolved = HasVariables ? "" : string.Concat(parts.Select(static p => p.Literal));
        if (HasVariables) return;
        if (!resolved.AsSpan().ContainsAny(AnyRun, AnyOne)) exact = resolved;
        else if (resolved.IndexOf(AnyRun, StringComparison.Ordinal) == resolved.Length - 1 && !resolved.Contains(AnyOne, StringComparison.Ordinal)) prefix = resolved[..^1];
        startsInLastPart = prefix is not null && prefix.AsSpan().Count(':') >= 5;
        var tail = TailOf(resolved);
        if (tail < 0) return;
        var wildcard = resolved.AsSpan(tail).IndexOfAny(AnyRun, AnyOne);
        tailStart = wildcard < 0 ? resolved[tail..] : resolved.Substring(tail, wildcard);
    }

    /// <summary>The pattern as written.</summary>
    public string Text { get; }

    /// <summary>Whether its meaning depends on the request.</summary>
    public bool HasVariables { get; }

    /// <summary>Whether all six parts of an ARN stand in the text itself, and not in values of variables.</summary>
    public bool WritesAllParts { get; }

    /// <summary>The keys of its variables.</summary>
    public IEnumerable<string> Variables => parts.Where(static p => p.Variable is not null).Select(static p => p.Variable!);

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">The text.</param>
    /// <param name="wildcards">Whether * and ? stand for other characters.</param>
    /// <param name="variables">Whether <c>${…}</c> is a variable.</param>
    /// <param name="fault">What is wrong with a variable.</param>
    public static PolicyPattern? Parse(string text, bool wildcards, bool variables, out string? fault)
    {
        fault = null;
        if (text.AsSpan().ContainsAny(AnyRun, AnyOne))
        {
            fault = "holds a character of the private use area (U+E000 or U+E001)";
            return null;
        }

        var parts = new List<Part>();
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (variables && text[i] == '$' && i + 1 < text.Length && text[i + 1] == '{')
            {
                var end = text.IndexOf('}', i);
                if (end < 0 || !TryReadVariable(text[(i + 2)..end], out var special, out var key, out var fallback))
                {
                    fault = "holds a malformed policy variable; variables are ${key}, ${key, 'default'}, ${*}, ${?} and ${$}";
                    return null;
                }

                i = end;
                if (special is { } character)
                {
                    literal.Append(character);
                    continue;
                }

                if (literal.Length > 0) parts.Add(new Part(literal.ToString(), null, null));
                literal.Clear();
                parts.Add(new Part("", key, fallback));
                continue;
            }

            literal.Append(wildcards ? text[i] switch { '*' => AnyRun, '?' => AnyOne, var c => c } : text[i]);
        }

        if (literal.Length > 0) parts.Add(new Part(literal.ToString(), null, null));
        return new PolicyPattern(text, parts);
    }

    /// <summary>Whether the pattern matches a whole text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="context">Where variables find their values.</param>
    /// <param name="ignoreCase">Whether case is without meaning.</param>
    public Ternary Matches(string text, IConditionContext context, bool ignoreCase = false)
    {
        var comparison = ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        if (exact is not null) return TernaryLogic.Of(string.Equals(exact, text, comparison));
        if (prefix is not null) return TernaryLogic.Of(text.StartsWith(prefix, comparison));
        if (!TryResolve(context, out var pattern)) return Ternary.Unknown;
        return TernaryLogic.Of(Wildcard.Matches(pattern, text, AnyRun, AnyOne, ignoreCase));
    }

    /// <summary>Where the last of an ARN's six parts begins; -1 for a text that has not six.</summary>
    public static int TailOf(string arn)
    {
        var at = -1;
        for (var part = 0; part < 5; part++)
        {
            at = arn.IndexOf(':', at + 1);
            if (at < 0) return -1;
        }

        return at + 1;
    }

    /// <inheritdoc cref="MatchesArn(string, int, IConditionContext)"/>
    public Ternary MatchesArn(string arn, IConditionContext context) => MatchesArn(arn, TailOf(arn), context);

    /// <summary>Whether the pattern matches an ARN, each of whose six parts is matched by itself; <c>*</c> alone is everything.</summary>
    /// <param name="arn">The ARN.</param>
    /// <param name="tail">From <see cref="TailOf"/>: it is asked for once, and many patterns are compared.</param>
    /// <param name="context">Where variables find their values.</param>
    public Ternary MatchesArn(string arn, int tail, IConditionContext context)
    {
        if (exact is not null) return TernaryLogic.Of(string.Equals(exact, arn, StringComparison.Ordinal));
        // A prefix that reaches into the last part leaves nothing to match by parts.
        if (prefix is { } start && (start.Length == 0 || startsInLastPart)) return TernaryLogic.Of(arn.StartsWith(start, StringComparison.Ordinal));
        // The last part tells most patterns apart.
        if (tailStart.Length > 0 && tail >= 0 && !arn.AsSpan(tail).StartsWith(tailStart, StringComparison.Ordinal)) return Ternary.False;
        if (!TryResolve(context, out var pattern)) return Ternary.Unknown;
        if (HasVariables && WritesAllParts && !ValuesKeepToTheirParts(context)) return Ternary.False;
        var left = pattern.AsSpan();
        var right = arn.AsSpan();
        for (var part = 0; part < 5; part++)
        {
            var (l, r) = (left.IndexOf(':'), right.IndexOf(':'));
            if (l < 0 || r < 0) return TernaryLogic.Of(l < 0 && r < 0 && Wildcard.Matches(left, right, AnyRun, AnyOne));
            if (!Wildcard.Matches(left[..l], right[..r], AnyRun, AnyOne)) return Ternary.False;
            left = left[(l + 1)..];
            right = right[(r + 1)..];
        }

        return TernaryLogic.Of(Wildcard.Matches(left, right, AnyRun, AnyOne));
    }

    private bool TryResolve(IConditionContext context, out string pattern)
    {
        pattern = resolved;
        if (!HasVariables) return true;
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            if (part.Variable is null)
            {
                text.Append(part.Literal);
                continue;
            }

            // A value that could be taken for a wildcard of ours is no value.
            if (ValueOf(part, context) is not { } value || value.AsSpan().ContainsAny(AnyRun, AnyOne)) return false;
            text.Append(value);
        }

        pattern = text.ToString();
        return true;
    }

    // Where the author wrote all six parts, no value may move their borders: a tag "111122223333:repository/x" is no account. It
    // cannot match either, since only the last part of an ARN has colons.
    private bool ValuesKeepToTheirParts(IConditionContext context)
    {
        var colons = 0;
        foreach (var part in parts)
        {
            if (part.Variable is null) colons += part.Literal.AsSpan().Count(':');
            else if (colons < 5 && ValueOf(part, context)!.Contains(':', StringComparison.Ordinal)) return false;
        }

        return true;
    }

    private static string? ValueOf(Part part, IConditionContext context) =>
        context.Find(part.Variable!) switch { null or [] => part.Default, [var one] => one, _ => null };

    private static bool TryReadVariable(string inside, out char? special, out string? key, out string? fallback)
    {
        (special, key, fallback) = (null, null, null);
        if (inside is "*" or "?" or "$")
        {
            special = inside[0];
            return true;
        }

        var comma = inside.IndexOf(',', StringComparison.Ordinal);
        var name = (comma < 0 ? inside : inside[..comma]).Trim();
        if (name.Length == 0 || !name.Contains(':', StringComparison.Ordinal) || name.AsSpan().ContainsAny(NotInKeys)) return false;
        key = name;
        if (comma < 0) return true;
        var quoted = inside[(comma + 1)..].Trim();
        if (quoted.Length < 2 || quoted[0] != '\'' || quoted[^1] != '\'' || quoted[1..^1].Contains('\'', StringComparison.Ordinal)) return false;
        fallback = quoted[1..^1];
        return true;
    }

    private sealed record Part(string Literal, string? Variable, string? Default);
}
