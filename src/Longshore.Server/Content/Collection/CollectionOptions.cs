namespace Longshore.Server.Content.Collection;

/// <summary>How space is taken back. How long bodies stay: <see cref="ContentOptions"/>.</summary>
internal sealed class CollectionOptions
{
    /// <summary>Between two collections. Default 10 minutes; 1 second to 7 days.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two scrubs of the store for bodies that no row names. Default 1 day.</summary>
    public TimeSpan ScrubInterval { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Between two sweeps of the whole database for what no lease leads to. Default 7 days.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromDays(7);

    /// <summary>
    /// Bodies younger than this are no orphans, and orphans are looked at again only as long after the scrub found them: longer than any publish takes from
    /// rename to row. Default 1 hour; a publish that takes longer still fails, and loses nothing that was acknowledged.
    /// </summary>
    public TimeSpan OrphanAge { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Bodies removed a second, and a tenth of what is looked at. Default 1,000; 0: as fast as it goes.</summary>
    public long BodiesPerSecond { get; init; } = 1000;

    /// <summary>Bytes removed a second, for file systems that free extents slowly. Default 0: no limit.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>The file by which backups keep bodies from being unlinked (<see cref="BodyHold"/>); null: there are none.</summary>
    public string? HoldFile { get; init; }
}
