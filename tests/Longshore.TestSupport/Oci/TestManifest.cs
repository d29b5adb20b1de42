using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oci;

/// <summary>A manifest or index with everything it refers to, so that it can be pushed whole.</summary>
/// <param name="MediaType">Content-Type it is pushed with.</param>
/// <param name="Digest">Digest of <paramref name="Content"/>.</param>
/// <param name="Blobs">Blobs that must be in the repository first.</param>
/// <param name="Children">Manifests that must be in the repository first; for an index.</param>
public sealed record TestManifest(
    string MediaType,
    byte[] Content,
    string Digest,
    IReadOnlyList<TestBlob> Blobs,
    IReadOnlyList<TestManifest> Children)
{
    /// <summary>This manifest's JSON, parsed anew on each call.</summary>
    public JsonObject Json => JsonNode.Parse(Content)!.AsObject();

    /// <summary>Digest of the subject, or null.</summary>
    public string? SubjectDigest => (string?)Json["subject"]?["digest"];

    /// <summary>Children first, this one last: the order in which to push.</summary>
    public IEnumerable<TestManifest> PushOrder => Children.SelectMany(child => child.PushOrder).Append(this);

    /// <summary>Serialises <paramref name="json"/> and computes its digest.</summary>
    public static TestManifest Of(
        JsonObject json,
        string mediaType,
        IReadOnlyList<TestBlob> blobs,
        IReadOnlyList<TestManifest>? children = null,
        DigestAlgorithm algorithm = DigestAlgorithm.Sha256)
    {
        var content = Encoding.UTF8.GetBytes(json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return new(mediaType, content, algorithm.Compute(content), blobs, children ?? []);
    }

    /// <summary>The descriptor that refers to this manifest, as an index entry or a subject.</summary>
    public JsonObject Descriptor() => new() { ["mediaType"] = MediaType, ["digest"] = Digest, ["size"] = Content.Length };
}
