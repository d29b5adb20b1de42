using System.Globalization;
using System.Text;
using Longshore.Core.Oci;
using static Longshore.Core.Tests.Oci.ManifestSamples;

namespace Longshore.Core.Tests.Oci;

public sealed class ManifestDocumentTests
{
    [Fact]
    public void An_image_manifest_gives_all_its_members()
    {
        var image = Accept(Image, MediaTypes.OciManifest + "; charset=utf-8");
        Assert.Equal(ManifestKind.ImageManifest, image.Kind);
        Assert.Equal(MediaTypes.OciManifest, image.MediaType);
        Assert.Equal("application/vnd.example+type", image.DeclaredArtifactType);
        Assert.Equal(image.DeclaredArtifactType, image.ArtifactType);
        Assert.Equal(MediaTypes.OciConfig, image.ConfigMediaType);
        Assert.Equal((A, 10L), (image.Config!.Digest.Value, image.Config.Size));
        Assert.Equal([B, C], image.Layers.Select(l => l.Digest.Value));
        Assert.Equal([false, true], image.Layers.Select(l => l.IsForeign));
        Assert.Equal([A, B, C], image.BlobReferences.Select(l => l.Digest.Value));
        Assert.Equal((C, 5L), (image.Subject!.Digest.Value, image.Subject.Size));
        Assert.Equal("välue", image.Annotations["org.example.key"]);
        Assert.Equal(2, image.Annotations.Count);
        Assert.Empty(image.Children);
        Assert.Equal(110, image.ImageSize);
    }

    [Theory]
    [InlineData(null, MediaTypes.OciManifest)]
    [InlineData("", MediaTypes.OciManifest)]
    [InlineData(MediaTypes.OciManifest, MediaTypes.OciManifest)]
    [InlineData("Application/VND.oci.image.manifest.v1+JSON", MediaTypes.OciManifest)]
    [InlineData(MediaTypes.DockerManifest, MediaTypes.DockerManifest)]
    public void Without_a_media_type_in_the_body_the_declared_or_the_structure_counts(string? declared, string expected)
    {
        var image = Accept(ImageWith("[]"), declared);
        Assert.Equal((ManifestKind.ImageManifest, expected), (image.Kind, image.MediaType));
        Assert.Null(image.DeclaredArtifactType);
        Assert.Equal(MediaTypes.OciConfig, image.ArtifactType);
    }

    [Fact]
    public void An_index_lists_each_child_once_and_has_no_artifact_type_of_its_own()
    {
        var index = Accept(ImageIndex);
        Assert.Equal((ManifestKind.Index, MediaTypes.OciIndex), (index.Kind, index.MediaType));
        Assert.Equal([A, B], index.Children.Select(c => c.Digest.Value));
        Assert.Null(index.ArtifactType);
        Assert.Empty(index.BlobReferences);
        Assert.Equal(0, index.ImageSize);

        var child = Descriptor(A, 1, MediaTypes.OciManifest);
        Assert.Single(Accept($$"""{"schemaVersion": 2, "manifests": [{{child}}, {{child}}]}""").Children);
        Assert.Empty(Accept("""{"schemaVersion": 2, "manifests": null}""", MediaTypes.DockerManifestList).Children);
    }

    [Fact]
    public void The_artifact_manifest_of_the_release_candidates_keeps_its_blobs()
    {
        var artifact = Accept(
            $$"""{"mediaType": "{{MediaTypes.OciArtifactManifest}}", "artifactType": "a/b", "blobs": [{{Descriptor(B, 3)}}]}""");
        Assert.Equal(ManifestKind.ImageManifest, artifact.Kind);
        Assert.Null(artifact.Config);
        Assert.Equal("a/b", artifact.ArtifactType);
        Assert.Equal(B, Assert.Single(artifact.BlobReferences).Digest.Value);
        Assert.Equal(3, artifact.ImageSize);
    }

    [Fact]
    public void An_unknown_media_type_is_stored_as_it_is_and_only_its_subject_counts()
    {
        var other = Accept(Other, "application/vnd.example.thing+json");
        Assert.Equal((ManifestKind.Other, "application/vnd.example.thing+json"), (other.Kind, other.MediaType));
        Assert.Equal(A, other.Subject!.Digest.Value);
        Assert.Equal("v", other.Annotations["k"]);
        Assert.Empty(other.BlobReferences);
        Assert.Null(other.ArtifactType);

        Accept("""{"annotations": 5, "artifactType": {}, "schemaVersion": 7}""", "application/vnd.example.thing+json");
        Refuse("""{"subject": "sha256:abc"}""", "subject is not an object", "application/vnd.example.thing+json");
    }

    [Theory]
    [InlineData("{}", null, "says what it is")]
    [InlineData("{}", "not a type", "request's media type is malformed")]
    [InlineData("{}", "application/json", "not the media type of a manifest format")]
    [InlineData("""{"mediaType": "a b"}""", null, "its mediaType is not a media type")]
    [InlineData("""{"mediaType": 5}""", "a/b", "its mediaType is not a media type")]
    [InlineData("""{"mediaType": "a/b"}""", "a/c", "'a/c' and its own mediaType is 'a/b'")]
    [InlineData("""{"schemaVersion": 1, "fsLayers": []}""", null, "schema 1")]
    [InlineData("""{"schemaVersion": 1}""", MediaTypes.DockerSchema1, "schema 1")]
    [InlineData("""{"schemaVersion": 1}""", "application/vnd.docker.distribution.manifest.v1+prettyjws; x=y", "schema 1")]
    [InlineData("""{"schemaVersion": 1, "manifests": []}""", null, "schemaVersion is not 2")]
    [InlineData("""{"schemaVersion": "2", "manifests": []}""", null, "schemaVersion is not 2")]
    [InlineData("""{"schemaVersion": 2.5, "manifests": []}""", null, "schemaVersion is not 2")]
    [InlineData("""{"manifests": []}""", null, "schemaVersion is not 2")]
    [InlineData("""{"schemaVersion": 2, "manifests": {}}""", null, "manifests is not a list")]
    [InlineData("""{"schemaVersion": 2, "manifests": [[]]}""", null, "manifests[0] is not an object")]
    [InlineData("""{"schemaVersion": 2, "layers": []}""", MediaTypes.OciManifest, "it has no config")]
    [InlineData("""{"schemaVersion": 2}""", MediaTypes.OciIndex, "it has no manifests")]
    public void Unclear_or_wrong_documents_are_refused(string json, string? declared, string reason) => Refuse(json, reason, declared);

    [Theory]
    [InlineData(", \"manifests\": []")]
    [InlineData(", \"fsLayers\": []")]
    public void A_document_that_is_image_and_something_else_is_refused(string more) =>
        Refuse(ImageWith("[]", more), "has no place in a", MediaTypes.OciManifest);

    [Theory]
    [InlineData("\"layers\": []")]
    [InlineData("\"config\": {}")]
    [InlineData("\"fsLayers\": []")]
    public void A_document_that_is_index_and_something_else_is_refused(string member)
    {
        Refuse($$"""{"schemaVersion": 2, "manifests": [], {{member}}}""", "has no place in a");
        Refuse($$"""{"schemaVersion": 2, "manifests": [], {{member}}}""", "has no place in a", MediaTypes.DockerManifestList);
    }

    [Theory]
    [InlineData("Layers")]
    [InlineData("MANIFESTS")]
    [InlineData("layer\u017f")]
    [InlineData("\\u004danifests")]
    public void A_member_that_only_readers_ignoring_case_know_is_refused(string name)
    {
        Refuse(ImageWith("[]", $$""", "{{name}}": []"""), "only in case");
        Refuse($$"""{"schemaVersion": 2, "manifests": [{"Digest": "{{B}}", {{Descriptor(A, 1)[1..]}}]}""", "'Digest' differs");
    }

    [Fact]
    public void Null_stands_for_an_absent_optional_member()
    {
        var image = Accept(ImageWith(
            "null", """, "mediaType": null, "annotations": null, "subject": null, "artifactType": null, "manifests": null"""), MediaTypes.OciManifest);
        Assert.Empty(image.Layers);
        Assert.Null(image.Subject);
        Assert.Empty(image.Annotations);
        Assert.Null(Accept(ImageWith("[]", ", \"artifactType\": \"\"")).DeclaredArtifactType);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("1e999999999")]
    [InlineData("\"5\"")]
    [InlineData("null")]
    [InlineData("true")]
    public void Only_whole_sizes_of_63_bits_are_taken(string size) =>
        Refuse(ImageWith($$"""[{"mediaType": "a/b", "digest": "{{B}}", "size": {{size}}}]"""), "layers[0].size");

    [Theory]
    [InlineData("""{"digest": "D", "size": 1}""", "layers[0].mediaType")]
    [InlineData("""{"mediaType": "", "digest": "D", "size": 1}""", "layers[0].mediaType")]
    [InlineData("""{"mediaType": "a/b", "size": 1}""", "layers[0].digest is missing")]
    [InlineData("""{"mediaType": "a/b", "digest": 5, "size": 1}""", "layers[0].digest is missing")]
    [InlineData("""{"mediaType": "a/b", "digest": "md5:d41d8cd98f00b204e9800998ecf8427e", "size": 1}""", "sha256 or sha512")]
    [InlineData("""{"mediaType": "a/b", "digest": "sha256:abc", "size": 1}""", "sha256 or sha512")]
    [InlineData("""{"mediaType": "a/b", "digest": "D"}""", "layers[0].size")]
    [InlineData("""{"mediaType": "a/b", "digest": "D", "size": 1, "urls": "x"}""", "layers[0].urls")]
    [InlineData("""{"mediaType": "a/b", "digest": "D", "size": 1, "urls": [1]}""", "layers[0].urls")]
    [InlineData("null", "layers[0] is not an object")]
    public void Malformed_descriptors_are_refused_by_place(string descriptor, string reason) =>
        Refuse(ImageWith($"[{descriptor.Replace("\"D\"", $"\"{B}\"", StringComparison.Ordinal)}]"), reason);

    [Fact]
    public void A_digest_with_two_sizes_is_refused()
    {
        Refuse(ImageWith($"[{Descriptor(B, 1)}, {Descriptor(B, 2)}]"), "two sizes");
        Refuse(ImageWith($"[{Descriptor(A, 11)}]"), "two sizes");
        Refuse($$"""{"schemaVersion": 2, "manifests": [{{Descriptor(A, 1)}}, {{Descriptor(A, 2)}}]}""", "two sizes");
    }

    [Fact]
    public void A_layer_listed_twice_counts_once()
    {
        var image = Accept(ImageWith($"[{Descriptor(B, 100)}, {Descriptor(B, 100)}, {Descriptor(A, 10)}]"));
        Assert.Equal(3, image.Layers.Count);
        Assert.Equal([A, B], image.BlobReferences.Select(b => b.Digest.Value));
        Assert.Equal(110, image.ImageSize);
    }

    [Fact]
    public void Sizes_that_add_up_beyond_63_bits_are_refused() =>
        Refuse(ImageWith($"[{Descriptor(B, long.MaxValue)}]"), "beyond 63 bits");

    [Theory]
    [InlineData(MediaTypes.DockerForeignLayer, "[\"https://example.com\"]", true)]
    [InlineData("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "[\"https://example.com\"]", true)]
    [InlineData(MediaTypes.DockerForeignLayer, "[]", false)]
    [InlineData(MediaTypes.DockerForeignLayer, "null", false)]
    [InlineData(Layer, "[\"https://example.com\"]", false)]
    public void A_layer_is_foreign_by_type_and_url_together(string mediaType, string urls, bool foreign)
    {
        var json = $$"""[{"mediaType": "{{mediaType}}", "digest": "{{B}}", "size": 9, "urls": {{urls}}}]""";
        var image = Accept(ImageWith(json));
        Assert.Equal(foreign, Assert.Single(image.Layers).IsForeign);
        Assert.Equal(foreign ? 10 : 19, image.ImageSize);

        // The same blob as an ordinary layer as well must be there.
        image = Accept(ImageWith($"{json[..^1]}, {Descriptor(B, 9)}]"));
        Assert.DoesNotContain(image.BlobReferences, b => b.IsForeign);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("\"x\"")]
    [InlineData("{\"k\": 1}")]
    [InlineData("{\"k\": null}")]
    [InlineData("{\"k\": {}}")]
    public void Annotations_that_are_not_text_are_refused(string annotations) =>
        Refuse(ImageWith("[]", $", \"annotations\": {annotations}"), "annotations");

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{} {}")]
    [InlineData("{}x")]
    [InlineData("{\"a\": 1,}")]
    [InlineData("{\"a\": 1 /* why */}")]
    [InlineData("{'a': 1}")]
    [InlineData("{\"a\": NaN}")]
    [InlineData("{\"a\": \"\\ud800\"}")]
    [InlineData("{\"a\": \"\\udc00\\ud800\"}")]
    [InlineData("{\"\\ud800\": 1}")]
    [InlineData("\ufeff{}")]
    public void Anything_but_one_strict_json_object_is_refused(string json)
    {
        Refuse(json, "The manifest is refused", "a/b");
        Assert.DoesNotContain("\n", Parse(json, "a/b").Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Invalid_utf8_is_refused()
    {
        var bytes = Encoding.UTF8.GetBytes("""{"annotations": {"k": "v"}}""");
        bytes[^4] = 0xff;
        Assert.Contains("UTF-8", ManifestDocument.Parse(bytes, "a/b").Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_beyond_64_levels_is_refused()
    {
        // The outer object is one level.
        static string Nested(int depth) => $"{{\"x\": {new string('[', depth - 1)}{new string(']', depth - 1)}}}";
        Accept(Nested(64), "a/b");
        Refuse(Nested(65), "strict JSON", "a/b");
        Refuse(Nested(100_000), "strict JSON", "a/b");
    }

    [Fact]
    public void More_than_4_mib_is_too_large()
    {
        Accept("{}".PadRight(ManifestDocument.MaxBytes), "a/b");
        Assert.Equal(ErrorCode.ManifestTooLarge, Parse("{}".PadRight(ManifestDocument.MaxBytes + 1), "a/b").Error?.Code);
    }

    [Fact]
    public void More_than_10000_references_are_refused()
    {
        // Configuration and layers count together.
        var descriptors = Enumerable.Range(0, ManifestDocument.MaxReferences)
            .Select(i => Descriptor("sha256:" + i.ToString("x64", CultureInfo.InvariantCulture), i))
            .ToArray();
        var most = Accept(ImageWith($"[{string.Join(',', descriptors[1..])}]"));
        Assert.Equal(ManifestDocument.MaxReferences, most.BlobReferences.Count);
        Refuse(ImageWith($"[{string.Join(',', descriptors)}]"), "more than 10000 references");
    }

    [Fact]
    public void A_long_member_name_does_not_come_back_in_the_message()
    {
        var name = new string('n', 100_000);
        Assert.InRange(Parse($$"""{"{{name}}": 1, "{{name}}": 2}""", "a/b").Error!.Message.Length, 1, 400);
    }
}
