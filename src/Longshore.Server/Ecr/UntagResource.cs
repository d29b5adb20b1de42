using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>UntagResource. Keys that are not there are no error.</summary>
internal sealed class UntagResource(RepositoryCatalog catalog) : EcrHandler<UntagResourceRequest, UntagResourceResponse>(EcrOperations.UntagResource)
{
    protected override Outcome<EcrTarget> Locate(UntagResourceRequest input, RegistryId home) => EcrTarget.OfArn(input.ResourceArn);

    protected override AccessRequest Describe(UntagResourceRequest input, in AccessRequest request) =>
        request with { Conditions = new ConditionValues().Add("aws:TagKeys", [.. input.TagKeys ?? []]) };

    protected override async ValueTask<Outcome<UntagResourceResponse>> HandleAsync(UntagResourceRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        foreach (var key in input.TagKeys!)
            if (ResourceTags.CheckKey(key) is { } error) return error;
        var outcome = await catalog.UntagResourceAsync(target.Registry, target.Name, [.. input.TagKeys], cancellationToken);
        return outcome.Succeeded ? new UntagResourceResponse() : outcome.Error;
    }
}
