namespace Longshore.Server.Trail;

/// <summary>Where the trail is kept, and for how long.</summary>
internal sealed class TrailOptions
{
    /// <summary>Set to <c>off</c> by bench/ alone, to measure what recording costs; the server says so in its log.</summary>
    public const string BenchVariable = "LONGSHORE_BENCH_TRAIL";

    /// <summary>The row of <c>settings</c> with the last seal of the embedded database's one server.</summary>
    public const string DefaultHeadSetting = "trail.head";

    /// <summary>The name of the row of a server's last seal.</summary>
    /// <param name="serverId">Of a server that shares its database; null for the one server of an embedded one.</param>
    public static string HeadSettingOf(string? serverId) => serverId is null ? DefaultHeadSetting : DefaultHeadSetting + "." + serverId;

    /// <summary>The name of the row beside it, with the number of the segment that is written.</summary>
    public static string BegunSettingOf(string headSetting) => "trail.begun" + headSetting[DefaultHeadSetting.Length..];

    /// <summary>The directory of the segments.</summary>
    public required string Directory { get; init; }

    /// <summary>
    /// The row of <c>settings</c> with the last seal. Each directory has its own: where servers share a database, the server's id is part of it.
    /// </summary>
    public string HeadSetting { get; init; } = DefaultHeadSetting;

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
