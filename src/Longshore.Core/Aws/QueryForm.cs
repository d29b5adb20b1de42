using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Longshore.Core.Aws;

/// <summary>
/// The body of a query-protocol request: <c>Action=…&amp;PolicyArns.member.1.arn=…</c>. Names are paths; here they are a tree.
/// </summary>
public sealed class QueryForm
{
    /// <summary>The most members a body may have. AssumeRole with every list full has about 200.</summary>
    public const int MostMembers = 1000;

    private const int LongestName = 256;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, Entry> _root = new(StringComparer.Ordinal);

    private QueryForm()
    {
    }

    /// <summary>The operation asked for, or null.</summary>
    public string? Action => _root.GetValueOrDefault("Action")?.Value;

    /// <summary>The API version asked for, or null.</summary>
    public string? Version => _root.GetValueOrDefault("Version")?.Value;

    /// <summary>Reads a body of type <c>application/x-www-form-urlencoded</c>; bad input never throws.</summary>
    /// <param name="body">The body as received.</param>
    /// <param name="form">The form.</param>
    /// <param name="error">
    /// Why there is none: malformed escapes or UTF-8, a member given twice, too many or too long names.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> body, [NotNullWhen(true)] out QueryForm? form, [NotNullWhen(false)] out string? error)
    {
        var result = new QueryForm();
        form = null;
        error = null;
        var members = 0;
        foreach (var range in body.Split((byte)'&'))
        {
            var pair = body[range];
            if (pair.IsEmpty) continue;
            var equals = pair.IndexOf((byte)'=');
            var name = Decode(equals < 0 ? pair : pair[..equals]);
            var value = equals < 0 ? "" : Decode(pair[(equals + 1)..]);
            if (name is null || value is null) error = "The form holds a malformed escape or is not UTF-8.";
            else if (name.Length is 0 or > LongestName) error = "The form holds an empty name or one that is too long.";
            else if (++members > MostMembers) error = "The form has too many members.";
            else if (!result.Add(name, value)) error = $"The form gives '{name}' more than once.";
            if (error is not null) return false;
        }

        form = result;
        return true;
    }

    /// <summary>The root for one reading, which notes its faults in <paramref name="faults"/>.</summary>
    internal QueryNode Open(List<string> faults) => new("", null, _root, faults);

    private bool Add(string name, string value)
    {
        var level = _root;
        var segments = name.Split('.');
        for (var i = 0; ; i++)
        {
            if (!level.TryGetValue(segments[i], out var entry)) level.Add(segments[i], entry = new Entry());
            if (i == segments.Length - 1)
            {
                if (entry.Value is not null) return false;
                entry.Value = value;
                return true;
            }

            level = entry.Children;
        }
    }

    private static string? Decode(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[text.Length];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '%')
            {
                if (i + 2 >= text.Length
                    || !byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out c)) return null;
                i += 2;
            }
            else if (c == '+')
            {
                c = (byte)' ';
            }

            bytes[length++] = c;
        }

        try
        {
            return StrictUtf8.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    internal sealed class Entry
    {
        public string? Value { get; set; }

        public Dictionary<string, Entry> Children { get; } = new(StringComparer.Ordinal);
    }
}
