namespace Longshore.Server.Commands.Importing;

/// <summary>Counts the bytes of all transfers, and keeps them together below a number of bytes a second.</summary>
/// <param name="bytesPerSecond">The bound; 0 for none.</param>
/// <param name="time">Measures and waits.</param>
internal sealed class Pacer(long bytesPerSecond, TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly long start = time.GetTimestamp();
    private double free;
    private long total;

    /// <summary>Bytes that came in so far.</summary>
    public long Total => Interlocked.Read(ref total);

    /// <summary>Waits for as long as these bytes take.</summary>
    public Task KeepAsync(long bytes, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref total, bytes);
        if (bytesPerSecond == 0) return Task.CompletedTask;
        double wait;
        lock (gate)
        {
            var now = time.GetElapsedTime(start).TotalSeconds;
            free = Math.Max(free, now) + ((double)bytes / bytesPerSecond);
            wait = free - now;
        }

        return wait < 0.01 ? Task.CompletedTask : Task.Delay(TimeSpan.FromSeconds(wait), time, cancellationToken);
    }
}
