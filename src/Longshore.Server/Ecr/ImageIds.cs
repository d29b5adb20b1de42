using System.Diagnostics.CodeAnalysis;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>Image identifiers of batch operations, and their failures (ecr-behaviour, section 2).</summary>
internal static class ImageIds
{
    /// <summary>The form of digests, in words.</summary>
    public const string DigestRule = "must be sha256: with 64 or sha512: with 128 lower-case hexadecimal digits";

    /// <summary>Reads an identifier; false and the failure when it names no image that could be.</summary>
    public static bool TryParse(ImageIdentifier id, out ImageId image, [NotNullWhen(false)] out ImageFailure? failure)
    {
        image = default;
        failure = null;
        Digest? digest = null;
        TagName? tag = null;
        if (id.ImageDigest is null && id.ImageTag is null)
            failure = Fail(id, ImageFailureCodeValues.MissingDigestAndTag, "Invalid request parameters: both tag and digest cannot be null");
        else if (id.ImageDigest is not null && !TryParseDigest(id.ImageDigest, out digest))
            failure = Fail(id, ImageFailureCodeValues.InvalidImageDigest, $"Invalid request parameters: image digest '{id.ImageDigest}' {DigestRule}");
        else if (id.ImageTag is not null && !TryParseTag(id.ImageTag, out tag))
            failure = Fail(id, ImageFailureCodeValues.InvalidImageTag, "Invalid request parameters: the image tag holds a character that no tag may have");
        image = new ImageId(digest, tag);
        return failure is null;
    }

    /// <summary>Reads a digest.</summary>
    public static bool TryParseDigest(string text, out Digest? digest)
    {
        digest = Digest.TryParse(text, out var parsed) ? parsed : null;
        return digest is not null;
    }

    /// <summary>The failure of an identifier that was well-formed.</summary>
    public static ImageFailure Fail(ImageIdentifier id, RegistryError error) => error.Code switch
    {
        ErrorCode.ManifestUnknown => Fail(id, ImageFailureCodeValues.ImageNotFound, "Requested image not found"),
        ErrorCode.ImageTagDoesNotMatchDigest => Fail(id, ImageFailureCodeValues.ImageTagDoesNotMatchDigest, error.Message),
        ErrorCode.ContentReferenced => Fail(id, ImageFailureCodeValues.ImageReferencedByManifestList, error.Message),
        _ => Fail(id, ImageFailureCodeValues.ImageInaccessible, error.Message),
    };

    /// <summary>A failure.</summary>
    public static ImageFailure Fail(ImageIdentifier id, string code, string reason) => new() { ImageId = id, FailureCode = code, FailureReason = reason };

    private static bool TryParseTag(string text, out TagName? tag)
    {
        tag = TagName.TryParse(text, out var parsed) ? parsed : null;
        return tag is not null;
    }
}
