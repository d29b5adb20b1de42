namespace Longshore.Core.Oci;

/// <summary>What kind of structure a manifest has.</summary>
public enum ManifestKind
{
    /// <summary>One image or artifact: configuration and layers (for the OCI artifact manifest: blobs and no configuration).</summary>
    ImageManifest,

    /// <summary>A list of manifests: OCI index or Docker manifest list.</summary>
    Index,

    /// <summary>A JSON object of a media type that the registry does not know.</summary>
    Other,
}

/// <summary>
/// What the registry needs to know of a manifest. The bytes themselves are kept and served unchanged by the caller.
/// </summary>
/// <remarks>
/// Known are OCI image manifest and index, Docker schema 2 manifest and list, and the OCI artifact manifest of the 1.1 release
/// candidates. Of any other well-formed media type only <c>subject</c> is honoured, and <c>artifactType</c> and
/// <c>annotations</c> are taken when they have the right form: their other members are not ours to interpret, so blobs that
/// only such a manifest names count as unreferenced. Docker schema 1 is refused.
/// </remarks>
public sealed record ManifestDocument
{
    /// <summary>Largest manifest in bytes: 4 MiB (OCI distribution 1.1, "Pushing Manifests"; ECR model, ImageManifest).</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>Most descriptors in one manifest: configuration, layers, children and subject together.</summary>
    public const int MaxReferences = 10_000;

    /// <summary>Deepest nesting of objects and arrays.</summary>
    public const int MaxDepth = 64;

    /// <summary>The structure.</summary>
    public required ManifestKind Kind { get; init; }

    /// <summary>The media type to store and serve: that of the request, of the body, or inferred, in this order; without parameters.</summary>
    public required string MediaType { get; init; }

    /// <summary>The <c>artifactType</c> member, or null when missing or empty.</summary>
    public string? DeclaredArtifactType { get; init; }

    /// <summary>The configuration, for an image manifest (null for the OCI artifact manifest) and no other kind.</summary>
    public Descriptor? Config { get; init; }

    /// <summary>The layers of an image manifest as listed, repetitions included.</summary>
    public IReadOnlyList<Descriptor> Layers { get; init; } = [];

    /// <summary>The manifests of an index in their order, each digest once.</summary>
    public IReadOnlyList<Descriptor> Children { get; init; } = [];

    /// <summary>
    /// Configuration and layers, each digest once: what the repository must hold before it takes the manifest, except for
    /// those with <see cref="Descriptor.IsForeign"/>. A digest listed both as foreign and not is not foreign.
    /// </summary>
    public IReadOnlyList<Descriptor> BlobReferences { get; init; } = [];

    /// <summary>The manifest that this one refers to; it need not exist.</summary>
    public Descriptor? Subject { get; init; }

    /// <summary>The annotations; empty when there are none.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = EmptyAnnotations;

    /// <summary>
    /// ECR's <c>imageSizeInBytes</c> of an image manifest: the configuration and the distinct layers that are not foreign,
    /// as stored (compressed), in bytes. 0 for an index, whose size is that of its largest child and so the caller's to
    /// compute, and 0 for other kinds.
    /// </summary>
    public long ImageSize { get; init; }

    /// <summary>The media type of the configuration, or null without one.</summary>
    public string? ConfigMediaType => Config?.MediaType;

    /// <summary>
    /// The artifact type that the referrers API reports: the declared one, else for an image manifest the media type of its
    /// configuration (OCI distribution 1.1, "Listing Referrers"); null when there is none.
    /// </summary>
    public string? ArtifactType => DeclaredArtifactType ?? ConfigMediaType;

    internal static IReadOnlyDictionary<string, string> EmptyAnnotations { get; } = new Dictionary<string, string>().AsReadOnly();

    /// <summary>
    /// Parses a manifest. <paramref name="declaredMediaType"/> is the Content-Type of the request (parameters are dropped) or
    /// ECR's imageManifestMediaType; null or empty when the client gave none: then the body's <c>mediaType</c> counts, then
    /// the structure. Never throws for any input.
    /// </summary>
    /// <returns>
    /// The document, or <see cref="ErrorCode.ManifestTooLarge"/> beyond <see cref="MaxBytes"/>, or
    /// <see cref="ErrorCode.ManifestInvalid"/> with a message that names the offending member.
    /// </returns>
    public static Outcome<ManifestDocument> Parse(ReadOnlyMemory<byte> bytes, string? declaredMediaType) =>
        ManifestParser.Parse(bytes, declaredMediaType);
}
