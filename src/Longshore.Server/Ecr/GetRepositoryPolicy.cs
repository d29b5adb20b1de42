using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>GetRepositoryPolicy: the text as it was set.</summary>
internal sealed class GetRepositoryPolicy(PolicyStore policies) : EcrHandler<GetRepositoryPolicyRequest, GetRepositoryPolicyResponse>(EcrOperations.GetRepositoryPolicy)
{
    protected override Outcome<EcrTarget> Locate(GetRepositoryPolicyRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<GetRepositoryPolicyResponse>> HandleAsync(GetRepositoryPolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.GetAsync(target.Registry, target.Name, cancellationToken)).TryGet(out var text, out var error)
            ? new GetRepositoryPolicyResponse { RegistryId = target.Registry.Account, RepositoryName = target.Name.Value, PolicyText = text }
            : error;
}
