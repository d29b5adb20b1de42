using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>GetRegistryPolicy: the text as it was put.</summary>
internal sealed class GetRegistryPolicy(PolicyStore policies) : EcrHandler<GetRegistryPolicyRequest, GetRegistryPolicyResponse>(EcrOperations.GetRegistryPolicy)
{
    protected override Outcome<EcrTarget> Locate(GetRegistryPolicyRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<GetRegistryPolicyResponse>> HandleAsync(GetRegistryPolicyRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        (await policies.GetAsync(target.Registry, cancellationToken)).TryGet(out var text, out var error)
            ? new GetRegistryPolicyResponse { RegistryId = target.Registry.Account, PolicyText = text }
            : error;
}
