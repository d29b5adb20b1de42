using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Longshore.Server.Access;

/// <summary>
/// The canonical request of Signature Version 4 (AWS IAM User Guide, "Create a signed AWS API request", step 1) as
/// services other than S3 compute it: the path is normalised and encoded once more, the query decoded and encoded again.
/// </summary>
internal static class CanonicalRequest
{
    private const string HexDigits = "0123456789ABCDEF";

    /// <summary>The lower-case hexadecimal SHA-256 of the canonical request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="signedHeaders">The signed headers' names: lower case, sorted.</param>
    /// <param name="payloadHash">The body's hash as the client wrote it, or computed by us.</param>
    /// <param name="excludedParameters">The query parameters that are not signed: that of the signature itself, for example.</param>
    public static string Hash(in SignedRequest request, string[] signedHeaders, string payloadHash, params ReadOnlySpan<string> excludedParameters) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Build(request, signedHeaders, payloadHash, excludedParameters))));

    /// <summary>The canonical request itself. It may hold secrets (a session token, a signed header): never show or log it.</summary>
    public static string Build(in SignedRequest request, string[] signedHeaders, string payloadHash, params ReadOnlySpan<string> excludedParameters)
    {
        var text = new StringBuilder(512);
        text.Append(request.Method).Append('\n');
        AppendPath(text, request.Path);
        text.Append('\n');
        AppendQuery(text, request.Query, excludedParameters);
        text.Append('\n');
        foreach (var name in signedHeaders)
        {
            text.Append(name).Append(':');
            AppendHeaderValues(text, request.Headers[name]);
            text.Append('\n');
        }

        return text.Append('\n').AppendJoin(';', signedHeaders).Append('\n').Append(payloadHash).ToString();
    }

    /// <summary>Removes dot segments and repeated slashes (RFC 3986, section 6.2.2.3) and encodes what is left once more.</summary>
    public static void AppendPath(StringBuilder text, ReadOnlySpan<char> path)
    {
        var kept = new List<Range>();
        var trailingSlash = false;
        foreach (var range in path.Split('/'))
        {
            var segment = path[range];
            trailingSlash = segment is "" or "." or "..";
            if (segment is "..")
            {
                if (kept.Count > 0) kept.RemoveAt(kept.Count - 1);
            }
            else if (!trailingSlash)
            {
                kept.Add(range);
            }
        }

        foreach (var range in kept)
        {
            text.Append('/');
            AppendEncoded(text, path[range]);
        }

        if (trailingSlash || kept.Count == 0) text.Append('/');
    }

    /// <summary>
    /// Parameters sorted by encoded name, then encoded value. A plus sign is read as a space, as the query protocol's own
    /// parsing reads it: what is verified must be what is acted on.
    /// </summary>
    public static void AppendQuery(StringBuilder text, ReadOnlySpan<char> query, params ReadOnlySpan<string> excludedParameters)
    {
        if (query.IsEmpty) return;
        var parameters = new List<(string Name, string Value)>();
        foreach (var (name, value) in QueryParameters.Parse(query))
        {
            if (!excludedParameters.Contains(name)) parameters.Add((Encode(name), Encode(value)));
        }

        parameters.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name) is var order and not 0 ? order : string.CompareOrdinal(a.Value, b.Value));
        var first = true;
        foreach (var (name, value) in parameters)
        {
            if (!first) text.Append('&');
            first = false;
            text.Append(name).Append('=').Append(value);
        }
    }

    /// <summary>Values in the order they came, joined by commas, with outer white space cut and inner runs made one space.</summary>
    public static void AppendHeaderValues(StringBuilder text, StringValues values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            if (i > 0) text.Append(',');
            var pendingSpace = false;
            foreach (var c in values[i].AsSpan().Trim(" \t"))
            {
                if (c is ' ' or '\t')
                {
                    pendingSpace = true;
                    continue;
                }

                if (pendingSpace) text.Append(' ');
                pendingSpace = false;
                text.Append(c);
            }
        }
    }

    private static string Encode(string value)
    {
        var text = new StringBuilder(value.Length);
        AppendEncoded(text, value);
        return text.ToString();
    }

    /// <summary>Everything but the unreserved characters of RFC 3986 becomes %XX of its UTF-8 bytes.</summary>
    private static void AppendEncoded(StringBuilder text, ReadOnlySpan<char> value)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value is '-' or '.' or '_' or '~'))
            {
                text.Append((char)rune.Value);
                continue;
            }

            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)]) text.Append('%').Append(HexDigits[b >> 4]).Append(HexDigits[b & 15]);
        }
    }
}
