using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oci;

/// <summary>Bytes with their digest and the media type a descriptor names for them.</summary>
public sealed record TestBlob(string MediaType, byte[] Content, string Digest)
{
    /// <summary>Computes the digest of <paramref name="content"/>.</summary>
    public static TestBlob Of(byte[] content, string mediaType = OciMediaTypes.OctetStream, DigestAlgorithm algorithm = DigestAlgorithm.Sha256) =>
        new(mediaType, content, algorithm.Compute(content));

    /// <summary>Random bytes, the same for the same seed and size.</summary>
    public static TestBlob Random(int seed, int size, string mediaType = OciMediaTypes.OctetStream, DigestAlgorithm algorithm = DigestAlgorithm.Sha256)
    {
        var content = new byte[size];
        new Random(seed).NextBytes(content);
        return Of(content, mediaType, algorithm);
    }

    /// <summary>The descriptor that refers to this blob.</summary>
    /// <param name="withData">Adds the content itself as the descriptor's <c>data</c>.</param>
    public JsonObject Descriptor(bool withData = false)
    {
        var descriptor = new JsonObject { ["mediaType"] = MediaType, ["digest"] = Digest, ["size"] = Content.Length };
        if (withData)
            descriptor["data"] = Convert.ToBase64String(Content);
        return descriptor;
    }
}
