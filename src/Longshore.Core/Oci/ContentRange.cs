using System.Globalization;

namespace Longshore.Core.Oci;

/// <summary>The bytes that an upload chunk carries, both ends included, counted from 0.</summary>
/// <param name="Start">Offset of the first byte.</param>
/// <param name="End">Offset of the last byte, at least <paramref name="Start"/>.</param>
public readonly record struct ContentRange(long Start, long End)
{
    /// <summary>Number of bytes, at least 1.</summary>
    public long Length => End - Start + 1;

    /// <summary>
    /// Parses the Content-Range of a chunk. The distribution specification has <c>0-99</c> ("Pushing a blob in chunks");
    /// some clients send HTTP's <c>bytes 0-99/*</c> or <c>bytes 0-99/200</c> (RFC 9110, section 14.4), which says the same
    /// and is taken too. False for anything else: signs, spaces, an end before the start, a total that the range exceeds,
    /// numbers beyond 63 bits.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ContentRange range)
    {
        range = default;
        var total = long.MaxValue;
        const string unit = "bytes ";
        if (text.StartsWith(unit, StringComparison.OrdinalIgnoreCase))
        {
            text = text[unit.Length..];
            var slash = text.IndexOf('/');
            if (slash < 0) return false;
            if (text[(slash + 1)..] is not "*" && !TryParseOffset(text[(slash + 1)..], out total)) return false;
            text = text[..slash];
        }

        var dash = text.IndexOf('-');
        if (dash < 0 || !TryParseOffset(text[..dash], out var start) || !TryParseOffset(text[(dash + 1)..], out var end)) return false;
        // end < total keeps Length from overflowing as well.
        if (start > end || end >= total) return false;
        range = new ContentRange(start, end);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Start}-{End}");

    private static bool TryParseOffset(ReadOnlySpan<char> digits, out long value) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
