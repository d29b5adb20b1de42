using System.Collections.Concurrent;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>A role, user or root that sessions are of, as its row says.</summary>
/// <param name="Id">The row.</param>
/// <param name="Kind"><c>role</c>, <c>user</c> or <c>root</c>.</param>
/// <param name="Account">Its account.</param>
/// <param name="Name">Its name.</param>
/// <param name="Path">Its path, with slashes at both ends.</param>
/// <param name="UniqueId">Its unique id: AROA…, AIDA…, or the account's number.</param>
/// <param name="Disabled">Whether it is disabled.</param>
/// <param name="SessionsValidFrom">Sessions issued before are revoked.</param>
internal sealed record SessionOwner(
    long Id, string Kind, string Account, string Name, string Path, string UniqueId, bool Disabled, DateTimeOffset? SessionsValidFrom)
{
    /// <summary>The ARN that IAM has of it.</summary>
    public string Arn => Kind == "root" ? $"arn:aws:iam::{Account}:root" : $"arn:aws:iam::{Account}:{Kind}{Path}{Name}";

    /// <summary>Whether a session that was issued at a time can still be used.</summary>
    public bool IsUsable(DateTimeOffset issuedAt) => !Disabled && (SessionsValidFrom is not { } from || issuedAt >= from);

    /// <summary>The principal of a session.</summary>
    public Principal ToPrincipal(SessionTicket ticket) => Kind switch
    {
        "role" => new Principal(PrincipalKind.RoleSession, Account, $"arn:aws:sts::{Account}:assumed-role/{Name}/{ticket.Name}", $"{UniqueId}:{ticket.Name}")
        {
            Id = Id,
            Name = Name,
            RoleArn = Arn,
            Session = ticket.ToGrant(),
        },
        "user" => new Principal(PrincipalKind.User, Account, Arn, UniqueId) { Id = Id, Name = Name, Session = ticket.ToGrant() },
        "root" => new Principal(PrincipalKind.Root, Account, Arn, UniqueId) { Id = Id, Name = Name, Session = ticket.ToGrant() },
        _ => throw new InvalidOperationException($"A {Kind} has no sessions."),
    };
}

/// <summary>
/// What sessions depend on, read once and kept in memory until anything about access changes: rows of principals, and whether an identity
/// provider is there.
/// </summary>
internal sealed class SessionOwners(IDatabase database, AccessVersion version)
{
    /// <summary>Most rows held in memory; at the bound they start afresh.</summary>
    public const int Capacity = 16_384;

    private volatile Snapshot snapshot = new(new object());

    /// <summary>A role, user or root by its row; null when it is gone.</summary>
    public async ValueTask<SessionOwner?> FindAsync(long id, CancellationToken cancellationToken)
    {
        var current = Current();
        if (current.Owners.TryGetValue(id, out var owner)) return owner;
        owner = await database.ReadAsync(
            session => session.QueryFirstAsync(
                """
                SELECT id, kind, account, name, path, unique_id, disabled_at, sessions_valid_from
                FROM principals WHERE id = @id AND kind IN ('role', 'user', 'root')
                """,
                static row => new SessionOwner(
                    row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.GetInt64OrNull(6) is not null, row.GetTimeOrNull(7)),
                ("@id", id)),
            cancellationToken);
        if (current.Owners.Count >= Capacity) current.Owners.Clear();
        return current.Owners[id] = owner;
    }

    /// <summary>Whether an identity provider is there.</summary>
    public async ValueTask<bool> IsProviderAsync(long id, CancellationToken cancellationToken)
    {
        var current = Current();
        if (current.Providers.TryGetValue(id, out var known)) return known;
        known = await database.ReadAsync(
            session => session.QueryFirstAsync("SELECT COUNT(*) FROM oidc_providers WHERE id = @id", static row => row.GetInt64(0), ("@id", id)),
            cancellationToken) > 0;
        if (current.Providers.Count >= Capacity) current.Providers.Clear();
        return current.Providers[id] = known;
    }

    // What is read goes into the snapshot that was current when the read began: one made void by a write meanwhile takes it along.
    private Snapshot Current()
    {
        var (current, now) = (snapshot, version.Current);
        if (!ReferenceEquals(current.Version, now)) snapshot = current = new Snapshot(now);
        return current;
    }

    private sealed class Snapshot(object version)
    {
        public object Version => version;

        // Ids come out of sealed tickets: strangers cannot fill these.
        public ConcurrentDictionary<long, SessionOwner?> Owners { get; } = new();

        public ConcurrentDictionary<long, bool> Providers { get; } = new();
    }
}
