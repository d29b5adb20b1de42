using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>A registry token as it is handed out.</summary>
/// <param name="Value">The password of user <c>AWS</c>: opaque, base64url.</param>
/// <param name="ExpiresAt">When it ends; whole seconds.</param>
internal readonly record struct IssuedToken(string Value, DateTimeOffset ExpiresAt);

/// <summary>A token that was opened and found good.</summary>
/// <param name="Caller">Who it stands for, and for which registry it was issued.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="Version">The state of the principals that it was checked against.</param>
internal sealed record OpenedToken(Caller Caller, DateTimeOffset ExpiresAt, object Version);

/// <summary>
/// The passwords of the registry (ECR GetAuthorizationToken): sealed by the server key, they carry access key, principal,
/// registry and expiry, and those of a session its whole ticket. Nothing is stored; a token ends with its twelve hours, its access key,
/// its session or its principal.
/// </summary>
internal sealed class RegistryTokens(SealedBox box, PrincipalStore principals, SessionCredentials sessions, TimeProvider time)
{
    /// <summary>How long a token is good (ECR API reference, GetAuthorizationToken: 12 hours).</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    /// <summary>Longest token looked at, in characters. Ours are about 200, those of sessions 450 and up to 8 Ki with all that a session may carry.</summary>
    public const int MaxLength = 10 * 1024;

    private const string Purpose = "longshore registry token";

    /// <summary>Issues a token to a caller whose signature was verified.</summary>
    /// <param name="caller">Who asks. Its access key is what the token depends on.</param>
    /// <param name="registry">The registry that the token names.</param>
    /// <exception cref="ArgumentException">The caller has no access key: it was not authenticated by one.</exception>
    public IssuedToken Issue(Caller caller, RegistryId registry)
    {
        if (caller.AccessKey is not { } key) throw new ArgumentException("A token is issued to the holder of an access key.", nameof(caller));
        var expires = DateTimeOffset.FromUnixTimeSeconds((time.GetUtcNow() + Lifetime).ToUnixTimeSeconds());
        if (key.Ticket is { } ended && ended.ExpiresAt < expires) expires = ended.ExpiresAt;
        using var content = new MemoryStream(128);
        using (var writer = new BinaryWriter(content, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(expires.ToUnixTimeSeconds());
            writer.Write(key.PrincipalId);
            writer.Write(key.Id);
            writer.Write(registry.Account);
            writer.Write(registry.Region);
            if (key.Ticket is { } ticket) writer.Write(ticket.Write());
        }

        return new IssuedToken(Base64Url.EncodeToString(box.Seal(Purpose, content.ToArray(), [])), expires);
    }

    /// <summary>
    /// Opens a token and checks its time, its access key and its principal. <see cref="ErrorCode.TokenExpired"/> for one that
    /// was good once, <see cref="ErrorCode.Unauthorized"/> for all else.
    /// </summary>
    public async ValueTask<Outcome<OpenedToken>> OpenAsync(string token, CancellationToken cancellationToken)
    {
        if (!TryDecode(token, out var sealedToken) || !box.TryOpen(Purpose, sealedToken, [], out var content)) return Invalid;

        // Authenticated from here on: we wrote it, in this form.
        using var reader = new BinaryReader(new MemoryStream(content), Encoding.UTF8);
        var expires = DateTimeOffset.FromUnixTimeSeconds(reader.ReadInt64());
        var principalId = reader.ReadInt64();
        var accessKeyId = reader.ReadString();
        var registry = new RegistryId(reader.ReadString(), reader.ReadString());

        var version = principals.Version;
        AccessKey? key;
        if (reader.BaseStream.Position < content.Length)
        {
            if (SessionTicket.Read(reader) is not { } ticket) return Invalid;
            var session = await sessions.AdmitAsync(ticket, cancellationToken);
            if (session.State == SessionState.Expired) return Expired;
            key = session.State == SessionState.Good ? session.Key : null;
        }
        else
        {
            key = await principals.FindKeyAsync(accessKeyId, cancellationToken);
        }

        if (key is null || key.PrincipalId != principalId || key.Id != accessKeyId) return Invalid;
        if (time.GetUtcNow() >= expires) return Expired;
        return new OpenedToken(new Caller(key.Principal, registry, key), expires, version);
    }

    /// <summary>The token was good once. ECR's words.</summary>
    public static RegistryError Expired { get; } =
        new(ErrorCode.TokenExpired, "Your authorization token has expired. Reauthenticate and try again.");

    /// <summary>The credentials are none of ours, or their key or principal is gone: the caller is not told which.</summary>
    public static RegistryError Invalid { get; } =
        new(ErrorCode.Unauthorized, "The registry credentials are not valid. Log in again: aws ecr get-login-password.");

    private static bool TryDecode(string token, out byte[] bytes)
    {
        bytes = [];
        if (token.Length is 0 or > MaxLength) return false;
        var buffer = new byte[Base64Url.GetMaxDecodedLength(token.Length)];
        if (Base64Url.DecodeFromChars(token, buffer, out var consumed, out var written) != OperationStatus.Done || consumed != token.Length) return false;
        bytes = buffer[..written];
        // One spelling per token: no white space, no stray bits in the last character.
        return token.AsSpan().SequenceEqual(Base64Url.EncodeToString(bytes));
    }
}
