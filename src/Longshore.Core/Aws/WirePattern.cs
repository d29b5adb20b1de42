using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Longshore.Core.Aws;

/// <summary>
/// A pattern of an AWS model. Matching takes time linear in the text whatever the pattern: some of AWS's nest their
/// repetitions so that a backtracking matcher would take exponential time on hostile names.
/// </summary>
/// <param name="source">The model's text, which messages quote.</param>
/// <param name="expression">The same in .NET's dialect, anchored at both ends, with ASCII classes spelled out.</param>
/// <param name="usesCategories">Whether the pattern has Unicode categories (<c>\p{L}</c>).</param>
public sealed class WirePattern(string source, string expression, bool usesCategories = false)
{
    private readonly Lazy<Regex> _regex =
        new(() => new Regex(expression, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));

    /// <summary>The model's text.</summary>
    public string Source => source;

    /// <summary>Whether the whole text matches.</summary>
    public bool IsMatch(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _regex.Value.IsMatch(usesCategories ? FoldSupplementary(text) : text);
    }

    /// <summary>
    /// .NET tests categories per UTF-16 unit, where every half of a pair is a "surrogate". Each code point above U+FFFF is
    /// therefore replaced by a plain one of its category.
    /// </summary>
    private static string FoldSupplementary(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')) return text;
        var folded = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.IsBmp)
            {
                folded.Append((char)rune.Value);
                continue;
            }

            folded.Append(Rune.GetUnicodeCategory(rune) switch
            {
                UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                    or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => 'a',
                UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => '0',
                _ => '\uFFFC',
            });
        }

        return folded.ToString();
    }
}
