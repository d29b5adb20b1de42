using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>PutImageTagMutability. Settings count for later pushes.</summary>
internal sealed class PutImageTagMutability(RepositoryCatalog catalog) : EcrHandler<PutImageTagMutabilityRequest, PutImageTagMutabilityResponse>(EcrOperations.PutImageTagMutability)
{
    protected override Outcome<EcrTarget> Locate(PutImageTagMutabilityRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<PutImageTagMutabilityResponse>> HandleAsync(PutImageTagMutabilityRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var checkedSettings = RepositorySettings.Default.WithMutability(input.ImageTagMutability, input.ImageTagMutabilityExclusionFilters);
        if (!checkedSettings.TryGet(out var wanted, out var error)) return error;
        var outcome = await catalog.UpdateSettingsAsync(
            target.Registry,
            target.Name,
            settings => settings with { TagMutability = wanted.TagMutability, MutabilityFilters = wanted.MutabilityFilters },
            cancellationToken);
        if (!outcome.TryGet(out var repository, out error)) return error;
        return new PutImageTagMutabilityResponse
        {
            RegistryId = repository.Registry.Account,
            RepositoryName = repository.Name.Value,
            ImageTagMutability = repository.Settings.TagMutability.ToName(),
            ImageTagMutabilityExclusionFilters = RepositoryWire.FiltersOf(repository.Settings),
        };
    }
}
