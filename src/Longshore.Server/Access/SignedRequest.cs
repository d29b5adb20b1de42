namespace Longshore.Server.Access;

/// <summary>What a request signature covers: the request as it came over the wire.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Target">The request target, undecoded: path and query, or an absolute URL (RFC 9112, section 3.2).</param>
/// <param name="Headers">The headers.</param>
/// <param name="Body">The whole body.</param>
internal readonly record struct SignedRequest(string Method, string Target, IHeaderDictionary Headers, ReadOnlyMemory<byte> Body)
{
    /// <summary>The undecoded path; empty when the target has none.</summary>
    public ReadOnlySpan<char> Path => SplitTarget(Target, out _);

    /// <summary>The undecoded query, without its question mark.</summary>
    public ReadOnlySpan<char> Query
    {
        get
        {
            SplitTarget(Target, out var query);
            return query;
        }
    }

    private static ReadOnlySpan<char> SplitTarget(ReadOnlySpan<char> target, out ReadOnlySpan<char> query)
    {
        // The absolute form, as a proxy is sent it: scheme and authority are not part of the path.
        if (target.Length > 0 && target[0] != '/')
        {
            var scheme = target.IndexOf("://", StringComparison.Ordinal);
            var queryStart = target.IndexOf('?');
            if (scheme > 0 && (queryStart < 0 || scheme < queryStart))
            {
                target = target[(scheme + 3)..];
                var end = target.IndexOfAny('/', '?');
                target = end < 0 ? default : target[end..];
            }
        }

        var mark = target.IndexOf('?');
        query = mark < 0 ? default : target[(mark + 1)..];
        return mark < 0 ? target : target[..mark];
    }
}
