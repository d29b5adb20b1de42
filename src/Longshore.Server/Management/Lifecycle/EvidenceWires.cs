using Longshore.Core.Lifecycle;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Management.Lifecycle;

/// <summary>A body that an image names.</summary>
internal sealed record BlobWire(string Digest, long Size);

/// <summary>An image with everything that a lifecycle policy and its bytes depend on.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="PushedAt">When it was first pushed.</param>
/// <param name="LastPulledAt">When it was last pulled.</param>
/// <param name="Size">ECR imageSizeInBytes.</param>
/// <param name="Status">ACTIVE, ARCHIVED or ACTIVATING.</param>
/// <param name="LastArchivedAt">When it last went to the archive.</param>
/// <param name="LastActivatedAt">When it last came back from there.</param>
/// <param name="ReferencedBy">Digests of the lists and indexes that name it.</param>
/// <param name="Subject">Digest of its subject.</param>
/// <param name="Children">Digests of the manifests it lists.</param>
/// <param name="Blobs">The bodies it names, each once.</param>
internal sealed record ImageEvidenceWire(
    string Digest,
    IReadOnlyList<string> Tags,
    DateTimeOffset PushedAt,
    DateTimeOffset? LastPulledAt,
    long Size,
    string Status,
    DateTimeOffset? LastArchivedAt,
    DateTimeOffset? LastActivatedAt,
    IReadOnlyList<string> ReferencedBy,
    string? Subject,
    IReadOnlyList<string> Children,
    IReadOnlyList<BlobWire> Blobs)
{
    /// <summary>The wire form.</summary>
    public static ImageEvidenceWire Of(ImageEvidence found) => new(
        found.Image.Digest,
        found.Image.Tags,
        found.Image.PushedAt,
        found.Image.LastPulledAt,
        found.Size,
        found.Image.Status switch { ImageStatus.Archived => "ARCHIVED", ImageStatus.Activating => "ACTIVATING", _ => "ACTIVE" },
        found.Image.LastArchivedAt,
        found.Image.LastActivatedAt,
        found.Image.ReferencedBy,
        found.Image.Subject,
        found.Children,
        [.. found.Blobs.Select(static blob => new BlobWire(blob.Digest, blob.Size))]);
}

/// <summary>Images by pages.</summary>
internal sealed record ImageEvidencesWire(IReadOnlyList<ImageEvidenceWire> Images, string? NextToken);
