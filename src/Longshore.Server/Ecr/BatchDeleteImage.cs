using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>BatchDeleteImage: by digest an image with its tags, by tag the tag, and the image with its last one. In the order given.</summary>
internal sealed class BatchDeleteImage(RepositoryCatalog catalog, Images images) : EcrHandler<BatchDeleteImageRequest, BatchDeleteImageResponse>(EcrOperations.BatchDeleteImage)
{
    protected override Outcome<EcrTarget> Locate(BatchDeleteImageRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<BatchDeleteImageResponse>> HandleAsync(BatchDeleteImageRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!(await catalog.FindAsync(target.Registry, target.Name, cancellationToken)).TryGet(out _, out var error)) return error;
        var deleted = new List<ImageIdentifier>();
        var failures = new List<ImageFailure>();
        foreach (var id in input.ImageIds!)
        {
            if (!ImageIds.TryParse(id, out var image, out var failure))
            {
                failures.Add(failure);
                continue;
            }

            if (!(await images.DeleteAsync(target.Registry, target.Name, image, call.Caller.Principal.Arn, cancellationToken)).TryGet(out var deletion, out error))
            {
                if (error.Code == ErrorCode.RepositoryNotFound) return error;
                failures.Add(ImageIds.Fail(id, error));
                continue;
            }

            var digest = deletion.Digest.Value;
            if (deletion.Tags.Count == 0) deleted.Add(new ImageIdentifier { ImageDigest = digest });
            deleted.AddRange(deletion.Tags.Select(tag => new ImageIdentifier { ImageDigest = digest, ImageTag = tag }));
        }

        return new BatchDeleteImageResponse { ImageIds = deleted, Failures = failures };
    }
}
