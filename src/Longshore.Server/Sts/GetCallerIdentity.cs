using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>STS GetCallerIdentity: who signed the request.</summary>
internal static class GetCallerIdentity
{
    /// <summary>The answer.</summary>
    public static GetCallerIdentityResponse Answer(Caller caller) => new()
    {
        Account = caller.Principal.Account,
        Arn = caller.Principal.Arn,
        UserId = caller.Principal.UserId,
    };
}
