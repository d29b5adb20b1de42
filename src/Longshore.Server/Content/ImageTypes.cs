using Longshore.Core;
using Longshore.Core.Lifecycle;

namespace Longshore.Server.Content;

/// <summary>A manifest as it is served.</summary>
internal sealed record StoredManifest(long Id, Digest Digest, string MediaType, byte[] Bytes);

/// <summary>What is known of an image without its manifest's bytes.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="MediaType">Media type of the manifest.</param>
/// <param name="ArtifactType">The manifest's artifactType, else the media type of its configuration; null for a plain index.</param>
/// <param name="Subject">Digest of the subject, or null.</param>
/// <param name="ManifestSize">Bytes of the manifest itself.</param>
/// <param name="ImageSize">ECR's imageSizeInBytes: configuration and layers; of an index, the largest child's.</param>
/// <param name="PushedAt">When the digest first came to this repository.</param>
/// <param name="LastPulledAt">When it was last pulled, or null.</param>
/// <param name="Tags">Its tags in byte order.</param>
/// <param name="Status">Whether it is in the archive.</param>
/// <param name="LastArchivedAt">When it last went there, or null.</param>
/// <param name="LastActivatedAt">When it last came back from there, or null.</param>
internal sealed record ImageSummary(
    long Id,
    Digest Digest,
    string MediaType,
    string? ArtifactType,
    Digest? Subject,
    long ManifestSize,
    long ImageSize,
    DateTimeOffset PushedAt,
    DateTimeOffset? LastPulledAt,
    IReadOnlyList<string> Tags,
    ImageStatus Status = ImageStatus.Active,
    DateTimeOffset? LastArchivedAt = null,
    DateTimeOffset? LastActivatedAt = null);

/// <summary>A request to store a manifest.</summary>
/// <param name="Registry">Where.</param>
/// <param name="Repository">Where.</param>
/// <param name="Bytes">The manifest, stored unchanged.</param>
/// <param name="MediaType">As the client declared it, or null.</param>
/// <param name="ExpectedDigest">The digest the client gave, or null; ManifestDigestMismatch when the bytes have another.</param>
/// <param name="Tags">Tags to set, none or more.</param>
/// <param name="RefuseUnchanged">ECR PutImage: ImageAlreadyExists when manifest and tag are there already.</param>
internal sealed record ImagePut(
    RegistryId Registry,
    RepositoryName Repository,
    ReadOnlyMemory<byte> Bytes,
    string? MediaType,
    Digest? ExpectedDigest,
    IReadOnlyList<TagName> Tags,
    bool RefuseUnchanged = false);

/// <summary>What came of storing a manifest.</summary>
internal sealed record ImagePutResult(Digest Digest, string MediaType, Digest? Subject);

/// <summary>An image named as ECR names it: by digest, by tag, or by both.</summary>
internal readonly record struct ImageId(Digest? Digest, TagName? Tag);

/// <summary>What one deletion took away, for the answer of BatchDeleteImage.</summary>
/// <param name="Digest">The image.</param>
/// <param name="Tags">The tags that went.</param>
/// <param name="ImageDeleted">False when only a tag went and the image stays.</param>
internal sealed record ImageDeletion(Digest Digest, IReadOnlyList<string> Tags, bool ImageDeleted);

/// <summary>A referrer as lists show it (OCI distribution 1.1, "listing referrers").</summary>
internal sealed record Referrer(Digest Digest, string MediaType, string? ArtifactType, long Size, IReadOnlyDictionary<string, string>? Annotations, ImageStatus Status = ImageStatus.Active);

/// <summary>Which images a list holds (ECR, TagStatus).</summary>
internal enum TagStatus
{
    /// <summary>All.</summary>
    Any,

    /// <summary>Those with a tag.</summary>
    Tagged,

    /// <summary>Those without one.</summary>
    Untagged,
}

/// <summary>A page of image ids and where the next one begins; null at the end.</summary>
internal sealed record ImageIdPage(IReadOnlyList<(Digest Digest, string? Tag)> Images, string? Next);
