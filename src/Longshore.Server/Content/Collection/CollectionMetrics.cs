using System.Diagnostics.Metrics;

namespace Longshore.Server.Content.Collection;

/// <summary>What collection does, as metrics of the meter <c>Longshore.Collection</c>.</summary>
internal sealed class CollectionMetrics : IDisposable
{
    private readonly Meter meter = new("Longshore.Collection");
    private readonly Counter<long> links;
    private readonly Counter<long> condemned;
    private readonly Counter<long> bodies;
    private readonly Counter<long> bytes;
    private readonly Counter<long> orphans;
    private readonly Counter<long> orphanBytes;
    private readonly Counter<long> looked;

    public CollectionMetrics()
    {
        links = meter.CreateCounter<long>("longshore.collection.links.ended", "{link}", "Links that no image backs and whose lease was over.");
        condemned = meter.CreateCounter<long>("longshore.collection.condemned", "{body}", "Bodies that nothing references any more.");
        bodies = meter.CreateCounter<long>("longshore.collection.freed", "{body}", "Bodies removed after the grace period.");
        bytes = meter.CreateCounter<long>("longshore.collection.freed.bytes", "By", "Bytes of the bodies removed after the grace period.");
        orphans = meter.CreateCounter<long>("longshore.collection.orphans", "{body}", "Bodies without a row that were removed.");
        orphanBytes = meter.CreateCounter<long>("longshore.collection.orphans.bytes", "By", "Bytes of the bodies without a row that were removed.");
        looked = meter.CreateCounter<long>("longshore.collection.looked", "{item}", "Bodies, links and rows that scrub and sweep looked at.");
    }

    /// <summary>Counts what a step did.</summary>
    public void Add(CollectionCounts step)
    {
        links.Add(step.LinksEnded);
        condemned.Add(step.Condemned);
        bodies.Add(step.FreedBodies);
        bytes.Add(step.FreedBytes);
        orphans.Add(step.OrphansRemoved);
        orphanBytes.Add(step.OrphanBytes);
        looked.Add(step.Looked);
    }

    public void Dispose() => meter.Dispose();
}
