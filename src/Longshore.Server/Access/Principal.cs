using Longshore.Core;
using Longshore.Core.Policies;

namespace Longshore.Server.Access;

/// <summary>What kind of principal a request comes from.</summary>
internal enum PrincipalKind
{
    /// <summary>Nobody: no credentials came with the request.</summary>
    Anonymous,

    /// <summary>The root of an account: may do everything in it.</summary>
    Root,

    /// <summary>An IAM user.</summary>
    User,

    /// <summary>A session of an IAM role.</summary>
    RoleSession,
}

/// <summary>Who a request comes from.</summary>
/// <param name="Kind">What kind of principal it is.</param>
/// <param name="Account">Its account; empty for the anonymous.</param>
/// <param name="Arn">Its ARN, as STS GetCallerIdentity tells it.</param>
/// <param name="UserId">Its unique id, as STS GetCallerIdentity tells it.</param>
internal sealed record Principal(PrincipalKind Kind, string Account, string Arn, string UserId)
{
    /// <summary>The row of the root, the user or the role; 0 for the anonymous.</summary>
    public long Id { get; init; }

    /// <summary>The name of the user or the role; <c>root</c> for the root.</summary>
    public string Name { get; init; } = "";

    /// <summary>For a session of a role: the ARN of the role as IAM has it, with its path.</summary>
    public string? RoleArn { get; init; }

    /// <summary>What a session carries; null for long-term keys.</summary>
    public SessionGrant? Session { get; init; }

    /// <summary>The same as policies name it.</summary>
    public PolicyPrincipal ForPolicies => new(
        Kind switch
        {
            PrincipalKind.Root => PolicyPrincipalKind.Root,
            PrincipalKind.User => PolicyPrincipalKind.User,
            PrincipalKind.RoleSession => PolicyPrincipalKind.RoleSession,
            _ => PolicyPrincipalKind.Anonymous,
        },
        Account,
        Arn)
    { RoleArn = RoleArn };

    /// <summary>Nobody.</summary>
    public static Principal Anonymous { get; } = new(PrincipalKind.Anonymous, "", "anonymous", "");
}

/// <summary>What a session of a role or a user carries that decides about its access (STS AssumeRole, GetSessionToken).</summary>
/// <param name="Name">The session's name; for GetSessionToken that of the user.</param>
/// <param name="IssuedAt">When it began; policies see it as <c>aws:TokenIssueTime</c>.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="Policies">Session policies: texts that were checked when the session was issued; with any, the session may do only what they allow too.</param>
/// <param name="Tags">Session tags; they go before the role's own.</param>
/// <param name="SourceIdentity">As given to AssumeRole, or null.</param>
/// <param name="FederatedProvider">The ARN of the identity provider of AssumeRoleWithWebIdentity, or null.</param>
internal sealed record SessionGrant(
    string Name,
    DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt,
    IReadOnlyList<string> Policies,
    IReadOnlyDictionary<string, string> Tags,
    string? SourceIdentity,
    string? FederatedProvider)
{
    private PolicySet? policySet;

    /// <summary>The session's policies, read once; null when it has none.</summary>
    public PolicySet? PolicySet => Policies.Count == 0
        ? null
        : policySet ??= new(Policies.Select(static text => AttachedPolicy.Read(PolicyKind.Session, "the session's policy", text)));
}

/// <summary>An authenticated caller: the principal, and the registry that its token or signature names.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Registry">The registry of the token, or the region of the signature's scope in the principal's account.</param>
/// <param name="AccessKey">The access key that the signature, or the token's request, was made with; null for the anonymous.</param>
internal sealed record Caller(Principal Principal, RegistryId Registry, AccessKey? AccessKey = null);
