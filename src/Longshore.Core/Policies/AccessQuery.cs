namespace Longshore.Core.Policies;

/// <summary>What kind of caller policies see.</summary>
public enum PolicyPrincipalKind
{
    /// <summary>Nobody in particular.</summary>
    Anonymous,

    /// <summary>The root of an account.</summary>
    Root,

    /// <summary>An IAM user, also with a session of its own.</summary>
    User,

    /// <summary>A session of a role.</summary>
    RoleSession,

    /// <summary>The holder of an identity provider's token who asks for a role.</summary>
    WebIdentity,

    /// <summary>A service that acts by itself.</summary>
    Service,
}

/// <summary>Who asks, as policies name it.</summary>
/// <param name="Kind">What kind of caller it is.</param>
/// <param name="Account">Its account; empty for the anonymous, web identities and services.</param>
/// <param name="Arn">Its own ARN: of the root, the user or the assumed role.</param>
public sealed record PolicyPrincipal(PolicyPrincipalKind Kind, string Account, string Arn)
{
    /// <summary>For a session of a role: the ARN of the role.</summary>
    public string? RoleArn { get; init; }

    /// <summary>For a web identity the ARN of its provider, for a service its name.</summary>
    public string? Provider { get; init; }
}

/// <summary>One thing that somebody wants to do.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Action">The action, <c>service:Operation</c>.</param>
/// <param name="Resource">The ARN of what it is done to, or <c>*</c>.</param>
/// <param name="ResourceAccount">The account that owns it.</param>
/// <param name="Context">The condition keys of the request.</param>
public readonly record struct AccessQuery(PolicyPrincipal Principal, string Action, string Resource, string ResourceAccount, IConditionContext Context);
