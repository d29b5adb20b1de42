using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Longshore.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Access;

/// <summary>The result of verifying a signed AWS request: a caller or a failure.</summary>
internal readonly record struct AwsAuthentication(Caller? Caller, AuthenticationFailure? Failure)
{
    /// <summary>Whether the request was verified.</summary>
    [MemberNotNullWhen(true, nameof(Caller))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool Succeeded => Failure is null;
}

/// <summary>Finds out who a request comes from, for both faces: registry tokens on <c>/v2/</c>, signatures on the AWS APIs.</summary>
internal sealed class CallerAuthenticator(
    RegistryTokens tokens,
    PrincipalStore principals,
    SessionCredentials sessions,
    SignatureV4 signatures,
    LastUse lastUse,
    TimeProvider time,
    ILogger<CallerAuthenticator> logger)
{
    /// <summary>Most opened tokens kept; at the bound the cache starts afresh, and opening again costs microseconds.</summary>
    public const int OpenedTokenCapacity = 4096;

    /// <summary>Most characters of their headers, since those of sessions with policies are long: 16 MiB.</summary>
    private const int OpenedTokenCharacters = 8 << 20;

    private const string RegistryService = "ecr";

    // A client sends the same header with every request: opening the token once is what keeps authentication off the hot path.
    // Only good tokens are kept, so strangers cannot fill this.
    private readonly ConcurrentDictionary<string, OpenedToken> opened = new(SecretComparer.Instance);

    private int openedCharacters;

    /// <summary>
    /// The caller of a registry request: from a Basic or Bearer token, or the anonymous when there is no Authorization header.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="fallback">The registry of an anonymous caller: that of the host name, else the default one.</param>
    /// <param name="cancellationToken">Ends with the request.</param>
    /// <returns>The caller; <see cref="ErrorCode.TokenExpired"/>; or <see cref="ErrorCode.Unauthorized"/>.</returns>
    public ValueTask<Outcome<Caller>> AuthenticateRegistryAsync(HttpContext context, RegistryId fallback, CancellationToken cancellationToken)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count == 0) return new(new Caller(Principal.Anonymous, fallback));
        if (header.Count == 1 && header[0] is { } authorization)
        {
            if (opened.TryGetValue(authorization, out var token) && ReferenceEquals(token.Version, principals.Version) && time.GetUtcNow() < token.ExpiresAt)
            {
                lastUse.Note(token.Caller, RegistryService);
                return new(token.Caller);
            }

            if (RegistryCredentials.TryRead(authorization, out var password)) return OpenAsync(authorization, password, cancellationToken);
        }

        logger.RegistryCredentialsRefused(RegistryTokens.Invalid.Code);
        return new(RegistryTokens.Invalid);
    }

    /// <summary>
    /// What can be refused of a signed request before a byte of its body is read: a malformed or missing signature, an unknown access key, a session
    /// that is none of ours, a scope for another service, headers that are not signed, a time that is off. What it finds is kept for
    /// <see cref="AuthenticateAwsAsync"/>, which must still follow: nothing is proved yet.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="service">The service: <c>ecr</c>, <c>ecr-public</c>, <c>iam</c> or <c>sts</c>.</param>
    /// <param name="cancellationToken">Ends with the request.</param>
    /// <returns>Why it is refused; null when the signature may be good.</returns>
    public async ValueTask<AuthenticationFailure?> CheckHeadAsync(HttpContext context, string service, CancellationToken cancellationToken)
    {
        var version = principals.Version;
        var now = time.GetUtcNow();
        var request = RequestOf(context, default);
        if (!SignatureV4Parts.TryRead(request, out var parts, out var failure)) return Refuse(failure, "");
        var accessKeyId = parts.Credential.AccessKeyId;
        CallRecord.Of(context).AccessKeyId = accessKeyId;

        // An unknown key is told at once: the answer says it anyway, as AWS's does, so there is no time to be kept secret. A session's
        // key goes with its own token alone.
        OpenedSession session = default;
        AccessKey? key;
        if (parts.SessionToken is { } token)
        {
            session = await sessions.OpenAsync(token, cancellationToken);
            key = session.Key?.Id == accessKeyId ? session.Key : null;
        }
        else
        {
            key = await principals.FindKeyAsync(accessKeyId, cancellationToken);
        }

        if (key is null) return Refuse(AuthenticationFailure.UnknownKey, accessKeyId);
        if (SignatureV4.CheckHead(request, parts, service, now) is { } untimely) return Refuse(untimely, accessKeyId);
        context.Features.Set(new SignedHead(service, version, now, parts, key, session.State));
        return null;
    }

    /// <summary>
    /// The caller of an AWS API request, by its Signature Version 4. Its registry is the region of the signature's scope in
    /// the account of the access key.
    /// </summary>
    /// <param name="context">The request; its body was read by the caller.</param>
    /// <param name="body">The whole body.</param>
    /// <param name="service">The service: <c>ecr</c>, <c>ecr-public</c>, <c>iam</c> or <c>sts</c>.</param>
    /// <param name="cancellationToken">Ends with the request.</param>
    public async ValueTask<AwsAuthentication> AuthenticateAwsAsync(HttpContext context, ReadOnlyMemory<byte> body, string service, CancellationToken cancellationToken)
    {
        var head = context.Features.Get<SignedHead>();
        if (head is null || head.Service != service || !ReferenceEquals(head.Version, principals.Version))
        {
            // Nobody looked yet; or keys were changed while the body came.
            if (await CheckHeadAsync(context, service, cancellationToken) is { } early) return new AwsAuthentication(null, early);
            head = context.Features.GetRequiredFeature<SignedHead>();
        }

        // The time is that at which the request came: a large body over a slow line takes minutes.
        var (key, parts) = (head.Key, head.Parts);
        if (signatures.Verify(RequestOf(context, body), parts, service, key.Secret, head.At) is { } failure) return new AwsAuthentication(null, Refuse(failure, key.Id));
        if (head.Session != SessionState.Good)
            return new AwsAuthentication(null, Refuse(head.Session == SessionState.Expired ? AuthenticationFailure.Expired : AuthenticationFailure.UnknownKey, key.Id));
        var caller = new Caller(key.Principal, new RegistryId(key.Principal.Account, parts.Credential.Region), key);
        lastUse.Note(caller, service);
        return new AwsAuthentication(caller, null);
    }

    private static SignedRequest RequestOf(HttpContext context, ReadOnlyMemory<byte> body) =>
        new(context.Request.Method, context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, context.Request.Headers, body);

    private AuthenticationFailure Refuse(AuthenticationFailure failure, string accessKeyId)
    {
        logger.SignatureRefused(failure.Error, accessKeyId);
        return failure;
    }

    private async ValueTask<Outcome<Caller>> OpenAsync(string authorization, string password, CancellationToken cancellationToken)
    {
        if (!(await tokens.OpenAsync(password, cancellationToken)).TryGet(out var token, out var error))
        {
            opened.TryRemove(authorization, out _);
            logger.RegistryCredentialsRefused(error.Code);
            return error;
        }

        if (Interlocked.Add(ref openedCharacters, authorization.Length) > OpenedTokenCharacters || opened.Count >= OpenedTokenCapacity)
        {
            opened.Clear();
            Interlocked.Exchange(ref openedCharacters, authorization.Length);
        }

        opened[authorization] = token;
        lastUse.Note(token.Caller, RegistryService);
        return token.Caller;
    }

    /// <summary>What the head of a signed request gave, at the time when it came.</summary>
    private sealed record SignedHead(string Service, object Version, DateTimeOffset At, SignatureV4Parts Parts, AccessKey Key, SessionState Session);
}
