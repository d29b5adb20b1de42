using System.Text.Json;

namespace Longshore.Core.Oci;

/// <summary>
/// Reads one manifest, in three steps: (1) strict JSON, (2) which media type it is, (3) the members of that type. A failed
/// check notes its message in <see cref="problem"/> and returns false or null, so the first problem ends the reading.
/// </summary>
internal sealed class ManifestParser
{
    private static readonly string[] ManifestMembers =
    [
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "fsLayers", "subject", "annotations",
    ];

    private static readonly string[] DescriptorMembers = ["mediaType", "digest", "size", "urls"];

    // Types that say "JSON" or "bytes" or are what a tool sends when nobody chose. Storing a manifest under one of them
    // would hide its references from collection.
    private static readonly string[] GenericTypes =
        ["application/json", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain", "text/json"];

    private static readonly (string MediaType, ManifestKind Kind)[] KnownTypes =
    [
        (MediaTypes.OciManifest, ManifestKind.ImageManifest),
        (MediaTypes.DockerManifest, ManifestKind.ImageManifest),
        (MediaTypes.OciIndex, ManifestKind.Index),
        (MediaTypes.DockerManifestList, ManifestKind.Index),
        (MediaTypes.OciArtifactManifest, ManifestKind.ImageManifest),
    ];

    private readonly JsonElement root;
    private string? problem;
    private int references;

    private ManifestParser(JsonElement root) => this.root = root;

    /// <inheritdoc cref="ManifestDocument.Parse"/>
    public static Outcome<ManifestDocument> Parse(ReadOnlyMemory<byte> bytes, string? declaredMediaType)
    {
        if (bytes.Length > ManifestDocument.MaxBytes)
        {
            return new RegistryError(
                ErrorCode.ManifestTooLarge, $"The manifest has {bytes.Length} bytes; at most {ManifestDocument.MaxBytes} (4 MiB) are taken.");
        }

        if (!ManifestJson.TryParse(bytes, out var json, out var jsonProblem)) return Invalid(jsonProblem);
        using (json)
        {
            var parser = new ManifestParser(json.RootElement);
            return parser.Read(declaredMediaType) is { } document ? document : Invalid(parser.problem ?? "it cannot be read");
        }
    }

    private static RegistryError Invalid(string problem) => new(ErrorCode.ManifestInvalid, $"The manifest is refused: {problem}.");

    private ManifestDocument? Read(string? declaredMediaType)
    {
        if (ResolveMediaType(declaredMediaType) is not { } mediaType) return null;
        foreach (var (known, kind) in KnownTypes)
            if (known == mediaType) return ReadKnown(known, kind);
        return ReadOther(mediaType);
    }

    /// <summary>The media type that the manifest is stored under. The request, the body and the structure must not disagree.</summary>
    private string? ResolveMediaType(string? declaredMediaType)
    {
        var declared = MediaTypes.WithoutParameters(declaredMediaType).ToString();
        if (declared.Length > 0)
        {
            if (!MediaTypes.IsWellFormed(declared)) return Fail<string>("the request's media type is malformed");
            declared = Canonical(declared);
        }

        string? inBody = null;
        if (ManifestJson.TryGet(root, "mediaType", out var member))
        {
            inBody = member.ValueKind == JsonValueKind.String ? member.GetString() : null;
            if (inBody is null || !MediaTypes.IsWellFormed(inBody)) return Fail<string>("its mediaType is not a media type");
        }

        if (declared.Length > 0 && inBody is not null && declared != inBody)
            return Fail<string>($"the request's media type is '{declared}' and its own mediaType is '{inBody}'");

        var mediaType = declared.Length > 0 ? declared : inBody ?? Infer();
        if (mediaType is null) return Fail<string>("neither the request nor its mediaType member nor its structure says what it is");
        if (mediaType is MediaTypes.DockerSchema1 or MediaTypes.DockerSchema1Signed)
            return Fail<string>("Docker image manifests of schema 1 are not supported; push the image with a client that writes schema 2 or OCI");
        if (Array.Exists(GenericTypes, t => t.Equals(mediaType, StringComparison.OrdinalIgnoreCase)))
            return Fail<string>($"'{mediaType}' is not the media type of a manifest format; send one, such as '{MediaTypes.OciManifest}'");
        return mediaType;
    }

    /// <summary>Media types ignore case (RFC 6838, section 4.2); those that mean something to us get their own spelling.</summary>
    private static string Canonical(string mediaType)
    {
        foreach (var (known, _) in KnownTypes)
            if (known.Equals(mediaType, StringComparison.OrdinalIgnoreCase)) return known;
        if (MediaTypes.DockerSchema1.Equals(mediaType, StringComparison.OrdinalIgnoreCase)) return MediaTypes.DockerSchema1;
        return MediaTypes.DockerSchema1Signed.Equals(mediaType, StringComparison.OrdinalIgnoreCase) ? MediaTypes.DockerSchema1Signed : mediaType;
    }

    private string? Infer()
    {
        if (root.TryGetProperty("manifests", out _)) return MediaTypes.OciIndex;
        if (root.TryGetProperty("config", out _) && root.TryGetProperty("layers", out _)) return MediaTypes.OciManifest;
        return root.TryGetProperty("fsLayers", out _) ? MediaTypes.DockerSchema1 : null;
    }

    private ManifestDocument? ReadOther(string mediaType)
    {
        var subject = ReadOptionalDescriptor("subject");
        if (problem is not null) return null;
        return new ManifestDocument
        {
            Kind = ManifestKind.Other,
            MediaType = mediaType,
            Subject = subject,
            DeclaredArtifactType = TryReadArtifactType(out var artifactType) ? artifactType : null,
            Annotations = ReadAnnotations() ?? ManifestDocument.EmptyAnnotations,
        };
    }

    private ManifestDocument? ReadKnown(string mediaType, ManifestKind kind)
    {
        if (ManifestJson.FindCaseVariant(root, ManifestMembers) is { } variant)
            return Fail<ManifestDocument>($"its member '{variant}' differs from a known one only in case");

        // The OCI artifact manifest alone has no schemaVersion.
        var isArtifact = mediaType == MediaTypes.OciArtifactManifest;
        if (!isArtifact && !(root.TryGetProperty("schemaVersion", out var version)
                && version.ValueKind == JsonValueKind.Number && version.TryGetInt32(out var number) && number == 2))
            return Fail<ManifestDocument>("its schemaVersion is not 2");

        // A document that is both an image and an index is read as the one here and as the other there (CVE-2021-41190).
        ReadOnlySpan<string> foreign = kind == ManifestKind.Index ? ["config", "layers", "fsLayers"]
            : isArtifact ? ["config", "layers", "manifests", "fsLayers"] : ["manifests", "fsLayers"];
        foreach (var name in foreign)
            if (ManifestJson.TryGet(root, name, out _)) return Fail<ManifestDocument>($"its member '{name}' has no place in a '{mediaType}'");

        if (!TryReadArtifactType(out var artifactType) || ReadAnnotations() is not { } annotations) return null;
        var subject = ReadOptionalDescriptor("subject");
        if (problem is not null) return null;

        var document = new ManifestDocument
        {
            Kind = kind,
            MediaType = mediaType,
            DeclaredArtifactType = artifactType,
            Annotations = annotations,
            Subject = subject,
        };
        return kind == ManifestKind.Index ? ReadIndex(document) : ReadImage(document, isArtifact);
    }

    private ManifestDocument? ReadIndex(ManifestDocument document) =>
        ReadDescriptors("manifests", required: true) is { } listed && Distinct(listed) is { } children
            ? document with { Children = children }
            : null;

    private ManifestDocument? ReadImage(ManifestDocument document, bool isArtifact)
    {
        Descriptor? config = null;
        if (!isArtifact)
        {
            config = ReadOptionalDescriptor("config");
            if (config is null) return Fail<ManifestDocument>("it has no config");
        }

        if (ReadDescriptors(isArtifact ? "blobs" : "layers", required: !isArtifact) is not { } layers) return null;
        if (Distinct(config is null ? layers : [config, .. layers]) is not { } blobs) return null;

        var size = 0L;
        foreach (var blob in blobs)
        {
            if (blob.IsForeign) continue;
            if (blob.Size > long.MaxValue - size) return Fail<ManifestDocument>("the sum of its sizes is beyond 63 bits");
            size += blob.Size;
        }

        return document with { Config = config, Layers = layers, BlobReferences = blobs, ImageSize = size };
    }

    /// <summary>Each digest once, in order of first mention; null when one digest comes with two sizes.</summary>
    private List<Descriptor>? Distinct(List<Descriptor> listed)
    {
        var distinct = new List<Descriptor>(listed.Count);
        var places = new Dictionary<Digest, int>(listed.Count);
        foreach (var descriptor in listed)
        {
            if (places.TryAdd(descriptor.Digest, distinct.Count))
            {
                distinct.Add(descriptor);
                continue;
            }

            var place = places[descriptor.Digest];
            if (distinct[place].Size != descriptor.Size) return Fail<List<Descriptor>>($"it gives {descriptor.Digest} two sizes");
            if (!descriptor.IsForeign) distinct[place] = distinct[place] with { IsForeign = false };
        }

        return distinct;
    }

    private List<Descriptor>? ReadDescriptors(string name, bool required)
    {
        if (!root.TryGetProperty(name, out var list))
            return required ? Fail<List<Descriptor>>($"it has no {name}") : [];
        if (list.ValueKind == JsonValueKind.Null) return [];
        if (list.ValueKind != JsonValueKind.Array) return Fail<List<Descriptor>>($"its {name} is not a list");
        if (list.GetArrayLength() > ManifestDocument.MaxReferences)
            return Fail<List<Descriptor>>($"it has more than {ManifestDocument.MaxReferences} references");
        var descriptors = new List<Descriptor>(list.GetArrayLength());
        foreach (var element in list.EnumerateArray())
        {
            if (ReadDescriptor(element, $"{name}[{descriptors.Count}]") is not { } descriptor) return null;
            descriptors.Add(descriptor);
        }

        return descriptors;
    }

    /// <summary>Null when there is none, and when it is malformed: then with a problem.</summary>
    private Descriptor? ReadOptionalDescriptor(string name) =>
        ManifestJson.TryGet(root, name, out var element) ? ReadDescriptor(element, name) : null;

    /// <summary>Reads a descriptor. Its <c>data</c>, <c>platform</c> and annotations are allowed and not looked at.</summary>
    private Descriptor? ReadDescriptor(JsonElement element, string where)
    {
        if (++references > ManifestDocument.MaxReferences)
            return Fail<Descriptor>($"it has more than {ManifestDocument.MaxReferences} references");
        if (element.ValueKind != JsonValueKind.Object) return Fail<Descriptor>($"{where} is not an object");
        if (ManifestJson.FindCaseVariant(element, DescriptorMembers) is { } variant)
            return Fail<Descriptor>($"in {where}, member '{variant}' differs from a known one only in case");
        if (ReadString(element, "mediaType") is not { } mediaType || !MediaTypes.IsWellFormed(MediaTypes.WithoutParameters(mediaType)))
            return Fail<Descriptor>($"{where}.mediaType is not a media type");
        if (ReadString(element, "digest") is not { } digestText) return Fail<Descriptor>($"{where}.digest is missing");
        if (!Digest.TryParse(digestText, out var digest))
            return Fail<Descriptor>($"{where}.digest is not a sha256 or sha512 digest in lower-case hexadecimal, the algorithms this registry has");
        if (!element.TryGetProperty("size", out var sizeMember) || sizeMember.ValueKind != JsonValueKind.Number
            || !sizeMember.TryGetInt64(out var size) || size < 0)
            return Fail<Descriptor>($"{where}.size is not a whole number of bytes from 0 to {long.MaxValue}");
        if (!TryReadUrls(element, out var hasUrls)) return Fail<Descriptor>($"{where}.urls is not a list of strings");
        mediaType = MediaTypes.WithoutParameters(mediaType).ToString();
        return new Descriptor(mediaType, digest, size, hasUrls && MediaTypes.IsForeignLayer(mediaType));
    }

    private static bool TryReadUrls(JsonElement element, out bool hasUrls)
    {
        hasUrls = false;
        if (!ManifestJson.TryGet(element, "urls", out var urls)) return true;
        if (urls.ValueKind != JsonValueKind.Array) return false;
        foreach (var url in urls.EnumerateArray())
        {
            if (url.ValueKind != JsonValueKind.String) return false;
            hasUrls = true;
        }

        return true;
    }

    private bool TryReadArtifactType(out string? artifactType)
    {
        artifactType = null;
        if (!ManifestJson.TryGet(root, "artifactType", out var member)) return true;
        var text = member.ValueKind == JsonValueKind.String ? member.GetString() : null;
        if (text is "") return true;
        if (text is null || !MediaTypes.IsWellFormed(text)) return Fail<string>("its artifactType is not a media type") is not null;
        artifactType = text;
        return true;
    }

    private IReadOnlyDictionary<string, string>? ReadAnnotations()
    {
        if (!ManifestJson.TryGet(root, "annotations", out var member)) return ManifestDocument.EmptyAnnotations;
        if (member.ValueKind != JsonValueKind.Object) return Fail<IReadOnlyDictionary<string, string>>("its annotations are not an object");
        var annotations = new Dictionary<string, string>();
        foreach (var annotation in member.EnumerateObject())
        {
            if (annotation.Value.ValueKind != JsonValueKind.String)
                return Fail<IReadOnlyDictionary<string, string>>("its annotations are not all strings");
            annotations.Add(annotation.Name, annotation.Value.GetString()!);
        }

        return annotations;
    }

    private static string? ReadString(JsonElement element, string name) =>
        element.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    private T? Fail<T>(string message)
        where T : class
    {
        problem ??= message;
        return null;
    }
}
