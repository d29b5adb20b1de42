using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oci;

/// <summary>What <see cref="TestImage"/> makes. The same options make the same bytes.</summary>
public sealed record TestImageOptions
{
    /// <summary>Start of all chance in the image.</summary>
    public int Seed { get; init; }

    /// <summary>Bytes of random file content in each layer; the layer's blob is a little larger.</summary>
    public IReadOnlyList<int> LayerSizes { get; init; } = [1024, 2048];

    /// <summary>Docker schema 2 media types instead of OCI's.</summary>
    public bool Docker { get; init; }

    /// <summary>Gzip the layers' tar archives. Docker's are always compressed.</summary>
    public bool Compressed { get; init; } = true;

    public string Architecture { get; init; } = "amd64";

    public DigestAlgorithm Algorithm { get; init; }

    /// <summary>Top-level <c>artifactType</c>.</summary>
    public string? ArtifactType { get; init; }

    /// <summary>Manifest that this one refers to; it need not exist.</summary>
    public JsonObject? Subject { get; init; }

    /// <summary>Top-level annotations; left out when empty.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>Repeats the content in the descriptors' <c>data</c> fields.</summary>
    public bool DescriptorData { get; init; }

    /// <summary>Adds a field that no specification knows to config, manifest and descriptors.</summary>
    public bool UnknownFields { get; init; }
}
