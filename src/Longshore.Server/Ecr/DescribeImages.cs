using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>DescribeImages: those named, in their order, or all by pages.</summary>
internal sealed class DescribeImages(RepositoryCatalog catalog, Images images) : EcrHandler<DescribeImagesRequest, DescribeImagesResponse>(EcrOperations.DescribeImages)
{
    protected override Outcome<EcrTarget> Locate(DescribeImagesRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    /// <summary>Images on a page unless maxResults says otherwise (API reference).</summary>
    private const int DefaultPage = 100;

    protected override async ValueTask<Outcome<DescribeImagesResponse>> HandleAsync(DescribeImagesRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!(await catalog.FindAsync(target.Registry, target.Name, cancellationToken)).TryGet(out _, out var error)) return error;
        return input.ImageIds is { Count: > 0 } ids
            ? await FindAsync(input, ids, target, cancellationToken)
            : await ListAsync(input, target, cancellationToken);
    }

    private async ValueTask<Outcome<DescribeImagesResponse>> FindAsync(
        DescribeImagesRequest input, IReadOnlyList<ImageIdentifier> ids, EcrTarget target, CancellationToken cancellationToken)
    {
        if (Paging.RefuseBeside("imageIds", input.NextToken, input.MaxResults) is { } refused) return refused;
        var status = StatusFilters.TagStatusOf(input.Filter?.TagStatus);
        var found = new List<ImageSummary>();
        foreach (var id in ids)
        {
            if (!ImageIds.TryParse(id, out var image, out var failure)) return EcrErrors.InvalidParameter("imageIds", failure.FailureReason!);
            if (!(await images.DescribeAsync(target.Registry, target.Name, image, cancellationToken)).TryGet(out var summary, out var error)) return error;
            if (found.TrueForAll(other => other.Digest != summary.Digest) && StatusFilters.Has(summary, status)) found.Add(summary);
        }

        // Who names an archived image means it; a filter is heeded when it is given.
        if (input.Filter?.ImageStatus is { } wanted and not ImageStatusFilterValues.Any) found.RemoveAll(image => StatusFilters.NameOf(image.Status) != wanted);
        return new DescribeImagesResponse { ImageDetails = [.. found.Select(image => Describe(target, image))] };
    }

    private async ValueTask<Outcome<DescribeImagesResponse>> ListAsync(DescribeImagesRequest input, EcrTarget target, CancellationToken cancellationToken)
    {
        var (tagStatus, imageStatus) = (input.Filter?.TagStatus, input.Filter?.ImageStatus);
        var tokens = PageToken.For(nameof(DescribeImages), target.Registry, target.Name.Value, tagStatus, imageStatus);
        if (!tokens.Read(input.NextToken).TryGet(out var after, out var error)) return error;
        if (after is not null && !Digest.TryParse(after, out _)) return PageToken.Invalid;
        var limit = input.MaxResults ?? DefaultPage;
        var outcome = await images.ListAsync(target.Registry, target.Name, StatusFilters.TagStatusOf(tagStatus), StatusFilters.ChoiceOf(imageStatus), after, limit + 1, cancellationToken);
        if (!outcome.TryGet(out var page, out error)) return error;
        var next = Paging.Cut(page, limit, static image => image.Digest.Value);
        return new DescribeImagesResponse { ImageDetails = [.. page.Select(image => Describe(target, image))], NextToken = tokens.Write(next) };
    }

    private static ImageDetail Describe(EcrTarget target, ImageSummary image) => new()
    {
        RegistryId = target.Registry.Account,
        RepositoryName = target.Name.Value,
        ImageDigest = image.Digest.Value,
        ImageTags = image.Tags.Count == 0 ? null : image.Tags,
        ImageSizeInBytes = image.ImageSize,
        ImagePushedAt = image.PushedAt,
        ImageManifestMediaType = image.MediaType,
        ArtifactMediaType = image.ArtifactType,
        LastRecordedPullTime = image.LastPulledAt,
        SubjectManifestDigest = image.Subject?.Value,
        ImageStatus = StatusFilters.NameOf(image.Status),
        LastArchivedAt = image.LastArchivedAt,
        LastActivatedAt = image.LastActivatedAt,
    };
}
