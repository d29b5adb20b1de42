using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>An image at the source.</summary>
/// <param name="Digest">Its digest; null when only the tag is known yet.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="PushedAt">When it was pushed, if the source tells.</param>
/// <param name="LastPulledAt">When it was last pulled, if the source tells.</param>
internal sealed record SourceImage(string? Digest, IReadOnlyList<string> Tags, DateTimeOffset? PushedAt, DateTimeOffset? LastPulledAt);

/// <summary>Where images come from: the distribution API, and ECR's API in addition where there is one.</summary>
/// <param name="registry">Manifests and blobs.</param>
/// <param name="ecr">ECR's API; null for other registries.</param>
/// <param name="registryId">Whose registry it is, which need not be the caller's own; null for the caller's.</param>
internal sealed class ImportSource(DistributionClient registry, RegistryClient? ecr, string? registryId = null) : IDisposable
{
    private const int Page = 1000;

    /// <summary>Manifests and blobs.</summary>
    public DistributionClient Registry => registry;

    /// <summary>ECR's API; null for other registries.</summary>
    public RegistryClient? Ecr => ecr;

    /// <summary>Whose registry it is, in ECR's API; null for the caller's.</summary>
    public string? RegistryId => registryId;

    /// <inheritdoc/>
    public void Dispose()
    {
        registry.Dispose();
        ecr?.Dispose();
    }

    /// <summary>The repositories that match a pattern. A name without a star is not looked for in the catalog, which many registries do not offer.</summary>
    public async IAsyncEnumerable<string> RepositoriesAsync(string pattern, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!pattern.Contains('*', StringComparison.Ordinal))
        {
            if (ecr is null && !await registry.HasRepositoryAsync(pattern, cancellationToken)) throw new ClientException($"{registry.Address.Authority} has no repository '{pattern}'.");
            yield return pattern;
            yield break;
        }

        if (ecr is null)
        {
            await foreach (var name in registry.CatalogAsync(cancellationToken))
                if (Wildcard.Matches(pattern, name)) yield return name;
            yield break;
        }

        for (string? token = null; ;)
        {
            var page = await ecr.CallAsync(EcrOperations.DescribeRepositories, new DescribeRepositoriesRequest { RegistryId = registryId, MaxResults = Page, NextToken = token }, cancellationToken);
            foreach (var repository in page.Repositories ?? [])
                if (Wildcard.Matches(pattern, repository.RepositoryName)) yield return repository.RepositoryName!;
            if ((token = Next(token, page.NextToken)) is null) yield break;
        }
    }

    /// <summary>The images of a repository; untagged ones only from ECR, as the distribution API does not list them.</summary>
    public async IAsyncEnumerable<SourceImage> ImagesAsync(string repository, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (ecr is null)
        {
            await foreach (var tag in registry.TagsAsync(repository, cancellationToken)) yield return new SourceImage(null, [tag], null, null);
            yield break;
        }

        await foreach (var image in DescribeAsync(ecr, repository, null, cancellationToken))
            yield return new SourceImage(image.ImageDigest, image.ImageTags ?? [], image.ImagePushedAt, image.LastRecordedPullTime);
    }

    /// <summary>How many images of a repository are archived, which nobody can pull. Only ECR has such images.</summary>
    public async Task<int> CountArchivedAsync(string repository, CancellationToken cancellationToken)
    {
        var count = 0;
        if (ecr is null) return count;
        await foreach (var _ in DescribeAsync(ecr, repository, ImageStatusFilterValues.Archived, cancellationToken)) count++;
        return count;
    }

    /// <summary>Without a status, ECR lists what can be pulled.</summary>
    private async IAsyncEnumerable<ImageDetail> DescribeAsync(
        RegistryClient ecr, string repository, string? status, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = status is null ? null : new DescribeImagesFilter { ImageStatus = status };
        for (string? token = null; ;)
        {
            var page = await ecr.CallAsync(EcrOperations.DescribeImages, new DescribeImagesRequest { RegistryId = registryId, RepositoryName = repository, Filter = filter, MaxResults = Page, NextToken = token }, cancellationToken);
            foreach (var image in page.ImageDetails ?? []) yield return image;
            if ((token = Next(token, page.NextToken)) is null) yield break;
        }
    }

    private static string? Next(string? before, string? told) =>
        told is null || told != before ? told : throw new ClientException("ECR's API at the source leads from a page to the same page.");
}
