using System.Globalization;

namespace Longshore.Core.Oci;

/// <summary>What a Range header asks of a body of known length.</summary>
public enum ByteRangeKind
{
    /// <summary>Nothing that we serve in part: no header, another unit, bad syntax, several ranges. Answer 200 with the whole.</summary>
    Ignored,

    /// <summary>One part of the body. Answer 206.</summary>
    Satisfiable,

    /// <summary>A part beyond the end. Answer 416 with <c>Content-Range: bytes */LENGTH</c>.</summary>
    Unsatisfiable,
}

/// <summary>A Range header applied to a body (RFC 9110, sections 14.1.2 and 14.2).</summary>
/// <param name="Kind">What to answer.</param>
/// <param name="Start">Offset of the first byte, when satisfiable.</param>
/// <param name="End">Offset of the last byte, when satisfiable: at least Start and below the length of the body.</param>
public readonly record struct ByteRange(ByteRangeKind Kind, long Start, long End)
{
    /// <summary>Number of bytes of a satisfiable range, at least 1; 0 otherwise.</summary>
    public long Length => Kind == ByteRangeKind.Satisfiable ? End - Start + 1 : 0;

    private static ByteRange Ignored => default;

    private static ByteRange Unsatisfiable => new(ByteRangeKind.Unsatisfiable, 0, 0);

    /// <summary>
    /// Applies a Range header to a body of <paramref name="length"/> bytes (at least 0). Several ranges are served as the
    /// whole body, which the RFC allows and which keeps a request for a thousand overlapping ranges from costing anything.
    /// </summary>
    public static ByteRange Resolve(ReadOnlySpan<char> header, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        const string unit = "bytes=";
        if (!header.StartsWith(unit, StringComparison.OrdinalIgnoreCase)) return Ignored;
        var spec = header[unit.Length..].Trim(" \t");
        var dash = spec.IndexOf('-');
        if (dash < 0) return Ignored;
        var first = spec[..dash];
        var last = spec[(dash + 1)..];
        if (first.IsEmpty)
        {
            if (!TryParseOffset(last, out var suffix)) return Ignored;
            if (suffix == 0) return Unsatisfiable;
            // The last bytes of an empty body are satisfiable by the letter, but no Content-Range can say so.
            return length == 0 ? Ignored : new ByteRange(ByteRangeKind.Satisfiable, Math.Max(0, length - suffix), length - 1);
        }

        var end = long.MaxValue;
        if (!TryParseOffset(first, out var start) || (!last.IsEmpty && !TryParseOffset(last, out end)) || end < start) return Ignored;
        return start >= length ? Unsatisfiable : new ByteRange(ByteRangeKind.Satisfiable, start, Math.Min(end, length - 1));
    }

    /// <summary>Digits only. The grammar sets no limit, so a number beyond 63 bits stands for "past any body".</summary>
    private static bool TryParseOffset(ReadOnlySpan<char> digits, out long value)
    {
        value = 0;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) return false;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value)) value = long.MaxValue;
        return true;
    }
}
