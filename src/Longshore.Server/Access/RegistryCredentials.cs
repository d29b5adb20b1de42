using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Longshore.Server.Access;

/// <summary>Reads the registry's token from an Authorization header, without exceptions for what strangers send.</summary>
internal static class RegistryCredentials
{
    /// <summary>Longest header value looked at, in characters: a token of the longest kind in base64, with room.</summary>
    public const int MaxLength = 16 * 1024;

    private const string UserPrefix = "AWS:";

    /// <summary>
    /// Takes the token out of <c>Basic base64("AWS:" token)</c> (RFC 7617), <c>Bearer token</c>, or <c>Bearer
    /// base64("AWS:" token)</c>, the <c>authorizationToken</c> as ECR Public's clients send it.
    /// </summary>
    public static bool TryRead(string authorization, [NotNullWhen(true)] out string? token)
    {
        token = null;
        if (authorization.Length > MaxLength) return false;
        var space = authorization.IndexOf(' ', StringComparison.Ordinal);
        if (space <= 0) return false;
        var scheme = authorization.AsSpan(0, space);
        var value = authorization.AsSpan(space + 1).Trim(' ');
        if (value.IsEmpty) return false;
        if (scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase)) return TryReadUserPassword(value, out token);
        if (!scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)) return false;
        if (!TryReadUserPassword(value, out token)) token = value.ToString();
        return true;
    }

    private static bool TryReadUserPassword(ReadOnlySpan<char> base64, [NotNullWhen(true)] out string? password)
    {
        password = null;
        // Convert skips white space; the header may have none.
        if (base64.IndexOfAny(" \t\r\n") >= 0) return false;
        var bytes = base64.Length <= 1024 ? stackalloc byte[1024 * 3 / 4] : new byte[base64.Length / 4 * 3];
        if (!Convert.TryFromBase64Chars(base64, bytes, out var written) || !Ascii.IsValid(bytes[..written])) return false;
        var text = Encoding.ASCII.GetString(bytes[..written]);
        if (!text.StartsWith(UserPrefix, StringComparison.Ordinal) || text.Length == UserPrefix.Length) return false;
        password = text[UserPrefix.Length..];
        return true;
    }
}
