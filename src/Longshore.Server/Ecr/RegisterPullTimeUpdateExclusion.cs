using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>RegisterPullTimeUpdateExclusion.</summary>
internal sealed class RegisterPullTimeUpdateExclusion(PullTimeExclusions exclusions) : EcrHandler<RegisterPullTimeUpdateExclusionRequest, RegisterPullTimeUpdateExclusionResponse>(EcrOperations.RegisterPullTimeUpdateExclusion)
{
    protected override Outcome<EcrTarget> Locate(RegisterPullTimeUpdateExclusionRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<RegisterPullTimeUpdateExclusionResponse>> HandleAsync(RegisterPullTimeUpdateExclusionRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var registered = await exclusions.RegisterAsync(target.Registry, input.PrincipalArn!, cancellationToken);
        return registered.TryGet(out var createdAt, out var error)
            ? new RegisterPullTimeUpdateExclusionResponse { PrincipalArn = input.PrincipalArn, CreatedAt = createdAt }
            : error;
    }
}
