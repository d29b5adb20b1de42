using System.Globalization;
using System.Text.Json;

namespace Longshore.Server.Sts.Oidc;

/// <summary>
/// Proves web identity tokens: (1) a token in form, (2) of a provider that the account knows, (3) signed by one of its keys, (4) for one of its
/// audiences, (5) good now, (6) with a subject. Only then are the claims anything.
/// </summary>
internal sealed class WebIdentityVerifier(OidcProviders providers, IssuerKeys keys, TimeProvider time, ILogger<WebIdentityVerifier> logger)
{
    /// <summary>How far the issuer's clock may be off.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);

    private const int LongestSubject = 1024;

    /// <summary>The identity that a token proves to an account.</summary>
    public async ValueTask<StsOutcome<WebIdentity>> VerifyAsync(string account, string text, CancellationToken cancellationToken)
    {
        // 1
        if (JsonWebToken.Parse(text, out var fault) is not { } token) return StsError.InvalidToken(fault);
        // 2. The issuer is compared whole and byte by byte (OpenID Connect Core 1.0, section 3.1.3.7).
        var issuer = JsonWebToken.Text(token.Claims, "iss");
        if (issuer is null) return StsError.InvalidToken("Missing a required claim: iss");
        if (await providers.FindAsync(account, issuer, cancellationToken) is not { } provider)
            return StsError.InvalidToken($"No OpenIDConnect provider found in your account for {(issuer.Length <= 256 ? issuer : "the token's issuer")}");
        // 3
        var (result, set) = await keys.FindAsync(provider, token, cancellationToken);
        if (result == KeySearch.Unreachable) return StsError.Communication("Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements");
        if (set is null) return Refuse(provider, "No key of the identity provider has the id that the token names, or fits its algorithm.");
        if (!set.Verify(token)) return Refuse(provider, "The ID Token's signature is not valid.");
        // 4
        if (Audience(token.Claims, provider) is not { } audience) return Refuse(provider, "Incorrect token audience");
        // 5
        if (CheckTime(token.Claims) is { } untimely)
        {
            logger.TokenRefused(provider.Arn, untimely.Message);
            return untimely;
        }

        // 6
        var subject = JsonWebToken.Text(token.Claims, "sub");
        if (string.IsNullOrEmpty(subject) || subject.Length > LongestSubject) return StsError.RejectedClaim("The claim 'sub' is missing, empty or too long.");
        return ClaimConditions.Read(provider.Url, token.Claims, audience) is { } conditions
            ? new WebIdentity(provider, subject, audience, conditions, token.Claims)
            : Refuse(provider, "Two claims of the token make the same condition key, or it has too many.");
    }

    private StsError Refuse(OidcProvider provider, string message)
    {
        logger.TokenRefused(provider.Arn, message);
        return StsError.InvalidToken(message);
    }

    /// <summary>
    /// The one audience; or, of a token for several, the authorised party, which must be one of them (OpenID Connect Core 1.0, section 3.1.3.7,
    /// steps 3 to 5). Null when it is not one of the provider's client ids.
    /// </summary>
    private static string? Audience(JsonElement claims, OidcProvider provider)
    {
        if (!claims.TryGetProperty("aud", out var aud)) return null;
        string[] audiences;
        if (aud.ValueKind == JsonValueKind.String) audiences = [aud.GetString()!];
        else if (aud.ValueKind == JsonValueKind.Array && aud.EnumerateArray().All(static item => item.ValueKind == JsonValueKind.String)) audiences = [.. aud.EnumerateArray().Select(static item => item.GetString()!)];
        else return null;
        string? meant;
        if (audiences.Length == 1)
        {
            meant = audiences[0];
        }
        else
        {
            meant = JsonWebToken.Text(claims, "azp");
            if (!audiences.Contains(meant)) return null;
        }

        return meant is not null && provider.ClientIds.Contains(meant) ? meant : null;
    }

    private StsError? CheckTime(JsonElement claims)
    {
        var now = time.GetUtcNow();
        if (Time(claims, "exp") is not { } expires) return StsError.InvalidToken("Missing a required claim: exp");
        if (Time(claims, "iat") is not { } issued) return StsError.InvalidToken("Missing a required claim: iat");
        if (now >= expires + Skew) return StsError.ExpiredToken($"Token expired: current date/time {Seconds(now)} must be before the expiration date/time {Seconds(expires)}");
        if (issued > now + Skew) return StsError.RejectedClaim("The token was issued in the future.");
        if (!claims.TryGetProperty("nbf", out _)) return null;
        if (Time(claims, "nbf") is not { } from) return StsError.InvalidToken("The claim 'nbf' is not a time.");
        return from > now + Skew ? StsError.RejectedClaim("The token is not valid yet.") : null;
    }

    private static string Seconds(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    // A NumericDate may have a fraction (RFC 7519, section 2). The year 9999 is enough.
    private static DateTimeOffset? Time(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_000
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000)) : null;
}
