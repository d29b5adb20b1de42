using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>Issues sessions of roles to those whom the trust policy lets have one.</summary>
internal sealed class RoleSessions(SessionCredentials sessions, TimeProvider time)
{
    /// <summary>How long a session lasts unless the caller says (STS API reference: one hour).</summary>
    public const int DefaultSeconds = 3_600;

    /// <summary>The longest session that is assumed from another role's (IAM User Guide, "Role chaining": one hour).</summary>
    public const int MostSecondsOfChain = 3_600;

    /// <summary>Most sessions of different principals that one may come from.</summary>
    public const int MostAncestors = 16;

    /// <summary>The answer to a request with a device's code: there are no devices here, so no code is right.</summary>
    public static StsError NoMultiFactor { get; } =
        StsError.Denied("MultiFactorAuthentication failed with invalid MFA one time pass code. This server has no MFA devices.");

    /// <summary>Issues a session. The caller has asked the trust policy, and of what can be refused here nothing tells about the role but its limit.</summary>
    /// <param name="role">The role.</param>
    /// <param name="name">The session's name.</param>
    /// <param name="seconds">How long; null for the default.</param>
    /// <param name="draft">Origin, policies and tags; the rest is filled in here.</param>
    public StsOutcome<IssuedSession> Issue(Role role, string name, int? seconds, SessionDraft draft)
    {
        if (seconds > role.MaxSeconds) return StsError.Validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
        if (draft.IsChained && seconds > MostSecondsOfChain)
            return StsError.Validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
        var now = time.GetUtcNow();
        var (id, secret) = SessionCredentials.NewKey(role.Account);
        var ticket = new SessionTicket
        {
            AccessKeyId = id,
            Secret = secret,
            PrincipalId = role.Id,
            Name = name,
            IssuedAt = now,
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds() + (seconds ?? DefaultSeconds)),
            OriginKeyId = draft.OriginKeyId,
            ProviderId = draft.ProviderId,
            FederatedProvider = draft.FederatedProvider,
            Ancestors = draft.Ancestors,
            Policies = draft.Policies,
            Tags = draft.Tags.All,
            TransitiveTagKeys = draft.Tags.TransitiveKeys,
            SourceIdentity = draft.SourceIdentity,
        };
        if (ticket.PackedBytes > SessionTicket.MaxPackedBytes)
            return StsError.PackedTooLarge($"Packed size of session policies and tags consumes {PackedSize(ticket)}% of allotted space.");
        if (ticket.Ancestors.Count > MostAncestors) return StsError.Denied($"A session may come from the sessions of at most {MostAncestors} others.");
        return sessions.Issue(ticket);
    }

    /// <summary>How much of the allotted space policies and tags take, in percent, rounded up.</summary>
    public static int PackedSize(SessionTicket ticket) => ((ticket.PackedBytes * 100) + SessionTicket.MaxPackedBytes - 1) / SessionTicket.MaxPackedBytes;

    /// <summary>The same for an answer, which leaves it out when there are neither policies nor tags.</summary>
    public static int? PackedSizeOrNull(SessionTicket ticket) => ticket.PackedBytes == 0 ? null : PackedSize(ticket);

    /// <summary>The credentials as they travel.</summary>
    public static Credentials Wire(IssuedSession session) => new()
    {
        AccessKeyId = session.Ticket.AccessKeyId,
        SecretAccessKey = session.Ticket.Secret,
        SessionToken = session.Token,
        Expiration = session.Ticket.ExpiresAt,
    };

    /// <summary>The session's principal as it travels.</summary>
    public static AssumedRoleUser Wire(Role role, string name) => new()
    {
        AssumedRoleId = $"{role.UniqueId}:{name}",
        Arn = $"arn:aws:sts::{role.Account}:assumed-role/{role.Name}/{name}",
    };
}

/// <summary>What a session that is to be issued comes from, and carries.</summary>
internal sealed record SessionDraft
{
    /// <summary>Whether the session of another role asks.</summary>
    public bool IsChained { get; init; }

    /// <inheritdoc cref="SessionTicket.OriginKeyId"/>
    public string? OriginKeyId { get; init; }

    /// <inheritdoc cref="SessionTicket.ProviderId"/>
    public long? ProviderId { get; init; }

    /// <inheritdoc cref="SessionTicket.FederatedProvider"/>
    public string? FederatedProvider { get; init; }

    /// <inheritdoc cref="SessionTicket.Ancestors"/>
    public IReadOnlyList<SessionAncestor> Ancestors { get; init; } = [];

    /// <summary>Session policies.</summary>
    public IReadOnlyList<string> Policies { get; init; } = [];

    /// <summary>Session tags.</summary>
    public SessionTags Tags { get; init; } = SessionTags.None;

    /// <inheritdoc cref="SessionTicket.SourceIdentity"/>
    public string? SourceIdentity { get; init; }

    /// <summary>What comes from a key: itself when it is a long-term one, else what its session came from.</summary>
    public static SessionDraft From(AccessKey key, bool isRole)
    {
        if (key.Ticket is not { } parent) return new SessionDraft { OriginKeyId = key.Id };
        // One entry a principal, with its earliest time: however often a role assumes itself, revoking its sessions ends them all.
        var before = parent.Ancestors.Append(new SessionAncestor(parent.PrincipalId, parent.IssuedAt))
            .GroupBy(static a => a.PrincipalId)
            .Select(static group => group.MinBy(static a => a.IssuedAt));
        return new SessionDraft { IsChained = isRole, OriginKeyId = parent.OriginKeyId, ProviderId = parent.ProviderId, Ancestors = [.. before] };
    }
}
