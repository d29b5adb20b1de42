using System.Globalization;
using System.Text;

namespace Longshore.WireGenerator;

/// <summary>
/// Translates a model's pattern into .NET's dialect, anchored at both ends.
/// Three things differ and are mended here: <c>\d \w \s</c> mean ASCII in the models and Unicode in .NET;
/// <c>$</c> in .NET also matches before a final newline; and the models write code points above U+FFFF
/// (<c>\u10000-\u10FFFF</c>), which are two characters in .NET.
/// </summary>
internal static class PatternTranslator
{
    private const string SupplementaryRange = @"\u10000-\u10FFFF";
    private const string SurrogatePair = @"[\uD800-\uDBFF][\uDC00-\uDFFF]";

    /// <exception cref="InvalidDataException">The pattern uses a construct nobody has checked yet.</exception>
    public static string Translate(string pattern)
    {
        var result = new StringBuilder(@"\A(?:");
        for (var i = 0; i < pattern.Length;)
        {
            switch (pattern[i])
            {
                case '[':
                    i = TranslateClass(pattern, i, result);
                    break;
                case '\\' when i + 5 < pattern.Length && pattern[i + 1] == 'u':
                    _ = int.Parse(pattern.AsSpan(i + 2, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                    result.Append(pattern, i, 6);
                    i += 6;
                    break;
                case '\\':
                    result.Append(Escape(pattern, i, inClass: false));
                    i += 2;
                    break;
                case '^':
                    result.Append(@"\A");
                    i++;
                    break;
                case '$':
                    result.Append(@"\z");
                    i++;
                    break;
                case '(' when i + 1 < pattern.Length && pattern[i + 1] == '?' && !pattern.AsSpan(i).StartsWith("(?:"):
                    throw new InvalidDataException($"Group construct in '{pattern}' is not supported.");
                default:
                    result.Append(pattern[i++]);
                    break;
            }
        }

        return result.Append(@")\z").ToString();
    }

    /// <summary>Whether the pattern asks for Unicode categories, which .NET tests per UTF-16 unit.</summary>
    public static bool UsesCategories(string pattern) => pattern.Contains(@"\p{", StringComparison.Ordinal);

    private static int TranslateClass(string pattern, int start, StringBuilder result)
    {
        var content = new StringBuilder();
        var supplementary = false;
        var i = start + 1;
        if (i < pattern.Length && pattern[i] == '^') content.Append(pattern[i++]);
        while (pattern[i] != ']')
        {
            if (pattern.AsSpan(i).StartsWith(SupplementaryRange, StringComparison.Ordinal))
            {
                supplementary = true;
                i += SupplementaryRange.Length;
            }
            else if (pattern.AsSpan(i).StartsWith(@"\u", StringComparison.Ordinal))
            {
                _ = int.Parse(pattern.AsSpan(i + 2, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                content.Append(pattern, i, 6);
                i += 6;
            }
            else if (pattern.AsSpan(i).StartsWith(@"\p{", StringComparison.Ordinal))
            {
                var end = pattern.IndexOf('}', i) + 1;
                content.Append(pattern, i, end - i);
                i = end;
            }
            else if (pattern[i] == '\\')
            {
                content.Append(Escape(pattern, i, inClass: true));
                i += 2;
            }
            else if (pattern[i] == '-' && (pattern[i + 1] == ']' || EndsRange(content)))
            {
                // A hyphen that cannot be a range, written so that nobody has to know the rule.
                content.Append(@"\-");
                i++;
            }
            else if (pattern[i] == '[')
            {
                throw new InvalidDataException($"Nested class in '{pattern}' is not supported.");
            }
            else
            {
                content.Append(pattern[i++]);
            }
        }

        result.Append(supplementary ? $"(?:[{content}]|{SurrogatePair})" : $"[{content}]");
        return i + 1;
    }

    /// <summary>Whether what was written last is a complete range (<c>a-z</c>) or a class escape, so that "-" is itself.</summary>
    private static bool EndsRange(StringBuilder content)
    {
        var text = content.ToString();
        return text.Length >= 3 && text[^2] == '-' && (text.Length == 3 || text[^3] != '\\');
    }

    private static string Escape(string pattern, int at, bool inClass) => pattern[at + 1] switch
    {
        'd' => inClass ? "0-9" : "[0-9]",
        'w' => inClass ? "a-zA-Z0-9_" : "[a-zA-Z0-9_]",
        's' => inClass ? @" \t\n\v\f\r" : @"[ \t\n\v\f\r]",
        'S' when !inClass => @"[^ \t\n\v\f\r]",
        '/' => "/",
        ':' => ":",
        '-' => inClass ? @"\-" : "-",
        '.' => @"\.",
        '+' => @"\+",
        var other => throw new InvalidDataException($"Escape '\\{other}' in '{pattern}' is not supported."),
    };
}
