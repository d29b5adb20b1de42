using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Ecr;

/// <summary>StartLifecyclePolicyPreview: of the given policy, or of the repository's own. Made in the background.</summary>
internal sealed class StartLifecyclePolicyPreview(Plans plans)
    : EcrHandler<StartLifecyclePolicyPreviewRequest, StartLifecyclePolicyPreviewResponse>(EcrOperations.StartLifecyclePolicyPreview)
{
    protected override Outcome<EcrTarget> Locate(StartLifecyclePolicyPreviewRequest input, RegistryId home) =>
        EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<StartLifecyclePolicyPreviewResponse>> HandleAsync(
        StartLifecyclePolicyPreviewRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var started = await plans.StartAsync(target.Registry, target.Name, PlanKind.Preview, input.LifecyclePolicyText, call.Caller.Principal.Arn, cancellationToken);
        return started.TryGet(out var plan, out var error)
            ? new StartLifecyclePolicyPreviewResponse
            {
                RegistryId = target.Registry.Account,
                RepositoryName = target.Name.Value,
                LifecyclePolicyText = plan.PolicyText,
                Status = plan.Status,
            }
            : error;
    }
}
