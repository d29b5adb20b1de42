using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>InitiateLayerUpload.</summary>
internal sealed class InitiateLayerUpload(BlobUploads uploads) : EcrHandler<InitiateLayerUploadRequest, InitiateLayerUploadResponse>(EcrOperations.InitiateLayerUpload)
{
    protected override Outcome<EcrTarget> Locate(InitiateLayerUploadRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<InitiateLayerUploadResponse>> HandleAsync(InitiateLayerUploadRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var outcome = await uploads.StartAsync(target.Registry, target.Name, cancellationToken);
        return outcome.TryGet(out var upload, out var error)
            ? new InitiateLayerUploadResponse { UploadId = upload.Id, PartSize = LayerParts.RecommendedBytes }
            : error;
    }
}
