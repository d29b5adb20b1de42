using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Ecr;

/// <summary>DeleteLifecyclePolicy: gives the policy as it was. A run that is under way removes nothing more.</summary>
internal sealed class DeleteLifecyclePolicy(LifecyclePolicies policies) : EcrHandler<DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse>(EcrOperations.DeleteLifecyclePolicy)
{
    protected override Outcome<EcrTarget> Locate(DeleteLifecyclePolicyRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<DeleteLifecyclePolicyResponse>> HandleAsync(DeleteLifecyclePolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.DeleteAsync(target.Registry, target.Name, cancellationToken)).TryGet(out var policy, out var error)
            ? new DeleteLifecyclePolicyResponse
            {
                RegistryId = target.Registry.Account,
                RepositoryName = target.Name.Value,
                LifecyclePolicyText = policy.Text,
                LastEvaluatedAt = policy.LastEvaluatedAt,
            }
            : error;
}
