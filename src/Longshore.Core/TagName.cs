using System.Diagnostics.CodeAnalysis;

namespace Longshore.Core;

/// <summary>
/// An image tag: a letter, digit or '_' and then letters, digits, '.', '_' or '-' (OCI distribution 1.1, "reference").
/// OCI allows 128 characters, ECR's model 300: what both clients can use is accepted, up to 300.
/// </summary>
public readonly record struct TagName
{
    /// <summary>Longest tag, in characters (ECR model, ImageTag).</summary>
    public const int MaxLength = 300;

    private TagName(string value) => Value = value;

    /// <summary>The tag as text.</summary>
    public string Value { get; }

    /// <summary>Parses a tag.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out TagName tag)
    {
        tag = default;
        if (text is null || text.Length is < 1 or > MaxLength || text[0] is '.' or '-') return false;
        foreach (var c in text)
            if (!(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')) return false;
        tag = new TagName(text);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Value;
}
