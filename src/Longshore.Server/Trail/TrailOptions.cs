namespace Longshore.Server.Trail;

/// <summary>Where the trail is kept, and for how long.</summary>
internal sealed class TrailOptions
{
    /// <summary>Set to <c>off</c> by bench/ alone, to measure what recording costs; the server says so in its log.</summary>
    public const string BenchVariable = "LONGSHORE_BENCH_TRAIL";

    /// <summary>The directory of the segments.</summary>
    public required string Directory { get; init; }

    /// <summary>Whole segments whose last record is older are removed. Default 90 days.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Oldest segments are removed beyond this many bytes on disk; 0: no bound.</summary>
    public long MaxSize { get; init; }

    /// <summary>Bytes of a segment, where the disk has room for it. 128 KiB to 64 MiB.</summary>
    public int SegmentSize { get; init; } = 16 << 20;

    /// <summary>A segment with records is sealed when it is this old, full or not.</summary>
    public TimeSpan SegmentAge { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Whether calls are recorded. False only where bench/ measures what recording costs.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Account and region of calls that name none.</summary>
    public required Core.RegistryId DefaultRegistry { get; init; }
}
