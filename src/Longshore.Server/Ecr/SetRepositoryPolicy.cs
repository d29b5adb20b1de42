using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Policies;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>SetRepositoryPolicy: a policy that would keep its author from setting another one needs <c>force</c>.</summary>
internal sealed class SetRepositoryPolicy(PolicyStore policies, AccessGate gate) : EcrHandler<SetRepositoryPolicyRequest, SetRepositoryPolicyResponse>(EcrOperations.SetRepositoryPolicy)
{
    protected override Outcome<EcrTarget> Locate(SetRepositoryPolicyRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<SetRepositoryPolicyResponse>> HandleAsync(SetRepositoryPolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var text = input.PolicyText!;
        if (!PolicyStore.Parse(text, PolicyKind.Repository).TryGet(out var document, out var error)) return error;
        if (input.Force != true)
        {
            var request = new AccessRequest(call.Http, call.Caller, Action, target.Registry, target.Name);
            var next = await gate.DecideAsync(request, new AttachedPolicy(PolicyKind.Repository, "the new policy", document), cancellationToken);
            if (!next.Decision.IsAllowed)
            {
                return EcrErrors.InvalidParameter(
                    "PolicyText",
                    "The policy would prevent you from setting another policy on this repository in the future. Allow yourself ecr:SetRepositoryPolicy in it, or set it with force");
            }
        }

        return (await policies.SetAsync(target.Registry, target.Name, text, cancellationToken)).TryGet(out _, out error)
            ? new SetRepositoryPolicyResponse { RegistryId = target.Registry.Account, RepositoryName = target.Name.Value, PolicyText = text }
            : error;
    }
}
