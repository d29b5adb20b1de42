namespace Longshore.Server.Tests.Content;

/// <summary>A clock that moves when told. It has no timers of its own.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private long ticks = DateTimeOffset.UnixEpoch.AddYears(56).UtcTicks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public void Step(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
}
