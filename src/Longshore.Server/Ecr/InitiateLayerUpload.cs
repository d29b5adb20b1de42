using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>InitiateLayerUpload. A missing repository is created when a template or the server's option says so.</summary>
internal sealed class InitiateLayerUpload(BlobUploads uploads, PushTargets targets) : EcrHandler<InitiateLayerUploadRequest, InitiateLayerUploadResponse>(EcrOperations.InitiateLayerUpload)
{
    protected override Outcome<EcrTarget> Locate(InitiateLayerUploadRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<InitiateLayerUploadResponse>> HandleAsync(InitiateLayerUploadRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var outcome = await uploads.StartAsync(target.Registry, target.Name, cancellationToken);
        if (outcome.Error is { Code: ErrorCode.RepositoryNotFound } missing)
        {
            if (await targets.RetryAsync(call.Http, call.Caller, target.Registry, target.Name, missing, cancellationToken) is { } refused) return refused;
            outcome = await uploads.StartAsync(target.Registry, target.Name, cancellationToken);
        }

        return outcome.TryGet(out var upload, out var error)
            ? new InitiateLayerUploadResponse { UploadId = upload.Id, PartSize = LayerParts.RecommendedBytes }
            : error;
    }
}
