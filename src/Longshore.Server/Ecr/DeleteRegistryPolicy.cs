using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>DeleteRegistryPolicy: gives the text that was in force.</summary>
internal sealed class DeleteRegistryPolicy(PolicyStore policies) : EcrHandler<DeleteRegistryPolicyRequest, DeleteRegistryPolicyResponse>(EcrOperations.DeleteRegistryPolicy)
{
    protected override Outcome<EcrTarget> Locate(DeleteRegistryPolicyRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<DeleteRegistryPolicyResponse>> HandleAsync(DeleteRegistryPolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.DeleteAsync(target.Registry, cancellationToken)).TryGet(out var text, out var error)
            ? new DeleteRegistryPolicyResponse { RegistryId = target.Registry.Account, PolicyText = text }
            : error;
}
