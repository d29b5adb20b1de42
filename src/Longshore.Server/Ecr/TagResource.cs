using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>TagResource.</summary>
internal sealed class TagResource(RepositoryCatalog catalog) : EcrHandler<TagResourceRequest, TagResourceResponse>(EcrOperations.TagResource)
{
    protected override Outcome<EcrTarget> Locate(TagResourceRequest input, RegistryId home) => EcrTarget.OfArn(input.ResourceArn);

    protected override AccessRequest Describe(TagResourceRequest input, in AccessRequest request) => request with { RequestTags = ResourceTags.ForConditions(input.Tags) };

    protected override async ValueTask<Outcome<TagResourceResponse>> HandleAsync(TagResourceRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!ResourceTags.Read(input.Tags).TryGet(out var tags, out var error)) return error;
        var outcome = await catalog.TagResourceAsync(target.Registry, target.Name, tags, cancellationToken);
        return outcome.Succeeded ? new TagResourceResponse() : outcome.Error;
    }
}
