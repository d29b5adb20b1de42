using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Policies;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>PutRegistryPolicy. What it is enforced for depends on the account setting REGISTRY_POLICY_SCOPE.</summary>
internal sealed class PutRegistryPolicy(PolicyStore policies) : EcrHandler<PutRegistryPolicyRequest, PutRegistryPolicyResponse>(EcrOperations.PutRegistryPolicy)
{
    protected override Outcome<EcrTarget> Locate(PutRegistryPolicyRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<PutRegistryPolicyResponse>> HandleAsync(PutRegistryPolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (PolicyStore.Parse(input.PolicyText!, PolicyKind.Registry).Error is { } error) return error;
        await policies.PutAsync(target.Registry, input.PolicyText!, cancellationToken);
        return new PutRegistryPolicyResponse { RegistryId = target.Registry.Account, PolicyText = input.PolicyText };
    }
}
