using System.Collections.Concurrent;

namespace Longshore.Server.Tests.Cluster;

/// <summary>An image whose push was acknowledged.</summary>
/// <param name="Repository">Where.</param>
/// <param name="Reference">By what it was pushed: a tag that never moves.</param>
/// <param name="Digest">Its manifest's digest.</param>
/// <param name="Blobs">Digests of config and layers.</param>
internal sealed record AcknowledgedImage(string Repository, string Reference, string Digest, IReadOnlyList<string> Blobs);

/// <summary>What was acknowledged, what went wrong, and how often what was done.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<string, long> counts = new(StringComparer.Ordinal);
    private readonly List<AcknowledgedImage> images = [];
    private readonly Lock gate = new();

    /// <summary>What must not happen, and did.</summary>
    public ConcurrentQueue<string> Failures { get; } = new();

    /// <summary>Images that are to be there for good.</summary>
    public IReadOnlyList<AcknowledgedImage> Images
    {
        get
        {
            lock (gate) return [.. images];
        }
    }

    /// <summary>Counts something.</summary>
    public void Count(string what, long by = 1) => counts.AddOrUpdate(what, by, (_, before) => before + by);

    /// <summary>How often something was counted.</summary>
    public long Of(string what) => counts.GetValueOrDefault(what);

    /// <summary>Notes an acknowledged push.</summary>
    public void Acknowledge(AcknowledgedImage image)
    {
        lock (gate) images.Add(image);
        Count("images acknowledged");
    }

    /// <summary>One of the acknowledged images, or null when there is none yet. The newest are asked for most.</summary>
    public AcknowledgedImage? Pick(Random random)
    {
        lock (gate)
        {
            if (images.Count == 0) return null;
            return random.Next(2) == 0 ? images[^random.Next(1, Math.Min(images.Count, 10) + 1)] : images[random.Next(images.Count)];
        }
    }

    /// <summary>All counts in a line.</summary>
    public override string ToString() => string.Join(", ", counts.OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => $"{pair.Value} {pair.Key}"));
}
