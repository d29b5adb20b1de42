using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>ListTagsForResource: in order of keys.</summary>
internal sealed class ListTagsForResource(RepositoryCatalog catalog) : EcrHandler<ListTagsForResourceRequest, ListTagsForResourceResponse>(EcrOperations.ListTagsForResource)
{
    protected override Outcome<EcrTarget> Locate(ListTagsForResourceRequest input, RegistryId home) => EcrTarget.OfArn(input.ResourceArn);

    protected override async ValueTask<Outcome<ListTagsForResourceResponse>> HandleAsync(ListTagsForResourceRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var outcome = await catalog.ListResourceTagsAsync(target.Registry, target.Name, cancellationToken);
        return outcome.TryGet(out var tags, out var error)
            ? new ListTagsForResourceResponse { Tags = [.. tags.Select(tag => new Tag { Key = tag.Key, Value = tag.Value })] }
            : error;
    }
}
