using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Ecr;

/// <summary>GetLifecyclePolicy.</summary>
internal sealed class GetLifecyclePolicy(LifecyclePolicies policies) : EcrHandler<GetLifecyclePolicyRequest, GetLifecyclePolicyResponse>(EcrOperations.GetLifecyclePolicy)
{
    protected override Outcome<EcrTarget> Locate(GetLifecyclePolicyRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<GetLifecyclePolicyResponse>> HandleAsync(GetLifecyclePolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.GetAsync(target.Registry, target.Name, cancellationToken)).TryGet(out var policy, out var error)
            ? new GetLifecyclePolicyResponse
            {
                RegistryId = target.Registry.Account,
                RepositoryName = target.Name.Value,
                LifecyclePolicyText = policy.Text,
                LastEvaluatedAt = policy.LastEvaluatedAt,
            }
            : error;
}
