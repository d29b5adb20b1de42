namespace Longshore.Core;

/// <summary>Patterns in which one character stands for any run of characters, also none, and perhaps another for any one; everything else stands for itself.</summary>
public static class Wildcard
{
    /// <summary>Whether the pattern, in which <c>*</c> is the only wildcard and case counts, matches the whole text.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text) => Matches(pattern, text, '*');

    /// <summary>Whether the pattern matches the whole text. Linear in practice, at worst pattern times text; never exponential.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="text">The text.</param>
    /// <param name="anyRun">Stands for any run of characters, also none.</param>
    /// <param name="anyOne">Stands for any one character; null when nothing does.</param>
    /// <param name="ignoreCase">Whether the others match in either case.</param>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text, char anyRun, char? anyOne = null, bool ignoreCase = false)
    {
        int p = 0, t = 0, star = -1, mark = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == anyRun)
            {
                // Take nothing for this star at first; come back here with one more character on a mismatch.
                star = p++;
                mark = t;
            }
            else if (p < pattern.Length && (pattern[p] == anyOne || Same(pattern[p], text[t], ignoreCase)))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].TrimStart(anyRun).IsEmpty;
    }

    private static bool Same(char a, char b, bool ignoreCase) =>
        a == b || (ignoreCase && char.ToUpperInvariant(a) == char.ToUpperInvariant(b));
}
