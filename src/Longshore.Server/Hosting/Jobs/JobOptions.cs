namespace Longshore.Server.Hosting.Jobs;

/// <summary>How jobs are run. The defaults are for production; tests shorten them.</summary>
internal sealed class JobOptions
{
    /// <summary>
    /// How long a run may go without renewing its lease before it must stop. Renewed three times as often; another server takes over when
    /// it has seen no renewal for one and a half times as long. Default 30 seconds.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the table is looked at for jobs that other servers triggered or that have become due. Default 1 second.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The wait after a first failure; it doubles with each further one. Default 5 seconds.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest wait after failures. Default 1 hour.</summary>
    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Whether no other server can use this database, as with the embedded one: leases found at start are then those of a
    /// process that died, and end at once.
    /// </summary>
    public bool SoleServer { get; init; }

    /// <summary>Space that is given up when a job finds no room to write, or null.</summary>
    public SpaceReserve? Reserve { get; init; }
}
