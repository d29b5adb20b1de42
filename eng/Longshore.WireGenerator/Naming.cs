using System.Text;

namespace Longshore.WireGenerator;

/// <summary>Turns wire names into C# names. Wire names themselves are never changed; they go into attributes.</summary>
internal static class Naming
{
    /// <summary>Shape names that are also types of the implicit usings, and would be ambiguous wherever both are imported.</summary>
    private static readonly HashSet<string> TakenByImplicitUsings =
        ["Action", "Attribute", "Buffer", "Environment", "File", "Index", "Object", "Range", "String", "Task", "Thread", "Type", "Version"];

    /// <summary>Members every record has.</summary>
    private static readonly HashSet<string> TakenByRecords =
        ["Clone", "EqualityContract", "Equals", "GetHashCode", "GetType", "PrintMembers", "ToString"];

    /// <summary>The record of a structure shape.</summary>
    public static string Class(string shape)
    {
        var name = Pascal(shape);
        return TakenByImplicitUsings.Contains(name) ? name + "Shape" : name;
    }

    /// <summary>The property of a member. A property may not be called like its own class.</summary>
    public static string Property(string shape, string member)
    {
        var name = Pascal(member);
        return name == Class(shape) || TakenByRecords.Contains(name) ? name + "Value" : name;
    }

    /// <summary>The class of an enum's constants.</summary>
    public static string EnumClass(string shape) => Pascal(shape) + "Values";

    /// <summary><c>IMMUTABLE_WITH_EXCLUSION</c> → <c>ImmutableWithExclusion</c>, <c>ecr-public</c> → <c>EcrPublic</c>.</summary>
    public static string Constant(string value)
    {
        var name = new StringBuilder();
        foreach (var word in value.Split('_', '-', ' ', '.', '/'))
        {
            if (word.Length == 0) continue;
            // An all-capitals word is a shout; a mixed one is already in our form.
            var tail = word.Any(char.IsLower) ? word[1..] : word[1..].ToLowerInvariant();
            name.Append(char.ToUpperInvariant(word[0])).Append(tail);
        }

        // All is the list of them all.
        return name.Length > 0 && char.IsAsciiLetter(name[0]) && name.ToString() != "All" ? name.ToString() : "Value" + name;
    }

    /// <summary>A C# string literal.</summary>
    public static string Literal(string text)
    {
        var literal = new StringBuilder("\"");
        foreach (var c in text)
        {
            literal.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                < ' ' or > '~' => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }

        return literal.Append('"').ToString();
    }

    /// <summary>A verbatim literal, which keeps regular expressions readable.</summary>
    public static string Verbatim(string text) => "@\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    /// <summary>The name with a capital first letter.</summary>
    public static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
