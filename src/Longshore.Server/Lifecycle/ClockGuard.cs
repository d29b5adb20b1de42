namespace Longshore.Server.Lifecycle;

/// <summary>
/// Tells whether the wall clock jumped since this process started: it is compared with the stopwatch, which does not. An age is counted by
/// the wall clock, so after a jump images look older than they are, and nothing may be removed by it.
/// </summary>
internal sealed class ClockGuard(TimeProvider time)
{
    /// <summary>A jump that is let pass: as much as a clock that is set right now and then needs.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(15);

    private readonly DateTimeOffset wallStart = time.GetUtcNow();
    private readonly long stopwatchStart = time.GetTimestamp();

    /// <summary>Null when the clock can be trusted, else what to tell.</summary>
    /// <param name="lastSeen">A moment known to be over, such as that of the last run.</param>
    public string? Distrust(DateTimeOffset? lastSeen)
    {
        var now = time.GetUtcNow();
        var jump = now - wallStart - time.GetElapsedTime(stopwatchStart);
        if (jump.Duration() > Tolerance)
            return $"the clock jumped {(jump > TimeSpan.Zero ? "forwards" : "backwards")} by {jump.Duration():d\\.hh\\:mm\\:ss} since the server started; set it right, or restart the server when it is right now";
        return lastSeen - now > Tolerance ? $"the clock says {now:u}, which is before the last run at {lastSeen:u}" : null;
    }
}
