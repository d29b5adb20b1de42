using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content.Archiving;

namespace Longshore.Server.Ecr;

/// <summary>UpdateImageStorageClass: archives an image at once, or begins to restore it.</summary>
internal sealed class UpdateImageStorageClass(ImageArchive archive) : EcrHandler<UpdateImageStorageClassRequest, UpdateImageStorageClassResponse>(EcrOperations.UpdateImageStorageClass)
{
    protected override Outcome<EcrTarget> Locate(UpdateImageStorageClassRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<UpdateImageStorageClassResponse>> HandleAsync(
        UpdateImageStorageClassRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!ImageIds.TryParse(input.ImageId!, out var image, out var failure)) return EcrErrors.InvalidParameter("imageId", failure.FailureReason!);
        var wanted = input.TargetStorageClass == TargetStorageClassValues.Archive ? StorageClass.Archive : StorageClass.Standard;
        if (!(await archive.UpdateAsync(target.Registry, target.Name, image, wanted, cancellationToken)).TryGet(out var updated, out var error)) return error;
        return new UpdateImageStorageClassResponse
        {
            RegistryId = target.Registry.Account,
            RepositoryName = target.Name.Value,
            ImageId = new ImageIdentifier { ImageDigest = updated.Digest.Value, ImageTag = image.Tag?.Value },
            ImageStatus = StatusFilters.NameOf(updated.Status),
        };
    }
}
