using Longshore.Core.Aws.Sts;

namespace Longshore.Server.Sts;

/// <summary>GetCallerIdentity: who signed the request. It asks no gate, since it is allowed even under an explicit deny (STS API reference).</summary>
internal sealed class GetCallerIdentity() : StsHandler<GetCallerIdentityRequest, GetCallerIdentityResponse>(StsOperations.GetCallerIdentity)
{
    protected override ValueTask<StsOutcome<GetCallerIdentityResponse>> HandleAsync(GetCallerIdentityRequest input, StsCall call, CancellationToken cancellationToken)
    {
        var principal = call.Caller.Principal;
        return new(new GetCallerIdentityResponse { Account = principal.Account, Arn = principal.Arn, UserId = principal.UserId });
    }
}
