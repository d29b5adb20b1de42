using System.Text.Json.Serialization;
using Longshore.Server.Content.Recycling;

namespace Longshore.Server.Management.Recycling;

/// <summary>An image in the recycle bin.</summary>
/// <param name="ImageDigest">Its digest.</param>
/// <param name="ImageTags">The tags that it had; the first hundred.</param>
/// <param name="TagCount">How many tags it had.</param>
/// <param name="ManifestMediaType">Media type of the manifest.</param>
/// <param name="ArtifactMediaType">The manifest's artifactType, else the media type of its configuration.</param>
/// <param name="SubjectManifestDigest">What it refers to.</param>
/// <param name="ImageSizeInBytes">Configuration and layers, as ECR counts them.</param>
/// <param name="PushedAt">When it was pushed.</param>
/// <param name="LastPulledAt">When it was last pulled.</param>
/// <param name="RemovedAt">When it was removed.</param>
/// <param name="RemovedBy">ARN of who removed it, or lifecycle.</param>
/// <param name="PlanId">The plan that removed it.</param>
/// <param name="ExpiresAt">From then on it goes for good.</param>
internal sealed record RecycledImageWire(
    string ImageDigest,
    IReadOnlyList<string> ImageTags,
    long TagCount,
    string ManifestMediaType,
    string? ArtifactMediaType,
    string? SubjectManifestDigest,
    long ImageSizeInBytes,
    DateTimeOffset PushedAt,
    DateTimeOffset? LastPulledAt,
    DateTimeOffset RemovedAt,
    string RemovedBy,
    string? PlanId,
    DateTimeOffset ExpiresAt)
{
    /// <summary>As the list has it.</summary>
    public static RecycledImageWire Of(RecycledImage image) => new(
        image.Digest.Value,
        image.Tags,
        image.TagCount,
        image.MediaType,
        image.ArtifactType,
        image.Subject?.Value,
        image.ImageSize,
        image.PushedAt,
        image.LastPulledAt,
        image.RemovedAt,
        image.RemovedBy,
        image.PlanId,
        image.ExpiresAt);
}

/// <summary>A page of the recycle bin.</summary>
internal sealed record RecycledImagesWire(IReadOnlyList<RecycledImageWire> Images, string? NextToken);

/// <summary>An image that came back.</summary>
/// <param name="ImageDigest">Its digest.</param>
/// <param name="ImageTags">The tags that it has again.</param>
/// <param name="TagsTaken">The tags that are on other images by now, and stay there.</param>
internal sealed record RestoredImageWire(string ImageDigest, IReadOnlyList<string> ImageTags, IReadOnlyList<string> TagsTaken);

/// <summary>All images that came back: the one asked for first, then those that an index lists, and referrers.</summary>
internal sealed record RestoredImagesWire(IReadOnlyList<RestoredImageWire> Images);

/// <summary>How long removed images stay in the bin.</summary>
/// <param name="LifecycleSeconds">Those that a lifecycle policy or plan removed; 0: they go at once. Left out of a change: the server's own.</param>
/// <param name="DeleteSeconds">Those that somebody deleted; 0: they go at once. Left out of a change: the server's own.</param>
internal sealed record RecycleBinRetentionWire(long? LifecycleSeconds = null, long? DeleteSeconds = null)
{
    /// <summary>As it holds.</summary>
    public static RecycleBinRetentionWire Of(RecycleBinRetention retention) => new((long)retention.Lifecycle.TotalSeconds, (long)retention.Delete.TotalSeconds);
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(RecycledImageWire))]
[JsonSerializable(typeof(RecycledImagesWire))]
[JsonSerializable(typeof(RestoredImagesWire))]
[JsonSerializable(typeof(RecycleBinRetentionWire))]
internal sealed partial class RecyclingJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static RecyclingJson Wire { get; } = new(ManagementJson.NewOptions());
}
