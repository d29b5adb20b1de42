using System.Text.Json;

namespace Longshore.Core.Tests.Policies.BruteForce;

/// <summary>One key under one operator: true, false, or null when it cannot be decided.</summary>
internal static class BruteForceCondition
{
    public static bool? Holds(
        string written, string key, IReadOnlyList<JsonElement> wanted, IReadOnlyDictionary<string, string[]> context, bool variables)
    {
        string[]? found = null;
        foreach (var entry in context)
            if (entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase)) found = entry.Value;

        // A key without values is as good as absent.
        if (found is { Length: 0 }) found = null;

        var name = written;
        var forAll = Cut(ref name, "ForAllValues:");
        var forAny = Cut(ref name, "ForAnyValue:");
        var ifExists = name.EndsWith("IfExists", StringComparison.Ordinal);
        if (ifExists) name = name[..^"IfExists".Length];
        var texts = wanted.Select(Text).ToArray();

        if (name == "Null") return texts.Any(t => (t == "true") == (found is null));

        var negated = name.Contains("Not", StringComparison.Ordinal);
        if (negated) name = name.Replace("Not", "", StringComparison.Ordinal);

        if (found is null)
        {
            if (forAll || ifExists) return true;
            return !forAny && negated;
        }

        var each = found.Select(value => Value(name, negated, value, texts, context, variables)).ToArray();
        if (forAll) return BruteForceStatement.And(each);
        if (forAny) return BruteForceStatement.Or(each);
        return each.Length == 1 ? each[0] : null;
    }

    private static bool? Value(
        string name, bool negated, string value, string[] texts, IReadOnlyDictionary<string, string[]> context, bool variables)
    {
        var any = BruteForceStatement.Or(texts.Select(text => Compare(name, value, text, context, variables)));
        return negated ? !any : any;
    }

    private static bool? Compare(string name, string value, string text, IReadOnlyDictionary<string, string[]> context, bool variables)
    {
        if (name.StartsWith("String", StringComparison.Ordinal) || name.StartsWith("Arn", StringComparison.Ordinal))
        {
            var pattern = BruteForcePattern.Read(text, variables, context);
            if (pattern is null) return null;
            var plain = new string([.. pattern.Select(static c => c.Value)]);
            return name switch
            {
                "StringEquals" => plain == value,
                "StringEqualsIgnoreCase" => plain.Equals(value, StringComparison.OrdinalIgnoreCase),
                "StringLike" => BruteForcePattern.Wild(pattern, value),
                "ArnEquals" or "ArnLike" => BruteForcePattern.Arn(pattern, value),
                _ => throw new InvalidOperationException(name),
            };
        }

        if (name.StartsWith("Numeric", StringComparison.Ordinal)) return Ordered(name["Numeric".Length..], BruteForceValue.Number(value), BruteForceValue.Number(text));
        if (name.StartsWith("Date", StringComparison.Ordinal)) return Ordered(name["Date".Length..], BruteForceValue.Seconds(value), BruteForceValue.Seconds(text));
        return name switch
        {
            "Bool" => bool.TryParse(value, out var given) ? given == bool.Parse(text) : null,
            "BinaryEquals" => value == text,
            "IpAddress" => BruteForceValue.Within(value, text),
            _ => throw new InvalidOperationException(name),
        };
    }

    private static bool? Ordered(string how, decimal? value, decimal? wanted)
    {
        if (value is null || wanted is null) return null;
        return how switch
        {
            "Equals" => value == wanted,
            "LessThan" => value < wanted,
            "LessThanEquals" => value <= wanted,
            "GreaterThan" => value > wanted,
            "GreaterThanEquals" => value >= wanted,
            _ => throw new InvalidOperationException(how),
        };
    }

    private static bool Cut(ref string name, string prefix)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal)) return false;
        name = name[prefix.Length..];
        return true;
    }

    private static string Text(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString()!,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => element.GetRawText(),
    };
}
