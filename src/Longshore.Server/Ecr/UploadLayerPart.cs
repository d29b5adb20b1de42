using System.Globalization;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>UploadLayerPart: parts follow each other without gap or repeat.</summary>
internal sealed class UploadLayerPart(BlobUploads uploads) : EcrHandler<UploadLayerPartRequest, UploadLayerPartResponse>(EcrOperations.UploadLayerPart)
{
    protected override Outcome<EcrTarget> Locate(UploadLayerPartRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<UploadLayerPartResponse>> HandleAsync(UploadLayerPartRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var uploadId = input.UploadId!.ToLowerInvariant();
        var (first, last, part) = (input.PartFirstByte!.Value, input.PartLastByte!.Value, input.LayerPartBlob!);
        // Written so that no sum overflows: the numbers are the client's.
        var fits = part.Length > 0 && last >= first && last - first == part.Length - 1;
        var outcome = fits
            ? await uploads.AppendPartAsync(target.Registry, target.Name, uploadId, first, part, cancellationToken)
            : await RefuseAsync(target, uploadId, part.Length, cancellationToken);
        if (!outcome.TryGet(out var upload, out var error)) return error.Code == ErrorCode.InvalidLayerPart ? WithUpload(error, target, uploadId) : error;
        return new UploadLayerPartResponse
        {
            RegistryId = target.Registry.Account,
            RepositoryName = target.Name.Value,
            UploadId = upload.Id,
            LastByteReceived = upload.Received - 1,
        };
    }

    private async ValueTask<Outcome<UploadStatus>> RefuseAsync(EcrTarget target, string uploadId, int length, CancellationToken cancellationToken)
    {
        if (!(await uploads.GetAsync(target.Registry, target.Name, uploadId, cancellationToken)).TryGet(out var upload, out var error)) return error;
        return new RegistryError(
            ErrorCode.InvalidLayerPart,
            $"partFirstByte and partLastByte must span the {length} bytes of layerPartBlob, and a part has at least one byte.",
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [EcrErrors.LastValidByte] = (upload.Received - 1).ToString(CultureInfo.InvariantCulture),
            });
    }

    private static RegistryError WithUpload(RegistryError error, EcrTarget target, string uploadId) => error with
    {
        Detail = new Dictionary<string, string>(error.Detail ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            [EcrErrors.RegistryId] = target.Registry.Account,
            [EcrErrors.RepositoryName] = target.Name.Value,
            [EcrErrors.UploadId] = uploadId,
        },
    };
}
