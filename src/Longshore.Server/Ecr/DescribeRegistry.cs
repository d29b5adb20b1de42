using Longshore.Core;
using Longshore.Core.Aws.Ecr;

namespace Longshore.Server.Ecr;

/// <summary>DescribeRegistry: replication is not offered yet, so there are no rules.</summary>
internal sealed class DescribeRegistry() : EcrHandler<DescribeRegistryRequest, DescribeRegistryResponse>(EcrOperations.DescribeRegistry)
{
    protected override Outcome<EcrTarget> Locate(DescribeRegistryRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override ValueTask<Outcome<DescribeRegistryResponse>> HandleAsync(DescribeRegistryRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        ValueTask.FromResult<Outcome<DescribeRegistryResponse>>(new DescribeRegistryResponse
        {
            RegistryId = target.Registry.Account,
            ReplicationConfiguration = new ReplicationConfiguration { Rules = [] },
        });
}
