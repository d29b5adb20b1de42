using System.Text;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Oci;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>BatchGetImage: manifests by digest or tag. Each counts as a pull.</summary>
internal sealed class BatchGetImage(RepositoryCatalog catalog, Images images, PullTimeExclusions pulls) : EcrHandler<BatchGetImageRequest, BatchGetImageResponse>(EcrOperations.BatchGetImage)
{
    protected override Outcome<EcrTarget> Locate(BatchGetImageRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    /// <summary>Manifests in one answer, in bytes: a hundred of the largest would be 400 MiB.</summary>
    private const long MaxAnswer = 32 * 1024 * 1024;

    protected override async ValueTask<Outcome<BatchGetImageResponse>> HandleAsync(BatchGetImageRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!(await catalog.FindAsync(target.Registry, target.Name, cancellationToken)).TryGet(out _, out var error)) return error;
        var found = new List<Image>();
        var pulled = new List<long>();
        var failures = new List<ImageFailure>();
        var size = 0L;
        foreach (var id in input.ImageIds!)
        {
            if (!ImageIds.TryParse(id, out var image, out var failure))
            {
                failures.Add(failure);
                continue;
            }

            if (!(await GetAsync(target, image, cancellationToken)).TryGet(out var manifest, out error))
            {
                if (error.Code == ErrorCode.RepositoryNotFound) return error;
                failures.Add(ImageIds.Fail(id, error));
                continue;
            }

            // Never converted: a converted manifest has another digest.
            if (input.AcceptedMediaTypes is { Count: > 0 } accepted && !accepted.Contains(manifest.MediaType))
            {
                failures.Add(ImageIds.Fail(id, ImageFailureCodeValues.ImageNotFound, $"The image is stored as {manifest.MediaType}, which acceptedMediaTypes does not list"));
                continue;
            }

            size += manifest.Bytes.Length;
            if (size > MaxAnswer) return new RegistryError(ErrorCode.LimitExceeded, $"The manifests have more than {MaxAnswer} bytes together. Ask for fewer images at once.");
            pulled.Add(manifest.Id);
            found.Add(new Image
            {
                RegistryId = target.Registry.Account,
                RepositoryName = target.Name.Value,
                ImageId = new ImageIdentifier { ImageDigest = manifest.Digest.Value, ImageTag = image.Tag?.Value },
                ImageManifest = Encoding.UTF8.GetString(manifest.Bytes),
                ImageManifestMediaType = manifest.MediaType,
            });
        }

        foreach (var manifest in pulled) await pulls.RecordPullAsync(target.Registry, call.Caller.Principal.Arn, manifest, cancellationToken);
        return new BatchGetImageResponse { Images = found, Failures = failures };
    }

    private async ValueTask<Outcome<StoredManifest>> GetAsync(EcrTarget target, ImageId image, CancellationToken cancellationToken)
    {
        // Both given: what the digest names, once it is sure that the tag is on it.
        if (image is { Digest: not null, Tag: not null }
            && !(await images.DescribeAsync(target.Registry, target.Name, image, cancellationToken)).TryGet(out _, out var mismatch)) return mismatch;
        var reference = image.Digest is { } digest ? Reference.Of(digest) : Reference.Of(image.Tag!.Value);
        return await images.GetAsync(target.Registry, target.Name, reference, cancellationToken);
    }
}
