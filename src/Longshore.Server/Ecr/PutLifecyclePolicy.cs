using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Ecr;

/// <summary>PutLifecyclePolicy: the policy takes effect with the next daily run.</summary>
internal sealed class PutLifecyclePolicy(LifecyclePolicies policies) : EcrHandler<PutLifecyclePolicyRequest, PutLifecyclePolicyResponse>(EcrOperations.PutLifecyclePolicy)
{
    protected override Outcome<EcrTarget> Locate(PutLifecyclePolicyRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<PutLifecyclePolicyResponse>> HandleAsync(PutLifecyclePolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.PutAsync(target.Registry, target.Name, input.LifecyclePolicyText!, cancellationToken)).TryGet(out var policy, out var error)
            ? new PutLifecyclePolicyResponse { RegistryId = target.Registry.Account, RepositoryName = target.Name.Value, LifecyclePolicyText = policy.Text }
            : error;
}
