using Microsoft.Extensions.Primitives;

namespace Longshore.Server.Hosting;

/// <summary>Compares the lists of conditional requests with the one tag of a body (RFC 9110, sections 8.8.3 and 13.1).</summary>
internal static class EntityTags
{
    /// <summary>Whether a header names the tag, or is <c>*</c>.</summary>
    /// <param name="header">The header's lines.</param>
    /// <param name="tag">The tag of the body, with its quotes.</param>
    /// <param name="weak">Whether weak tags count: in If-None-Match they do, in If-Match they do not.</param>
    public static bool Contains(StringValues header, string tag, bool weak)
    {
        for (var i = 0; i < header.Count; i++)
            if (header[i] is { } line && Contains(line.AsSpan(), tag, weak)) return true;
        return false;
    }

    private static bool Contains(ReadOnlySpan<char> list, string tag, bool weak)
    {
        if (list.Trim() is "*") return true;
        while (true)
        {
            list = list.TrimStart(" \t,");
            var isWeak = list.StartsWith("W/");
            if (isWeak) list = list[2..];
            if (list.IsEmpty || list[0] != '"') return false;
            var end = list[1..].IndexOf('"');
            if (end < 0) return false;
            if ((weak || !isWeak) && list[..(end + 2)].SequenceEqual(tag)) return true;
            list = list[(end + 2)..];
        }
    }
}
