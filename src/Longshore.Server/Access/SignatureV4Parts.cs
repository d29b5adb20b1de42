using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Longshore.Server.Access;

/// <summary>
/// The parts of a Signature Version 4, from the Authorization header or from the query of a presigned URL, checked for
/// form and for agreement with each other. Nothing here is proved yet.
/// </summary>
/// <param name="Credential">Whose key and which scope.</param>
/// <param name="SignedHeaders">Names of the signed headers: lower case, sorted, no repeats, <c>host</c> among them.</param>
/// <param name="Signature">The 32 bytes that the client computed.</param>
/// <param name="SignedAt">When it says it signed; whole seconds, UTC.</param>
/// <param name="Lifetime">How long a presigned URL is good for; null for a signature in the header.</param>
internal sealed record SignatureV4Parts(
    SignatureV4Credential Credential,
    string[] SignedHeaders,
    byte[] Signature,
    DateTimeOffset SignedAt,
    TimeSpan? Lifetime)
{
    /// <summary>The header, or query parameter of a presigned URL, that a session token travels in.</summary>
    public const string SessionTokenName = "X-Amz-Security-Token";

    /// <summary>The session token, when one came along.</summary>
    public string? SessionToken { get; private init; }

    /// <summary>The algorithm, the only one accepted.</summary>
    public const string Algorithm = "AWS4-HMAC-SHA256";

    /// <summary>The query parameter that holds the signature of a presigned URL, and is not signed itself.</summary>
    public const string SignatureParameter = "X-Amz-Signature";

    /// <summary>How timestamps are written: ISO 8601 basic form.</summary>
    public const string TimestampFormat = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>Longest Authorization header accepted, in characters.</summary>
    public const int MaxAuthorizationLength = 8192;

    /// <summary>Most signed headers accepted. SDKs sign about ten.</summary>
    public const int MaxSignedHeaders = 64;

    /// <summary>Longest lifetime of a presigned URL, in seconds: seven days (Signature Version 4, X-Amz-Expires).</summary>
    public const int MaxLifetimeSeconds = 604_800;

    /// <summary>Whether this is a presigned URL.</summary>
    public bool IsPresigned => Lifetime is not null;

    /// <summary>Reads the parts from a request.</summary>
    public static bool TryRead(
        in SignedRequest request,
        [NotNullWhen(true)] out SignatureV4Parts? parts,
        [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        parts = null;
        var authorization = request.Headers.Authorization;
        var query = request.Query.IsEmpty ? [] : QueryParameters.Parse(request.Query);
        var presigned = query.Exists(static p => p.Name == "X-Amz-Algorithm");
        if (authorization.Count == 0)
        {
            failure = AuthenticationFailure.Missing;
            return presigned && TryReadQuery(request, query, out parts, out failure) && TryReadSessionToken(request, query, ref parts, out failure);
        }

        if (authorization.Count > 1 || presigned)
        {
            failure = AuthenticationFailure.Incomplete("A request must carry exactly one signature, in the Authorization header or in the query.");
            return false;
        }

        return TryReadHeader(request, authorization.ToString(), out parts, out failure) && TryReadSessionToken(request, query, ref parts, out failure);
    }

    private static bool TryReadSessionToken(
        in SignedRequest request, List<(string Name, string Value)> query, ref SignatureV4Parts? parts, [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        failure = null;
        var tokens = request.Headers[SessionTokenName].ToList();
        tokens.AddRange(query.Where(static p => p.Name == SessionTokenName).Select(static p => p.Value));
        if (tokens.Count == 1) parts = parts! with { SessionToken = tokens[0] ?? "" };
        if (tokens.Count <= 1) return true;
        parts = null;
        failure = AuthenticationFailure.Incomplete($"A request must carry at most one '{SessionTokenName}'.");
        return false;
    }

    private static bool TryReadHeader(
        in SignedRequest request, string authorization, out SignatureV4Parts? parts, [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        parts = null;
        failure = null;
        if (!authorization.StartsWith(Algorithm, StringComparison.Ordinal) || authorization.Length > MaxAuthorizationLength
            || authorization.Length == Algorithm.Length || authorization[Algorithm.Length] != ' ')
        {
            failure = AuthenticationFailure.Incomplete($"Authorization header must be of the form '{Algorithm} Credential=…, SignedHeaders=…, Signature=…'.");
            return false;
        }

        string? credential = null, signedHeaders = null, signature = null;
        foreach (var item in authorization[(Algorithm.Length + 1)..].Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            var value = item[(equals + 1)..];
            var taken = (equals < 0 ? "" : item[..equals]) switch
            {
                "Credential" => Set(ref credential, value),
                "SignedHeaders" => Set(ref signedHeaders, value),
                "Signature" => Set(ref signature, value),
                _ => false,
            };
            if (taken) continue;
            failure = AuthenticationFailure.Incomplete("Authorization header has a malformed, unknown or repeated parameter.");
            return false;
        }

        if (credential is null || signedHeaders is null || signature is null)
        {
            failure = AuthenticationFailure.Incomplete($"Authorization header requires '{(credential is null ? "Credential" : signature is null ? "Signature" : "SignedHeaders")}' parameter.");
            return false;
        }

        return TryReadHeaderTime(request, out var signedAt, out failure)
            && TryCombine(credential, signedHeaders, signature, signedAt, null, out parts, out failure);
    }

    /// <summary>X-Amz-Date wins over Date, which may be written in the basic form too, or as HTTP writes dates.</summary>
    private static bool TryReadHeaderTime(in SignedRequest request, out DateTimeOffset time, [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        time = default;
        failure = null;
        var amzDate = request.Headers["X-Amz-Date"];
        var date = amzDate.Count > 0 ? amzDate : request.Headers.Date;
        if (date.Count != 1)
        {
            failure = AuthenticationFailure.Incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
            return false;
        }

        if (TryParseTimestamp(date[0], out time)
            || (amzDate.Count == 0 && DateTimeOffset.TryParseExact(date[0], "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time)))
            return true;
        failure = AuthenticationFailure.Incomplete("Date must be in ISO-8601 'basic format', e.g. 20150830T123600Z.");
        return false;
    }

    private static bool TryReadQuery(
        in SignedRequest request, List<(string Name, string Value)> query, out SignatureV4Parts? parts, [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        parts = null;
        failure = null;
        string? algorithm = null, credential = null, date = null, expires = null, signedHeaders = null, signature = null;
        foreach (var (name, value) in query)
        {
            var taken = name switch
            {
                "X-Amz-Algorithm" => Set(ref algorithm, value),
                "X-Amz-Credential" => Set(ref credential, value),
                "X-Amz-Date" => Set(ref date, value),
                "X-Amz-Expires" => Set(ref expires, value),
                "X-Amz-SignedHeaders" => Set(ref signedHeaders, value),
                SignatureParameter => Set(ref signature, value),
                _ => true,
            };
            if (taken) continue;
            failure = AuthenticationFailure.Incomplete("AWS query-string parameters must not be repeated.");
            return false;
        }

        if (algorithm != Algorithm || credential is null || date is null || expires is null || signedHeaders is null || signature is null)
        {
            failure = AuthenticationFailure.Incomplete(
                $"AWS query-string parameters must include 'X-Amz-Algorithm' ({Algorithm}), 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders' and '{SignatureParameter}'.");
            return false;
        }

        if (!TryParseTimestamp(date, out var signedAt))
        {
            failure = AuthenticationFailure.Incomplete("X-Amz-Date must be in ISO-8601 'basic format', e.g. 20150830T123600Z.");
            return false;
        }

        if (!int.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds is < 1 or > MaxLifetimeSeconds)
        {
            failure = AuthenticationFailure.Incomplete($"X-Amz-Expires must be a number of seconds from 1 to {MaxLifetimeSeconds}.");
            return false;
        }

        return TryCombine(credential, signedHeaders, signature, signedAt, TimeSpan.FromSeconds(seconds), out parts, out failure);
    }

    /// <summary>Fills a slot; false when it is filled already.</summary>
    private static bool Set(ref string? slot, string value)
    {
        var empty = slot is null;
        slot ??= value;
        return empty;
    }

    private static bool TryCombine(
        string credential, string signedHeaders, string signature, DateTimeOffset signedAt, TimeSpan? lifetime,
        out SignatureV4Parts? parts, [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        parts = null;
        if (!SignatureV4Credential.TryParse(credential, out var parsed, out failure)) return false;
        if (parsed.Date != signedAt.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture))
        {
            failure = AuthenticationFailure.Invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.");
            return false;
        }

        var bytes = new byte[32];
        if (signature.Length != 64 || Convert.FromHexString(signature, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            failure = AuthenticationFailure.Incomplete("Signature must be 64 hexadecimal digits.");
            return false;
        }

        var names = signedHeaders.Split(';', MaxSignedHeaders + 1);
        if (!IsWellFormed(names))
        {
            failure = AuthenticationFailure.Incomplete($"SignedHeaders must be at most {MaxSignedHeaders} lower-case header names, sorted, separated by semicolons.");
            return false;
        }

        if (Array.BinarySearch(names, "host", StringComparer.Ordinal) < 0)
        {
            failure = AuthenticationFailure.Invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
            return false;
        }

        parts = new SignatureV4Parts(parsed, names, bytes, signedAt, lifetime);
        return true;
    }

    private static bool IsWellFormed(string[] names)
    {
        if (names.Length > MaxSignedHeaders) return false;
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i].Length == 0 || (i > 0 && string.CompareOrdinal(names[i - 1], names[i]) >= 0)) return false;
            foreach (var c in names[i])
                if (!(char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.')) return false;
        }

        return true;
    }

    private static bool TryParseTimestamp(string? text, out DateTimeOffset time) =>
        DateTimeOffset.TryParseExact(text, TimestampFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
}
