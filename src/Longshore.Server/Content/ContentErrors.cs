using Longshore.Core;
using Longshore.Core.Oci;

namespace Longshore.Server.Content;

/// <summary>The expected failures of content, in the words that ECR has for them (ecr-behaviour sections 0 and 2).</summary>
internal static class ContentErrors
{
    public static RegistryError RepositoryNotFound(RegistryId registry, RepositoryName name) =>
        new(ErrorCode.RepositoryNotFound, $"The repository with name '{name}' does not exist in the registry with id '{registry.Account}'");

    public static RegistryError RepositoryAlreadyExists(RegistryId registry, RepositoryName name) =>
        new(ErrorCode.RepositoryAlreadyExists, $"The repository with name '{name}' already exists in the registry with id '{registry.Account}'");

    public static RegistryError RepositoryNotEmpty(RegistryId registry, RepositoryName name) =>
        new(ErrorCode.RepositoryNotEmpty, $"The repository with name '{name}' in registry with id '{registry.Account}' cannot be deleted because it still contains images");

    public static RegistryError TooManyTags(int limit) =>
        new(ErrorCode.TooManyTags, $"A repository can have at most {limit} resource tags. Remove some with untag-resource first.");

    public static RegistryError BlobUnknown(Digest digest) => new(ErrorCode.BlobUnknown, $"The repository holds no blob with digest '{digest}'");

    public static RegistryError UploadUnknown(RegistryId registry, RepositoryName name, string uploadId) =>
        new(ErrorCode.BlobUploadUnknown, $"The upload with id '{uploadId}' does not exist in the repository with name '{name}' in the registry with id '{registry.Account}': it ended, expired or never was. Start a new one.");

    public static RegistryError RangeInvalid(long received) =>
        new(ErrorCode.RangeInvalid, $"The next byte of this upload is {received}. Ask for its status and send the chunk that follows.", Received(received));

    public static RegistryError UploadBusy(long received) =>
        new(ErrorCode.RangeInvalid, "Another request is writing to this upload. Wait for it, ask for the status and go on from there.", Received(received));

    public static RegistryError BodyLength(long expected, long found) =>
        new(ErrorCode.SizeInvalid, $"The request announces {expected} bytes and carries {found}.");

    public static RegistryError DigestMismatch(Digest expected, Digest found) =>
        new(ErrorCode.DigestInvalid, $"The content has digest '{found}', not '{expected}'. Nothing was stored.");

    public static RegistryError ManifestUnknown() => new(ErrorCode.ManifestUnknown, "Requested image not found");

    public static RegistryError ImageNotFound(RegistryId registry, RepositoryName name, ImageId image) =>
        new(ErrorCode.ManifestUnknown, $"The image with imageId {{imageDigest:'{image.Digest?.Value ?? "null"}', imageTag:'{image.Tag?.Value ?? "null"}'}} does not exist within the repository with name '{name}' in the registry with id '{registry.Account}'");

    public static RegistryError ManifestDigestMismatch(RegistryId registry, RepositoryName name, Digest given) =>
        new(ErrorCode.ManifestDigestMismatch, $"The image with digest '{given}' in repository '{name}' and registry ID '{registry.Account}' does not match the image digest that Amazon ECR has calculated.");

    public static RegistryError BlobsMissing(RegistryId registry, RepositoryName name, IReadOnlyList<Digest> digests) =>
        new(ErrorCode.ManifestBlobUnknown, $"Layers with digests '[{string.Join(", ", digests)}]' required for pushing image into repository with name '{name}' in the registry with id '{registry.Account}' do not exist", Digests(digests));

    public static RegistryError ChildrenMissing(RegistryId registry, RepositoryName name, IReadOnlyList<Digest> digests) =>
        new(ErrorCode.ManifestChildUnknown, $"Images with digests '[{string.Join(", ", digests)}]' required for pushing image into repository with name '{name}' in the registry with id '{registry.Account}' do not exist", Digests(digests));

    public static RegistryError ReferenceSize(Descriptor descriptor, long stored) =>
        new(ErrorCode.SizeInvalid, $"The manifest gives '{descriptor.Digest}' {descriptor.Size} bytes; the repository holds it with {stored}.");

    public static RegistryError TagImmutable(RepositoryName name, TagName tag) =>
        new(ErrorCode.TagImmutable, $"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the repository is immutable.");

    public static RegistryError ImageAlreadyExists(RegistryId registry, RepositoryName name, Digest digest, string? tag) =>
        new(ErrorCode.ImageAlreadyExists, $"Image with digest '{digest}' and tag '{tag ?? "null"}' already exists in the repository with name '{name}' in registry with id '{registry.Account}'");

    public static RegistryError TooManyImageTags(RepositoryName name, Digest digest, int limit) =>
        new(ErrorCode.LimitExceeded, $"The image with digest '{digest}' in the repository '{name}' has {limit} tags, and cannot have more. Remove some of its tags first.");

    public static RegistryError TagNotOnDigest() => new(ErrorCode.ImageTagDoesNotMatchDigest, "The tag is not on the image with this digest.");

    public static RegistryError ReferencedByManifestList(IReadOnlyList<Digest> lists) =>
        new(ErrorCode.ContentReferenced, $"Requested image referenced by manifest list: [{string.Join(", ", lists)}]", Digests(lists));

    public static RegistryError NotRecycled(RepositoryName name, Digest digest) =>
        new(ErrorCode.ManifestUnknown, $"The recycle bin of the repository with name '{name}' holds no image with digest '{digest}'.");

    public static RegistryError RecycledChildrenMissing(RepositoryName name, Digest digest, IReadOnlyList<Digest> missing) =>
        new(ErrorCode.ManifestChildUnknown, $"The image '{digest}' lists images that are neither in the repository with name '{name}' nor in its recycle bin: [{string.Join(", ", missing)}]. Push them again first.", Digests(missing));

    public static RegistryError RestoreTooLarge(Digest digest, int limit) =>
        new(ErrorCode.LimitExceeded, $"Restoring '{digest}' would bring more than {limit} images back at once. Restore the images that it lists first.");

    public static RegistryError BlobReferenced(Digest digest) =>
        new(ErrorCode.ContentReferenced, $"The blob '{digest}' belongs to an image of this repository. Delete the image first.");

    public static RegistryError LayerInaccessible(RepositoryName name, Digest digest) =>
        new(ErrorCode.LayerInaccessible, $"The layer '{digest}' is not part of any image in the repository with name '{name}'. Put the image first.");

    public static RegistryError LayerAlreadyExists(RegistryId registry, RepositoryName name, Digest digest) =>
        new(ErrorCode.LayerAlreadyExists, $"The layer with digest '{digest}' already exists in the repository with name '{name}' in the registry with id '{registry.Account}'");

    public static RegistryError EmptyUpload(string uploadId) => new(ErrorCode.EmptyUpload, $"The upload with id '{uploadId}' holds no bytes. Send its parts with UploadLayerPart first.");

    public static RegistryError LayerPartTooSmall() => new(ErrorCode.LayerPartTooSmall, "All layer parts except the last part should be at least 5MB");

    public static RegistryError InvalidLayerPart(long received) =>
        new(ErrorCode.InvalidLayerPart, received == 0
            ? "Layer parts must follow each other: the first byte must be 0."
            : $"Layer parts must follow each other: the next first byte is {received}.",
            new Dictionary<string, string>(StringComparer.Ordinal) { ["lastValidByteReceived"] = (received - 1).ToString(System.Globalization.CultureInfo.InvariantCulture) });

    private static Dictionary<string, string> Received(long received) =>
        new(StringComparer.Ordinal) { ["received"] = received.ToString(System.Globalization.CultureInfo.InvariantCulture) };

    private static Dictionary<string, string> Digests(IReadOnlyList<Digest> digests) =>
        new(StringComparer.Ordinal) { ["digests"] = string.Join(",", digests) };
}
