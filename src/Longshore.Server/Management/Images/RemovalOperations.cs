using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Content;

namespace Longshore.Server.Management.Images;

/// <summary>What was removed.</summary>
/// <param name="Repository">From where.</param>
/// <param name="Digest">The image.</param>
/// <param name="Tags">The tags that are gone.</param>
/// <param name="ImageDeleted">Whether the image is gone too, or the tag alone.</param>
internal sealed record RemovedImageWire(string Repository, string Digest, IReadOnlyList<string> Tags, bool ImageDeleted);

/// <summary>Removes what is protected: ECR's own operations have no word for it.</summary>
internal static class RemovalOperations
{
    private const string Tag = "Images";
    private const string Override = "OverrideProtection";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<Longshore.Server.Content.Images, RemovedImageWire>(
            new(HttpMethods.Delete, "images", "DeleteImage", ManagementScope.Repository, Tag, "Deletes one image as BatchDeleteImage does, and with force a protected one.")
            {
                Details = "By `digest` the image and all its tags; by `tag` the tag, and the image with its last one; with both, the tag must be on the image.",
                Parameters =
                [
                    ManagementParameter.Query("digest", "The image, by digest."),
                    ManagementParameter.Query("tag", "The image, by tag."),
                    ManagementParameter.Flag("force", "Whether it goes although it is protected.", Override),
                ],
            },
            RemovalJson.Wire.RemovedImageWire,
            DeleteImageAsync),
        ManagementOperation.Of<RepositoryCatalog>(
            new(HttpMethods.Delete, "repositories", "DeleteRepository", ManagementScope.Repository, Tag, "Deletes a repository that has no images, and with force any repository, protected images included.")
            {
                Parameters = [ManagementParameter.Flag("force", "Whether its images go with it, also those that are protected.", Override)],
            },
            static async (catalog, call, token) =>
                (await catalog.DeleteAsync(call.Registry, call.Name, call.Flag("force"), evenProtected: call.Flag("force"), token)).Error is { } error ? error : Done.Value),
    ];

    private static async ValueTask<Outcome<RemovedImageWire>> DeleteImageAsync(Longshore.Server.Content.Images images, ManagementCall call, CancellationToken cancellationToken)
    {
        Digest? digest = null;
        TagName? tag = null;
        if (call.Text("digest") is { } digestText)
        {
            if (!Digest.TryParse(digestText, out var parsed)) return new RegistryError(ErrorCode.DigestInvalid, $"'{digestText}' is not a digest.");
            digest = parsed;
        }

        if (call.Text("tag") is { } tagText)
        {
            if (!TagName.TryParse(tagText, out var parsed)) return new RegistryError(ErrorCode.TagInvalid, $"'{tagText}' is not a tag.");
            tag = parsed;
        }

        if (digest is null && tag is null) return new RegistryError(ErrorCode.InvalidParameter, "Name the image by digest, tag, or both.");
        var outcome = await images.DeleteAsync(call.Registry, call.Name, new ImageId(digest, tag), call.Caller.Principal.Arn, call.Flag("force"), cancellationToken);
        return outcome.TryGet(out var deletion, out var error)
            ? new RemovedImageWire(call.Name.Value, deletion.Digest.Value, deletion.Tags, deletion.ImageDeleted)
            : error;
    }
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(RemovedImageWire))]
internal sealed partial class RemovalJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static RemovalJson Wire { get; } = new(ManagementJson.NewOptions());
}
