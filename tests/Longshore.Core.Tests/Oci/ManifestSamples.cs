using System.Text;
using Longshore.Core.Oci;

namespace Longshore.Core.Tests.Oci;

/// <summary>Manifests to start from, and the shorthands to write more.</summary>
internal static class ManifestSamples
{
    public const string A = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    public const string B = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    public const string C = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
    public const string Layer = "application/vnd.oci.image.layer.v1.tar+gzip";

    /// <summary>An image that carries every optional member.</summary>
    public static string Image { get; } = $$"""
        {
          "schemaVersion": 2, "mediaType": "{{MediaTypes.OciManifest}}", "artifactType": "application/vnd.example+type",
          "config": {{Descriptor(A, 10, MediaTypes.OciConfig)}},
          "layers": [
            {"mediaType": "{{Layer}}", "digest": "{{B}}", "size": 100, "data": "aGk=", "annotations": {"title": "one"} },
            {"mediaType": "{{MediaTypes.DockerForeignLayer}}", "digest": "{{C}}", "size": 7, "urls": ["https://example.com/x"]}
          ],
          "subject": {{Descriptor(C, 5, MediaTypes.OciManifest)}},
          "annotations": {"org.example.key": "välue", "other": ""}
        }
        """;

    public static string ImageIndex { get; } = $$"""
        {
          "schemaVersion": 2, "mediaType": "{{MediaTypes.OciIndex}}",
          "manifests": [
            {"mediaType": "{{MediaTypes.OciManifest}}", "digest": "{{A}}", "size": 500, "platform": {"os": "linux", "architecture": "arm64"} },
            {"mediaType": "{{MediaTypes.OciManifest}}", "digest": "{{B}}", "size": 501, "platform": {"os": "linux", "architecture": "amd64"} }
          ]
        }
        """;

    public static string Other { get; } = $$"""
        {"subject": {{Descriptor(A, 5, MediaTypes.OciManifest)}}, "annotations": {"k": "v"}, "layers": [{"nested": [1, {"deep": null}]}]}
        """;

    public static string Descriptor(string digest, long size, string mediaType = Layer) =>
        $$"""{"mediaType": "{{mediaType}}", "digest": "{{digest}}", "size": {{size}}}""";

    /// <summary>An OCI image manifest with the given layers; <paramref name="more"/> starts with a comma.</summary>
    public static string ImageWith(string layers, string more = "") =>
        $$"""{"schemaVersion": 2, "config": {{Descriptor(A, 10, MediaTypes.OciConfig)}}, "layers": {{layers}}{{more}}}""";

    public static Outcome<ManifestDocument> Parse(string json, string? declared = null) =>
        ManifestDocument.Parse(Encoding.UTF8.GetBytes(json), declared);

    public static ManifestDocument Accept(string json, string? declared = null)
    {
        var outcome = Parse(json, declared);
        Assert.True(outcome.Succeeded, outcome.Error?.Message);
        return outcome.Value;
    }

    /// <summary>Asserts that the manifest is refused for the reason that the message names.</summary>
    public static void Refuse(string json, string reason, string? declared = null)
    {
        var error = Parse(json, declared).Error;
        Assert.NotNull(error);
        Assert.Equal(ErrorCode.ManifestInvalid, error.Code);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }
}
