namespace Longshore.Server.Tests.Hosting.Jobs;

/// <summary>A wall clock and a stopwatch that move when told, each by itself. Its timers are real ones.</summary>
internal sealed class JobClock : TimeProvider
{
    private long wall = DateTimeOffset.UnixEpoch.AddYears(56).UtcTicks;
    private long stopwatch;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref wall), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref stopwatch);

    /// <summary>Time passes.</summary>
    public void Step(TimeSpan by)
    {
        Jump(by);
        Interlocked.Add(ref stopwatch, by.Ticks);
    }

    /// <summary>Somebody sets the wall clock.</summary>
    public void Jump(TimeSpan by) => Interlocked.Add(ref wall, by.Ticks);
}
