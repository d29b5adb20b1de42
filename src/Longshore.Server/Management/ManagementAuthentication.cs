using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Management;

/// <summary>
/// Who calls <c>/longshore/v1</c>: a signature in the Authorization header for the service <c>longshore</c> or <c>ecr</c>, or the registry token of
/// GetAuthorizationToken as Basic password. Nobody is anonymous here.
/// </summary>
internal sealed class ManagementAuthentication(CallerAuthenticator authenticator)
{
    /// <summary>The service that requests are signed for.</summary>
    public const string Service = "longshore";

    private const string EcrService = "ecr";

    private static readonly RegistryError NoCredentials = new(
        ErrorCode.Unauthorized,
        "No credentials came with the request. Sign it (curl --aws-sigv4 aws:amz:REGION:longshore), or log in: curl -u \"AWS:$(aws ecr get-login-password)\".");

    /// <summary>Whether the request is signed: the body must then be read before anyone can be known.</summary>
    public static bool IsSigned(HttpContext http) =>
        http.Request.Headers.Authorization.ToString().StartsWith(SignatureV4Parts.Algorithm, StringComparison.Ordinal);

    /// <summary>The caller by token. Unauthorized, TokenExpired.</summary>
    public async ValueTask<Outcome<Caller>> ByTokenAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (http.Request.Headers.Authorization.Count == 0) return NoCredentials;
        // The fallback is for anonymous callers, of whom there are none here.
        return await authenticator.AuthenticateRegistryAsync(http, default, cancellationToken);
    }

    /// <summary>What can be refused of a signed request before its body is read; null when the signature may be good. Unauthorized.</summary>
    public async ValueTask<RegistryError?> CheckHeadAsync(HttpContext http, CancellationToken cancellationToken) =>
        await authenticator.CheckHeadAsync(http, ServiceOf(http), cancellationToken) is { } failure ? new RegistryError(ErrorCode.Unauthorized, failure.Message) : null;

    /// <summary>The caller by signature. Unauthorized.</summary>
    public async ValueTask<Outcome<Caller>> BySignatureAsync(HttpContext http, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var result = await authenticator.AuthenticateAwsAsync(http, body, ServiceOf(http), cancellationToken);
        return result.Succeeded ? result.Caller : new RegistryError(ErrorCode.Unauthorized, result.Failure.Message);
    }

    // The verifier compares the whole scope: this only says which of the two services is meant.
    private static string ServiceOf(HttpContext http) =>
        http.Request.Headers.Authorization.ToString().Contains($"/{EcrService}/{SignatureV4Credential.Terminator}", StringComparison.Ordinal) ? EcrService : Service;
}
