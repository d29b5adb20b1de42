using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>Repositories and their settings between wire and content.</summary>
internal static class RepositoryWire
{
    /// <summary>The shape <c>Repository</c>.</summary>
    public static Core.Aws.Ecr.Repository ToWire(this Content.Repository repository, PublicAddress address) => new()
    {
        RepositoryArn = repository.Arn,
        RegistryId = repository.Registry.Account,
        RepositoryName = repository.Name.Value,
        RepositoryUri = address.RepositoryUri(repository.Name),
        CreatedAt = repository.CreatedAt,
        ImageTagMutability = repository.Settings.TagMutability.ToName(),
        ImageTagMutabilityExclusionFilters = FiltersOf(repository.Settings),
        ImageScanningConfiguration = new ImageScanningConfiguration { ScanOnPush = repository.Settings.ScanOnPush },
        EncryptionConfiguration = new EncryptionConfiguration { EncryptionType = EncryptionTypeValues.Aes256 },
    };

    /// <summary>The exclusion filters, or null when there are none.</summary>
    public static IReadOnlyList<ImageTagMutabilityExclusionFilter>? FiltersOf(RepositorySettings settings) => settings.MutabilityFilters.Count == 0
        ? null
        : [.. settings.MutabilityFilters.Select(filter => new ImageTagMutabilityExclusionFilter
        {
            FilterType = ImageTagMutabilityExclusionFilterTypeValues.Wildcard,
            Filter = filter,
        })];

    /// <summary>Settings with another tag mutability. The filters belong to the modes with exclusion, and to them alone.</summary>
    public static Outcome<RepositorySettings> WithMutability(
        this RepositorySettings settings, string? mutability, IReadOnlyList<ImageTagMutabilityExclusionFilter>? filters)
    {
        const string Parameter = "imageTagMutabilityExclusionFilters";
        mutability ??= ImageTagMutabilityValues.Mutable;
        var excludes = mutability is ImageTagMutabilityValues.ImmutableWithExclusion or ImageTagMutabilityValues.MutableWithExclusion;
        if (excludes && filters is not { Count: > 0 })
            return EcrErrors.InvalidParameter(Parameter, $"{mutability} needs 1 to 5 filters");
        if (!excludes && filters is { Count: > 0 })
            return EcrErrors.InvalidParameter(Parameter, $"{mutability} takes no filters; {ImageTagMutabilityValues.ImmutableWithExclusion} and {ImageTagMutabilityValues.MutableWithExclusion} do");
        return settings with
        {
            TagMutability = RepositoryRows.MutabilityOf(mutability),
            MutabilityFilters = [.. (filters ?? []).Select(filter => filter.Filter!).Distinct(StringComparer.Ordinal)],
        };
    }
}
