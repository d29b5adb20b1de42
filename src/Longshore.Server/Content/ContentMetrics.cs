using System.Diagnostics.Metrics;

namespace Longshore.Server.Content;

/// <summary>Bytes of bodies that come and go, as metrics of the meter <c>Longshore.Content</c>; costs nothing while nobody listens.</summary>
internal static class ContentMetrics
{
    private static readonly Meter Meter = new("Longshore.Content");
    private static readonly Counter<long> SentBytes = Meter.CreateCounter<long>("longshore.blob.sent", "By", "Bytes of bodies sent to pulls.");
    private static readonly Counter<long> ReceivedBytes = Meter.CreateCounter<long>("longshore.blob.received", "By", "Bytes of bodies that pushes finished.");

    /// <summary>Counts bytes of a body sent.</summary>
    public static void Sent(long bytes) => SentBytes.Add(bytes);

    /// <summary>Counts the bytes of a body that was pushed whole.</summary>
    public static void Received(long bytes) => ReceivedBytes.Add(bytes);
}
