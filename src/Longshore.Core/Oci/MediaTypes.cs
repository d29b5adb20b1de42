using System.Buffers;

namespace Longshore.Core.Oci;

/// <summary>Media types that the registry gives a meaning to, and the syntax of all others.</summary>
public static class MediaTypes
{
    /// <summary>OCI image manifest (image specification 1.1).</summary>
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";

    /// <summary>OCI image index (image specification 1.1).</summary>
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";

    /// <summary>OCI artifact manifest: only in release candidates of image specification 1.1, yet older ORAS pushes it.</summary>
    public const string OciArtifactManifest = "application/vnd.oci.artifact.manifest.v1+json";

    /// <summary>OCI image configuration.</summary>
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";

    /// <summary>The empty descriptor of OCI 1.1, whose content is <c>{}</c>.</summary>
    public const string OciEmpty = "application/vnd.oci.empty.v1+json";

    /// <summary>Docker image manifest, version 2, schema 2.</summary>
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>Docker manifest list.</summary>
    public const string DockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>Docker image configuration.</summary>
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";

    /// <summary>Docker schema 1, refused.</summary>
    public const string DockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";

    /// <summary>Docker schema 1 with signatures, refused.</summary>
    public const string DockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

    /// <summary>A Docker layer that clients fetch from somewhere else.</summary>
    public const string DockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

    /// <summary>Start of the OCI layer types that clients fetch from somewhere else.</summary>
    public const string OciNondistributableLayerPrefix = "application/vnd.oci.image.layer.nondistributable.";

    /// <summary>Longest type and longest subtype, in characters (RFC 6838, section 4.2).</summary>
    public const int MaxNameLength = 127;

    private static readonly SearchValues<char> RestrictedNameChars =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&-^_.+");

    /// <summary>
    /// Whether the text is a media type without parameters: two restricted names of at most 127 characters, joined by a
    /// slash (RFC 6838, section 4.2).
    /// </summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        var slash = text.IndexOf('/');
        return slash >= 0 && IsRestrictedName(text[..slash]) && IsRestrictedName(text[(slash + 1)..]);
    }

    /// <summary>A Content-Type value without its parameters and the spaces around it. Checks nothing.</summary>
    public static ReadOnlySpan<char> WithoutParameters(ReadOnlySpan<char> contentType)
    {
        var semicolon = contentType.IndexOf(';');
        return (semicolon < 0 ? contentType : contentType[..semicolon]).Trim(" \t");
    }

    /// <summary>Whether a layer of this type may live outside the registry.</summary>
    public static bool IsForeignLayer(string mediaType) =>
        mediaType == DockerForeignLayer || mediaType.StartsWith(OciNondistributableLayerPrefix, StringComparison.Ordinal);

    private static bool IsRestrictedName(ReadOnlySpan<char> name) =>
        name.Length is >= 1 and <= MaxNameLength && char.IsAsciiLetterOrDigit(name[0]) && !name.ContainsAnyExcept(RestrictedNameChars);
}
