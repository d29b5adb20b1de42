using System.Text;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>PutImage: stores a manifest, and sets a tag when one is given.</summary>
internal sealed class PutImage(Images images, PushTargets targets) : EcrHandler<PutImageRequest, PutImageResponse>(EcrOperations.PutImage)
{
    protected override Outcome<EcrTarget> Locate(PutImageRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    // Told before it is done: its body is not in the trail, and the server may not live to tell more.
    protected override AccessRequest Describe(PutImageRequest input, in AccessRequest request)
    {
        var record = CallRecord.Of(request.Http);
        (record.Tag, record.Digest) = (input.ImageTag, input.ImageDigest);
        return request;
    }

    protected override async ValueTask<Outcome<PutImageResponse>> HandleAsync(PutImageRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        TagName? tag = null;
        if (input.ImageTag is not null)
        {
            if (!TagName.TryParse(input.ImageTag, out var given))
                return EcrErrors.InvalidParameter("imageTag", "must begin with a letter, digit or '_' and hold letters, digits, '.', '_' and '-' only");
            tag = given;
        }

        Digest? expected = null;
        if (input.ImageDigest is not null)
        {
            if (!ImageIds.TryParseDigest(input.ImageDigest, out expected)) return EcrErrors.InvalidParameter("imageDigest", ImageIds.DigestRule);
        }

        var put = new ImagePut(
            target.Registry, target.Name, Encoding.UTF8.GetBytes(input.ImageManifest!), input.ImageManifestMediaType, expected, tag is { } one ? [one] : [], RefuseUnchanged: true);
        var outcome = await images.PutAsync(put, cancellationToken);
        if (outcome.Error is { Code: ErrorCode.RepositoryNotFound } missing)
        {
            if (await targets.RetryAsync(call.Http, call.Caller, target.Registry, target.Name, missing, cancellationToken) is { } refused) return refused;
            outcome = await images.PutAsync(put, cancellationToken);
        }

        var record = CallRecord.Of(call.Http);
        if (!outcome.TryGet(out var stored, out var error)) return Explain(error);
        record.Digest = stored.Digest.Value;
        return new PutImageResponse
        {
            Image = new Image
            {
                RegistryId = target.Registry.Account,
                RepositoryName = target.Name.Value,
                ImageId = new ImageIdentifier { ImageDigest = stored.Digest.Value, ImageTag = tag?.Value },
                ImageManifest = input.ImageManifest,
                ImageManifestMediaType = stored.MediaType,
            },
        };
    }

    // The failures that are faults of the manifest itself name the parameter, as ECR does.
    private static RegistryError Explain(RegistryError error) => error.Code switch
    {
        ErrorCode.ManifestInvalid or ErrorCode.ManifestTooLarge or ErrorCode.SizeInvalid => EcrErrors.InvalidParameter("imageManifest", error.Message),
        _ => error,
    };
}
