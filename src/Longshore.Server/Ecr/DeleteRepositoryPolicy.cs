using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>DeleteRepositoryPolicy: gives the text that was in force.</summary>
internal sealed class DeleteRepositoryPolicy(PolicyStore policies) : EcrHandler<DeleteRepositoryPolicyRequest, DeleteRepositoryPolicyResponse>(EcrOperations.DeleteRepositoryPolicy)
{
    protected override Outcome<EcrTarget> Locate(DeleteRepositoryPolicyRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<DeleteRepositoryPolicyResponse>> HandleAsync(DeleteRepositoryPolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.DeleteAsync(target.Registry, target.Name, cancellationToken)).TryGet(out var text, out var error)
            ? new DeleteRepositoryPolicyResponse { RegistryId = target.Registry.Account, RepositoryName = target.Name.Value, PolicyText = text }
            : error;
}
