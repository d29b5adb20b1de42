using System.Diagnostics.CodeAnalysis;

namespace Longshore.Core;

/// <summary>
/// A repository name: 2 to 256 characters, path components of lower-case letters and digits joined by one '.', one or
/// two '_' or any number of '-' (ECR model, RepositoryName; OCI distribution 1.1, "name").
/// </summary>
public readonly record struct RepositoryName
{
    /// <summary>Longest name, in characters.</summary>
    public const int MaxLength = 256;

    private RepositoryName(string value) => Value = value;

    /// <summary>The name as text.</summary>
    public string Value { get; }

    /// <summary>Parses a name. Hand-written rather than a regular expression: it is on the path of every request.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RepositoryName name)
    {
        name = default;
        if (text is null || !IsValid(text)) return false;
        name = new RepositoryName(text);
        return true;
    }

    /// <summary>Whether the text is a well-formed name.</summary>
    public static bool IsValid(ReadOnlySpan<char> text)
    {
        if (text.Length is < 2 or > MaxLength) return false;
        var run = '/'; // The separator that the current run is made of; a name starts as if after a slash.
        var separator = 1; // Length of that run, 0 inside a component.
        foreach (var c in text)
        {
            if (c is (>= 'a' and <= 'z') or (>= '0' and <= '9'))
            {
                separator = 0;
                continue;
            }

            if (c is not ('.' or '_' or '-' or '/')) return false;
            if (separator == 0)
            {
                run = c;
                separator = 1;
                continue;
            }

            // A second separator: only '-' may repeat without bound, '_' once more.
            if (c != run || !(c == '-' || (c == '_' && separator == 1))) return false;
            separator++;
        }

        return separator == 0;
    }

    /// <inheritdoc/>
    public override string ToString() => Value;
}
