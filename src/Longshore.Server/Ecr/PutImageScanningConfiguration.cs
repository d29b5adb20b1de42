using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>PutImageScanningConfiguration: kept and told again; this server does not scan yet.</summary>
internal sealed class PutImageScanningConfiguration(RepositoryCatalog catalog) : EcrHandler<PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse>(EcrOperations.PutImageScanningConfiguration)
{
    protected override Outcome<EcrTarget> Locate(PutImageScanningConfigurationRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<PutImageScanningConfigurationResponse>> HandleAsync(PutImageScanningConfigurationRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var scanOnPush = input.ImageScanningConfiguration!.ScanOnPush ?? false;
        var outcome = await catalog.UpdateSettingsAsync(target.Registry, target.Name, settings => settings with { ScanOnPush = scanOnPush }, cancellationToken);
        if (!outcome.TryGet(out var repository, out var error)) return error;
        return new PutImageScanningConfigurationResponse
        {
            RegistryId = repository.Registry.Account,
            RepositoryName = repository.Name.Value,
            ImageScanningConfiguration = new ImageScanningConfiguration { ScanOnPush = repository.Settings.ScanOnPush },
        };
    }
}
