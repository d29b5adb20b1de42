namespace Longshore.Core;

/// <summary>Patterns in which <c>*</c> stands for any run of characters, also none; everything else stands for itself, case counts.</summary>
public static class Wildcard
{
    /// <summary>Whether the pattern matches the whole text. Linear in practice, at worst pattern times text; never exponential.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int p = 0, t = 0, star = -1, mark = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                // Take nothing for this star at first; come back here with one more character on a mismatch.
                star = p++;
                mark = t;
            }
            else if (p < pattern.Length && pattern[p] == text[t])
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

        return pattern[p..].TrimStart('*').IsEmpty;
    }
}
