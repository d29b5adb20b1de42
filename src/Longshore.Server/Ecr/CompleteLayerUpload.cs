using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>CompleteLayerUpload: the content must have the first of the digests.</summary>
internal sealed class CompleteLayerUpload(BlobUploads uploads) : EcrHandler<CompleteLayerUploadRequest, CompleteLayerUploadResponse>(EcrOperations.CompleteLayerUpload)
{
    protected override Outcome<EcrTarget> Locate(CompleteLayerUploadRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<CompleteLayerUploadResponse>> HandleAsync(CompleteLayerUploadRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var uploadId = input.UploadId!.ToLowerInvariant();
        if (!Digest.TryParse(input.LayerDigests![0], out var digest))
            return EcrErrors.InvalidParameter("layerDigests.1.member", "must be sha256: with 64 or sha512: with 128 lower-case hexadecimal digits");
        var outcome = await uploads.CompletePartsAsync(target.Registry, target.Name, uploadId, digest, cancellationToken);
        if (!outcome.TryGet(out var layer, out var error)) return error;
        return new CompleteLayerUploadResponse
        {
            RegistryId = target.Registry.Account,
            RepositoryName = target.Name.Value,
            UploadId = uploadId,
            LayerDigest = layer.Digest.Value,
        };
    }
}
