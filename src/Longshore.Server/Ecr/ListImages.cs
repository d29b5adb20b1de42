using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>ListImages: an entry per tag, then one per untagged image.</summary>
internal sealed class ListImages(RepositoryCatalog catalog, Images images) : EcrHandler<ListImagesRequest, ListImagesResponse>(EcrOperations.ListImages)
{
    protected override Outcome<EcrTarget> Locate(ListImagesRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    /// <summary>Entries on a page unless maxResults says otherwise (API reference).</summary>
    private const int DefaultPage = 100;

    protected override async ValueTask<Outcome<ListImagesResponse>> HandleAsync(ListImagesRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!(await catalog.FindAsync(target.Registry, target.Name, cancellationToken)).TryGet(out _, out var error)) return error;
        var (tagStatus, imageStatus) = (input.Filter?.TagStatus, input.Filter?.ImageStatus);
        var tokens = PageToken.For(nameof(ListImages), target.Registry, target.Name.Value, tagStatus, imageStatus);
        if (!tokens.Read(input.NextToken).TryGet(out var position, out error)) return error;
        var outcome = await images.ListImageIdsAsync(
            target.Registry, target.Name, StatusFilters.TagStatusOf(tagStatus), StatusFilters.ChoiceOf(imageStatus), position, input.MaxResults ?? DefaultPage, cancellationToken);
        if (!outcome.TryGet(out var page, out error)) return error.Code == ErrorCode.InvalidParameter ? PageToken.Invalid : error;
        return new ListImagesResponse
        {
            ImageIds = [.. page.Images.Select(image => new ImageIdentifier { ImageDigest = image.Digest.Value, ImageTag = image.Tag })],
            NextToken = tokens.Write(page.Next),
        };
    }
}
