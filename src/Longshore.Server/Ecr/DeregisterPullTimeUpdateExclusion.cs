using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>DeregisterPullTimeUpdateExclusion.</summary>
internal sealed class DeregisterPullTimeUpdateExclusion(PullTimeExclusions exclusions) : EcrHandler<DeregisterPullTimeUpdateExclusionRequest, DeregisterPullTimeUpdateExclusionResponse>(EcrOperations.DeregisterPullTimeUpdateExclusion)
{
    protected override Outcome<EcrTarget> Locate(DeregisterPullTimeUpdateExclusionRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<DeregisterPullTimeUpdateExclusionResponse>> HandleAsync(DeregisterPullTimeUpdateExclusionRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var removed = await exclusions.DeregisterAsync(target.Registry, input.PrincipalArn!, cancellationToken);
        return removed.TryGet(out _, out var error) ? new DeregisterPullTimeUpdateExclusionResponse { PrincipalArn = input.PrincipalArn } : error;
    }
}
