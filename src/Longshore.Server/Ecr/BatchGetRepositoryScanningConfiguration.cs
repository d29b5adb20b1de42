using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>BatchGetRepositoryScanningConfiguration: what the registry's rules come to for each repository, in the order asked, each once.</summary>
internal sealed class BatchGetRepositoryScanningConfiguration(RepositoryCatalog catalog, ScanningConfigurations configurations)
    : EcrHandler<BatchGetRepositoryScanningConfigurationRequest, BatchGetRepositoryScanningConfigurationResponse>(EcrOperations.BatchGetRepositoryScanningConfiguration)
{
    protected override Outcome<EcrTarget> Locate(BatchGetRepositoryScanningConfigurationRequest input, RegistryId home) =>
        EcrTarget.OfRepositories(home, null, input.RepositoryNames!);

    protected override async ValueTask<Outcome<BatchGetRepositoryScanningConfigurationResponse>> HandleAsync(BatchGetRepositoryScanningConfigurationRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var configuration = await configurations.GetAsync(target.Registry, cancellationToken);
        var found = new List<RepositoryScanningConfiguration>();
        var failures = new List<RepositoryScanningConfigurationFailure>();
        foreach (var name in target.Names.Distinct())
        {
            if (!(await catalog.FindAsync(target.Registry, name, cancellationToken)).TryGet(out var repository, out var error))
            {
                failures.Add(new RepositoryScanningConfigurationFailure
                {
                    RepositoryName = name.Value,
                    FailureCode = ScanningConfigurationFailureCodeValues.RepositoryNotFound,
                    FailureReason = error.Message,
                });
                continue;
            }

            var scanning = configuration.For(name, repository.Settings.ScanOnPush);
            found.Add(new RepositoryScanningConfiguration
            {
                RepositoryArn = repository.Arn,
                RepositoryName = name.Value,
                ScanOnPush = scanning.ScanOnPush,
                ScanFrequency = scanning.Frequency,
                AppliedScanFilters = scanning.Filter is { } filter ? [ScanningWire.ToWire(filter)] : [],
            });
        }

        return new BatchGetRepositoryScanningConfigurationResponse { ScanningConfigurations = found, Failures = failures };
    }
}
