using System.Globalization;
using Longshore.Core.Oci;

namespace Longshore.Server.Oci;

/// <summary>
/// Reads the path of a request from its undecoded target. The server's own decoding is not used: it removes dot segments and
/// keeps some escapes, so that two spellings of a path could be told apart in one place and not in another.
/// </summary>
internal static class RequestTarget
{
    private const string Prefix = "/v2";

    /// <summary>Takes the path apart, decoded once.</summary>
    /// <param name="target">The request target: path and query, or an absolute URL (RFC 9112, section 3.2).</param>
    /// <param name="path">The endpoint and its parts.</param>
    /// <param name="escaped">When false is returned: whether escapes are what is wrong with the path.</param>
    /// <returns>False when no endpoint has this path.</returns>
    public static bool TryParse(ReadOnlySpan<char> target, out RegistryPath path, out bool escaped)
    {
        path = default;
        escaped = false;
        var query = target.IndexOf('?');
        if (query >= 0) target = target[..query];
        if (target.Length > 0 && target[0] != '/')
        {
            var scheme = target.IndexOf("://");
            if (scheme < 0) return false;
            target = target[(scheme + 3)..];
            var slash = target.IndexOf('/');
            if (slash < 0) return false;
            target = target[slash..];
        }

        if (!target.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        target = target[Prefix.Length..];
        if (target.IndexOf('%') < 0) return RegistryPath.TryParse(target, out path);
        escaped = true;
        Span<char> decoded = target.Length <= 1024 ? stackalloc char[target.Length] : new char[target.Length];
        return TryDecode(target, decoded, out var length) && RegistryPath.TryParse(decoded[..length], out path);
    }

    /// <summary>
    /// Decodes escapes of ASCII characters. False for a broken escape, and for one of a slash or of a byte beyond ASCII:
    /// no part of a path can hold them, and a slash must not change how the path divides.
    /// </summary>
    private static bool TryDecode(ReadOnlySpan<char> text, Span<char> decoded, out int length)
    {
        length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '%')
            {
                if (i + 2 >= text.Length || !byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)) return false;
                if (code >= 0x80 || code == '/') return false;
                c = (char)code;
                i += 2;
            }

            decoded[length++] = c;
        }

        return true;
    }
}
