namespace Longshore.Server.Hosting.Jobs;

/// <summary>Spreads times, so that servers and jobs do not move in step. The source of chance comes from outside.</summary>
internal sealed class Jitter(Random random)
{
    private readonly Lock gate = new();

    /// <summary>A time from half of this one up to this one.</summary>
    public TimeSpan Below(TimeSpan time) => time * (0.5 + (0.5 * Next()));

    /// <summary>A time from zero up to this one.</summary>
    public TimeSpan Within(TimeSpan time) => time * Next();

    private double Next()
    {
        // Random itself is not safe for several threads.
        lock (gate) return random.NextDouble();
    }
}
