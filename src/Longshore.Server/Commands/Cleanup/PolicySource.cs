using Longshore.Core.Aws.Ecr;
using Longshore.Core.Lifecycle;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Cleanup;

/// <summary>The policy that a command is about.</summary>
internal static class PolicySource
{
    /// <summary>The given text, or the repository's own policy.</summary>
    public static async Task<LifecyclePolicy> ReadAsync(RegistryClient client, string repository, string? text, CancellationToken cancellationToken)
    {
        text ??= (await client.CallAsync(EcrOperations.GetLifecyclePolicy, new GetLifecyclePolicyRequest { RepositoryName = repository }, cancellationToken)).LifecyclePolicyText!;
        return LifecyclePolicyParser.TryParse(text, out var policy, out var faults) ? policy : throw new ClientException(LifecyclePolicyFault.ToReason(faults) + ". See longshore lint.");
    }
}
