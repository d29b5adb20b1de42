using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>GetDownloadUrlForLayer: for layers of an image of the repository.</summary>
internal sealed class GetDownloadUrlForLayer(BlobShelf blobs, LayerUrlSigner signer) : EcrHandler<GetDownloadUrlForLayerRequest, GetDownloadUrlForLayerResponse>(EcrOperations.GetDownloadUrlForLayer)
{
    protected override Outcome<EcrTarget> Locate(GetDownloadUrlForLayerRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<GetDownloadUrlForLayerResponse>> HandleAsync(GetDownloadUrlForLayerRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!Digest.TryParse(input.LayerDigest, out var digest))
            return EcrErrors.InvalidParameter("layerDigest", "must be sha256: with 64 or sha512: with 128 lower-case hexadecimal digits");
        var outcome = await blobs.FindReferencedAsync(target.Registry, target.Name, digest, cancellationToken);
        if (!outcome.TryGet(out var layer, out var error)) return error;
        return new GetDownloadUrlForLayerResponse
        {
            DownloadUrl = call.Address.Url + signer.Sign(new LayerUrl(target.Registry, target.Name, layer.Digest)),
            LayerDigest = layer.Digest.Value,
        };
    }
}
