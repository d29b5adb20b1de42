using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>GetRegistryScanningConfiguration: what was put, else basic scanning without rules.</summary>
internal sealed class GetRegistryScanningConfiguration(ScanningConfigurations configurations) : EcrHandler<GetRegistryScanningConfigurationRequest, GetRegistryScanningConfigurationResponse>(EcrOperations.GetRegistryScanningConfiguration)
{
    protected override Outcome<EcrTarget> Locate(GetRegistryScanningConfigurationRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<GetRegistryScanningConfigurationResponse>> HandleAsync(GetRegistryScanningConfigurationRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        new GetRegistryScanningConfigurationResponse
        {
            RegistryId = target.Registry.Account,
            ScanningConfiguration = (await configurations.GetAsync(target.Registry, cancellationToken)).ToWire(),
        };
}
