using Longshore.Core;

namespace Longshore.Server.Content.Recycling;

/// <summary>An image in the recycle bin, as lists show it.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="MediaType">Media type of the manifest.</param>
/// <param name="ArtifactType">The manifest's artifactType, else the media type of its configuration; null for a plain index.</param>
/// <param name="Subject">Digest of the subject, or null.</param>
/// <param name="ImageSize">ECR's imageSizeInBytes.</param>
/// <param name="Tags">The first tags that it had; <see cref="RecycleBin.TagsListed"/> at the most.</param>
/// <param name="TagCount">How many tags it had.</param>
/// <param name="PushedAt">When it was pushed.</param>
/// <param name="LastPulledAt">When it was last pulled, or null.</param>
/// <param name="RemovedAt">When it was removed.</param>
/// <param name="RemovedBy">ARN of the caller, or <c>lifecycle</c>.</param>
/// <param name="PlanId">The plan that removed it, or null.</param>
/// <param name="ExpiresAt">From then on it goes for good.</param>
internal sealed record RecycledImage(
    Digest Digest,
    string MediaType,
    string? ArtifactType,
    Digest? Subject,
    long ImageSize,
    IReadOnlyList<string> Tags,
    long TagCount,
    DateTimeOffset PushedAt,
    DateTimeOffset? LastPulledAt,
    DateTimeOffset RemovedAt,
    string RemovedBy,
    string? PlanId,
    DateTimeOffset ExpiresAt);

/// <summary>An image that came back.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Tags">The tags it has again.</param>
/// <param name="TagsTaken">The tags that are on other images by now, and stay there.</param>
internal sealed record RestoredImage(Digest Digest, IReadOnlyList<string> Tags, IReadOnlyList<string> TagsTaken);
