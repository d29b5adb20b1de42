using Longshore.Core;
using Longshore.Server.Content.Recycling;

namespace Longshore.Server.Management.Recycling;

/// <summary>The recycle bin of a repository: list, restore, purge; and how long images stay there.</summary>
internal static class RecyclingOperations
{
    private const string Path = "recycle-bin";
    private const string ImagePath = Path + "/{digest}";
    private const string RetentionPath = Path + "/retention";
    private const string Tag = "Recycle bin";
    private const string DigestName = "digest";

    private static readonly ManagementParameter[] DigestParameter = [ManagementParameter.Segment(DigestName, "The image's digest.")];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<RecycleBin, RecycledImagesWire>(
            new(HttpMethods.Get, Path, "ListRecycledImages", ManagementScope.Repository, Tag, "Lists removed images that can be restored, in order of their digests.") { Paged = true },
            RecyclingJson.Wire.RecycledImagesWire,
            ListAsync),
        ManagementOperation.Of<RecycleBin, RecycledImageWire>(
            new(HttpMethods.Get, ImagePath, "GetRecycledImage", ManagementScope.Repository, Tag, "Shows a removed image that can be restored.") { Parameters = DigestParameter },
            RecyclingJson.Wire.RecycledImageWire,
            static async (bin, call, token) =>
            {
                if (!ReadDigest(call).TryGet(out var digest, out var error)) return error;
                return (await bin.FindAsync(call.Registry, call.Name, digest, token)).TryGet(out var image, out error) ? RecycledImageWire.Of(image) : error;
            }),
        ManagementOperation.Of<RecycleBin, RestoredImagesWire>(
            new(HttpMethods.Post, ImagePath + "/restore", "RestoreImage", ManagementScope.Repository, Tag, "Brings a removed image back as it was, with those of its tags that are free.")
            {
                Parameters = DigestParameter,
                Details = "An index brings its images from the bin with it; when one is neither there nor in the repository, nothing is restored and the error names it. "
                    + "Referrers that the same plan removed come back too. The policy that removed the image will do so again unless the image is protected.",
            },
            RecyclingJson.Wire.RestoredImagesWire,
            static async (bin, call, token) =>
            {
                if (!ReadDigest(call).TryGet(out var digest, out var error)) return error;
                return (await bin.RestoreAsync(call.Registry, call.Name, digest, token)).TryGet(out var images, out error)
                    ? new RestoredImagesWire([.. images.Select(image => new RestoredImageWire(image.Digest.Value, image.Tags, image.TagsTaken))])
                    : error;
            }),
        ManagementOperation.Of<RecycleBin>(
            new(HttpMethods.Delete, ImagePath, "PurgeRecycledImage", ManagementScope.Repository, Tag, "Lets a removed image go for good before its time.") { Parameters = DigestParameter },
            static async (bin, call, token) =>
            {
                if (!ReadDigest(call).TryGet(out var digest, out var error)) return error;
                return await bin.PurgeAsync(call.Registry, call.Name, digest, token);
            }),
        ManagementOperation.Of<RecycleBinSettings, RecycleBinRetentionWire>(
            new(HttpMethods.Get, RetentionPath, "GetRecycleBinRetention", ManagementScope.Registry, Tag, "Tells how long removed images of the registry can be restored."),
            RecyclingJson.Wire.RecycleBinRetentionWire,
            static async (settings, call, token) => RecycleBinRetentionWire.Of(await settings.GetAsync(call.Registry, token))),
        ManagementOperation.Of<RecycleBinSettings, RecycleBinRetentionWire, RecycleBinRetentionWire>(
            new(HttpMethods.Put, RetentionPath, "PutRecycleBinRetention", ManagementScope.Registry, Tag, "Gives the registry retentions of its own; what is left out is the server's again."),
            RecyclingJson.Wire.RecycleBinRetentionWire,
            RecyclingJson.Wire.RecycleBinRetentionWire,
            static async (settings, call, input, token) =>
            {
                if (!ReadSeconds(input.LifecycleSeconds).TryGet(out var lifecycle, out var error) || !ReadSeconds(input.DeleteSeconds).TryGet(out var delete, out error)) return error;
                return (await settings.PutAsync(call.Registry, lifecycle.Value, delete.Value, token)).TryGet(out var retention, out error) ? RecycleBinRetentionWire.Of(retention) : error;
            }),
    ];

    private static async ValueTask<Outcome<RecycledImagesWire>> ListAsync(RecycleBin bin, ManagementCall call, CancellationToken cancellationToken)
    {
        if (!call.Page().TryGet(out var page, out var error)) return error;
        if (!(await bin.ListAsync(call.Registry, call.Name, page.After, page.Limit + 1, cancellationToken)).TryGet(out var images, out error)) return error;
        var next = page.Cut(images, static image => image.Digest.Value);
        return new RecycledImagesWire([.. images.Select(RecycledImageWire.Of)], next);
    }

    private static Outcome<Digest> ReadDigest(ManagementCall call) => Digest.TryParse(call.Given(DigestName), out var digest)
        ? digest
        : new RegistryError(ErrorCode.InvalidParameter, $"'{call.Given(DigestName)}' is not a digest.");

    // Before they become a TimeSpan, which not every number fits in.
    private static Outcome<Retention> ReadSeconds(long? seconds) => seconds is null || (seconds >= 0 && seconds <= (long)RecycleBinSettings.Longest.TotalSeconds)
        ? new Retention(seconds is { } given ? TimeSpan.FromSeconds(given) : null)
        : new RegistryError(ErrorCode.InvalidParameter, $"A retention of the recycle bin is 0 to {(long)RecycleBinSettings.Longest.TotalSeconds} seconds.");

    private readonly record struct Retention(TimeSpan? Value);
}
