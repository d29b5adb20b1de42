using Longshore.Core;

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
    /// <summary>Nobody.</summary>
    public static Principal Anonymous { get; } = new(PrincipalKind.Anonymous, "", "anonymous", "");
}

/// <summary>An authenticated caller: the principal, and the registry that its token or signature names.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Registry">The registry of the token, or the region of the signature's scope in the principal's account.</param>
/// <param name="AccessKey">The access key that the signature, or the token's request, was made with; null for the anonymous.</param>
internal sealed record Caller(Principal Principal, RegistryId Registry, AccessKey? AccessKey = null);
