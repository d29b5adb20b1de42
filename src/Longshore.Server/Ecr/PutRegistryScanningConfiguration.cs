using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>PutRegistryScanningConfiguration: replaces type and rules. This server does not scan yet.</summary>
internal sealed class PutRegistryScanningConfiguration(ScanningConfigurations configurations) : EcrHandler<PutRegistryScanningConfigurationRequest, PutRegistryScanningConfigurationResponse>(EcrOperations.PutRegistryScanningConfiguration)
{
    protected override Outcome<EcrTarget> Locate(PutRegistryScanningConfigurationRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<PutRegistryScanningConfigurationResponse>> HandleAsync(PutRegistryScanningConfigurationRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var configuration = new ScanningConfiguration(
            input.ScanType ?? ScanningConfiguration.Basic,
            [.. (input.Rules ?? []).Select(rule => new ScanningRule(rule.ScanFrequency!, [.. rule.RepositoryFilters!.Select(filter => filter.Filter!)]))]);
        var put = await configurations.PutAsync(target.Registry, configuration, cancellationToken);
        return put.TryGet(out _, out var error)
            ? new PutRegistryScanningConfigurationResponse { RegistryScanningConfiguration = configuration.ToWire() }
            : error;
    }
}
