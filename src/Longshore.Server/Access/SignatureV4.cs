using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Longshore.Server.Access;

/// <summary>
/// Verifies AWS Signature Version 4 for services other than S3, in the header and in the query:
/// <list type="number">
/// <item>read the parts and check their form (<see cref="SignatureV4Parts"/>, before this class);</item>
/// <item>check that the scope is for this service and that every header which must be signed is;</item>
/// <item>check the time: five minutes either way, or a presigned URL's own window;</item>
/// <item>check the body against the hash that the client gave;</item>
/// <item>compute the signature from the stored secret and compare in constant time.</item>
/// </list>
/// Pure but for the cache of signing keys: the caller brings the time and the secret.
/// </summary>
internal sealed class SignatureV4(SigningKeys keys)
{
    /// <summary>How far the client's clock may be off, either way (AWS: five minutes).</summary>
    public static readonly TimeSpan MaxSkew = TimeSpan.FromMinutes(5);

    private const string ContentHashHeader = "x-amz-content-sha256";

    /// <summary>Steps 2 and 3, which need no body and no secret. Null when nothing speaks against the signature yet.</summary>
    public static AuthenticationFailure? CheckHead(in SignedRequest request, SignatureV4Parts parts, string service, DateTimeOffset now)
    {
        if (parts.Credential.Service != service)
            return AuthenticationFailure.Invalid($"Credential should be scoped to correct service: '{service}'.");
        return CheckCoverage(request, parts) ?? CheckTime(parts, now);
    }

    /// <summary>Verifies a request whose parts were read from it. Null when the signature stands.</summary>
    /// <param name="request">The request as it came.</param>
    /// <param name="parts">The parts of its signature.</param>
    /// <param name="service">The service that the request is for.</param>
    /// <param name="secret">The secret of the credential's access key.</param>
    /// <param name="now">The time.</param>
    public AuthenticationFailure? Verify(in SignedRequest request, SignatureV4Parts parts, string service, string secret, DateTimeOffset now)
    {
        // 2, 3. Scope, coverage, time.
        if (CheckHead(request, parts, service, now) is { } refused) return refused;

        // 4. Body. The hash is always computed: services other than S3 take no unsigned payloads.
        var payloadHash = Convert.ToHexStringLower(SHA256.HashData(request.Body.Span));
        var claimed = request.Headers[ContentHashHeader];
        if (claimed.Count > 0 && claimed.ToString() != payloadHash)
            return AuthenticationFailure.Invalid("The provided 'x-amz-content-sha256' header does not match what was computed.");

        // 5. Signature. A session token may have been added to a presigned URL after it was signed (IAM User Guide, "Create a signed AWS API
        // request", step 2): nothing is lost by that, since a token names the one key that it goes with.
        var key = keys.Get(secret, parts.Credential);
        if (!Matches(request, parts, key, payloadHash, parts.IsPresigned ? [SignatureV4Parts.SignatureParameter] : [])
            && !(parts is { IsPresigned: true, SessionToken: not null }
                && Matches(request, parts, key, payloadHash, [SignatureV4Parts.SignatureParameter, SignatureV4Parts.SessionTokenName])))
            return AuthenticationFailure.Mismatch;
        keys.Keep(secret, parts.Credential, key);
        return null;
    }

    private static bool Matches(in SignedRequest request, SignatureV4Parts parts, byte[] key, string payloadHash, ReadOnlySpan<string> excludedParameters)
    {
        var stringToSign = string.Join(
            '\n',
            SignatureV4Parts.Algorithm,
            parts.SignedAt.UtcDateTime.ToString(SignatureV4Parts.TimestampFormat, CultureInfo.InvariantCulture),
            parts.Credential.Scope,
            CanonicalRequest.Hash(request, parts.SignedHeaders, payloadHash, excludedParameters));
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(stringToSign), expected);
        return CryptographicOperations.FixedTimeEquals(expected, parts.Signature);
    }

    /// <summary>
    /// The date that the signature is computed with and every x-amz-* header must be signed: an unsigned X-Amz-Target would
    /// let a captured request be turned into another operation.
    /// </summary>
    private static AuthenticationFailure? CheckCoverage(in SignedRequest request, SignatureV4Parts parts)
    {
        foreach (var header in request.Headers)
        {
            if (!header.Key.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase)) continue;
            if (!IsSigned(parts, header.Key)) return AuthenticationFailure.Invalid("There were 'x-amz-' headers present in the request which were not signed.");
        }

        if (parts.IsPresigned || request.Headers.ContainsKey("x-amz-date") || IsSigned(parts, "date")) return null;
        return AuthenticationFailure.Invalid("'X-Amz-Date' or 'Date' must be a 'SignedHeader' in the AWS Authorization.");
    }

    private static bool IsSigned(SignatureV4Parts parts, string header) =>
        Array.BinarySearch(parts.SignedHeaders, header, StringComparer.OrdinalIgnoreCase) >= 0;

    private static AuthenticationFailure? CheckTime(SignatureV4Parts parts, DateTimeOffset now)
    {
        if (parts.SignedAt > now + MaxSkew)
            return AuthenticationFailure.Invalid($"Signature not yet current: {Format(parts.SignedAt)} is still later than {Format(now + MaxSkew)} ({Format(now)} + 5 min.)");
        if (parts.Lifetime is { } lifetime)
        {
            return parts.SignedAt + lifetime >= now ? null
                : AuthenticationFailure.Invalid($"Signature expired: {Format(parts.SignedAt + lifetime)} is now earlier than {Format(now)}");
        }

        return parts.SignedAt >= now - MaxSkew ? null
            : AuthenticationFailure.Invalid($"Signature expired: {Format(parts.SignedAt)} is now earlier than {Format(now - MaxSkew)} ({Format(now)} - 5 min.)");
    }

    private static string Format(DateTimeOffset time) =>
        time.UtcDateTime.ToString(SignatureV4Parts.TimestampFormat, CultureInfo.InvariantCulture);
}
