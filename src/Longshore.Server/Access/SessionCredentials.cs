using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>Temporary credentials as they are handed out.</summary>
/// <param name="Ticket">The session, with its key's id and secret.</param>
/// <param name="Token">The session token.</param>
internal sealed record IssuedSession(SessionTicket Ticket, string Token)
{
    /// <summary>The key id alone, so that no log can show the token.</summary>
    public override string ToString() => Ticket.AccessKeyId;
}

/// <summary>How far a session is good.</summary>
internal enum SessionState
{
    /// <summary>It can be used.</summary>
    Good,

    /// <summary>It was good until its end.</summary>
    Expired,

    /// <summary>It is not one of ours, or was revoked, or what it depends on is gone: the caller is not told which.</summary>
    Invalid,
}

/// <summary>A session token that was looked at.</summary>
/// <param name="State">How far it is good.</param>
/// <param name="Key">The session's key and principal; null when the token is none of ours, or its principal is gone.</param>
internal readonly record struct OpenedSession(SessionState State, AccessKey? Key);

/// <summary>
/// Temporary credentials: the session token is the sealed ticket, and nothing is stored. A session is good until its end, and no longer than
/// its role or user is there and enabled, the access key or identity provider that it was asked for with is, and its sessions are not revoked:
/// all of that is looked at with each use, through what <see cref="SessionOwners"/> keeps in memory.
/// </summary>
internal sealed class SessionCredentials(SealedBox box, SessionOwners owners, PrincipalStore principals, AccessVersion version, TimeProvider time)
{
    /// <summary>What the key ids of sessions begin with.</summary>
    public const string KeyPrefix = "ASIA";

    /// <summary>Longest session token looked at, in characters: the largest ticket in base64, with room.</summary>
    public const int MaxTokenLength = 12 * 1024;

    /// <summary>Most characters of opened tokens kept; at the bound they start afresh.</summary>
    private const int KeptCharacters = 4 << 20;

    private const string Purpose = "longshore session token";
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    private const string SecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    // Only tokens that we sealed are kept.
    private readonly ConcurrentDictionary<string, Kept> opened = new(SecretComparer.Instance);
    private int keptCharacters;

    /// <summary>Makes the key of a new session.</summary>
    /// <param name="account">The account, which the key id tells as AWS's do.</param>
    public static (string Id, string Secret) NewKey(string account)
    {
        // As in AWS's ids: 47 bits after the first hold the account, shifted by seven; the rest is chance.
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        var number = (UInt128)ulong.Parse(account, CultureInfo.InvariantCulture) << 39;
        var chance = BinaryPrimitives.ReadUInt128BigEndian(bytes) & (((UInt128)1 << 39) - 1);
        var value = number | chance | ((UInt128)(bytes[15] & 1) << 79);
        var id = new char[16];
        for (var i = 15; i >= 0; i--, value >>= 5) id[i] = Base32[(int)(value & 31)];
        return (KeyPrefix + new string(id), RandomNumberGenerator.GetString(SecretAlphabet, 40));
    }

    /// <summary>The account that the id of a session's key tells; null when it is no such id.</summary>
    public static string? AccountOf(string accessKeyId)
    {
        if (accessKeyId.Length != 20 || !accessKeyId.StartsWith(KeyPrefix, StringComparison.Ordinal)) return null;
        UInt128 value = 0;
        foreach (var c in accessKeyId.AsSpan(4))
        {
            var digit = Base32.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0) return null;
            value = (value << 5) | (uint)digit;
        }

        var account = (ulong)(value >> 39) & ((1UL << 40) - 1);
        return account <= 999_999_999_999 ? account.ToString("D12", CultureInfo.InvariantCulture) : null;
    }

    /// <summary>Seals a ticket.</summary>
    public IssuedSession Issue(SessionTicket ticket) => new(ticket, Convert.ToBase64String(box.Seal(Purpose, ticket.Write(), [])));

    /// <summary>Opens a session token and looks at all that it depends on.</summary>
    public async ValueTask<OpenedSession> OpenAsync(string token, CancellationToken cancellationToken)
    {
        var current = version.Current;
        if (opened.TryGetValue(token, out var kept) && kept.Key is not null && ReferenceEquals(kept.Version, current) && time.GetUtcNow() < kept.Ticket.ExpiresAt)
            return new OpenedSession(SessionState.Good, kept.Key);
        var ticket = kept?.Ticket ?? Unseal(token);
        if (ticket is null) return new OpenedSession(SessionState.Invalid, null);
        var session = await AdmitAsync(ticket, cancellationToken);
        if (kept is null && Interlocked.Add(ref keptCharacters, token.Length) > KeptCharacters)
        {
            opened.Clear();
            Interlocked.Exchange(ref keptCharacters, token.Length);
        }

        opened[token] = new Kept(ticket, current, session.State == SessionState.Good ? session.Key : null);
        return session;
    }

    private SessionTicket? Unseal(string token)
    {
        if (!TryDecode(token, out var sealedTicket) || !box.TryOpen(Purpose, sealedTicket, [], out var content)) return null;
        using var reader = new BinaryReader(new MemoryStream(content), Encoding.UTF8);
        return SessionTicket.Read(reader);
    }

    /// <summary>Whether a session can be used now.</summary>
    public async ValueTask<OpenedSession> AdmitAsync(SessionTicket ticket, CancellationToken cancellationToken)
    {
        var owner = await owners.FindAsync(ticket.PrincipalId, cancellationToken);
        if (owner is null) return new OpenedSession(SessionState.Invalid, null);
        var key = new AccessKey(ticket.AccessKeyId, ticket.Secret, ticket.PrincipalId, owner.ToPrincipal(ticket)) { Ticket = ticket };
        if (!owner.IsUsable(ticket.IssuedAt)) return new OpenedSession(SessionState.Invalid, key);
        foreach (var ancestor in ticket.Ancestors)
        {
            var before = await owners.FindAsync(ancestor.PrincipalId, cancellationToken);
            if (before is null || !before.IsUsable(ancestor.IssuedAt)) return new OpenedSession(SessionState.Invalid, key);
        }

        if (ticket.OriginKeyId is { } origin && await principals.FindKeyAsync(origin, cancellationToken) is null) return new OpenedSession(SessionState.Invalid, key);
        if (ticket.ProviderId is { } provider && !await owners.IsProviderAsync(provider, cancellationToken)) return new OpenedSession(SessionState.Invalid, key);
        return new OpenedSession(time.GetUtcNow() < ticket.ExpiresAt ? SessionState.Good : SessionState.Expired, key);
    }

    private static bool TryDecode(string token, out byte[] bytes)
    {
        bytes = [];
        if (token.Length is 0 or > MaxTokenLength || token.AsSpan().ContainsAny(" \t\r\n")) return false;
        var buffer = new byte[token.Length / 4 * 3 + 3];
        if (!Convert.TryFromBase64String(token, buffer, out var written)) return false;
        bytes = buffer[..written];
        // One spelling per token: no stray bits in the last character.
        return token == Convert.ToBase64String(bytes);
    }

    /// <summary>An opened token, and the key that it was good for while access was in a state.</summary>
    private sealed record Kept(SessionTicket Ticket, object Version, AccessKey? Key);
}
