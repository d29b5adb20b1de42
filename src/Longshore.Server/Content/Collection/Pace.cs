namespace Longshore.Server.Content.Collection;

/// <summary>Keeps a run to so many bodies and bytes a second, on the average since it began. 0: no limit.</summary>
internal sealed class Pace(TimeProvider time, long bodiesPerSecond, long bytesPerSecond)
{
    private readonly long begun = time.GetTimestamp();
    private long bodies;
    private long bytes;

    /// <summary>Counts work that was done and waits until the average is kept again.</summary>
    public async ValueTask KeepAsync(long bodiesDone, long bytesDone, CancellationToken cancellationToken)
    {
        bodies += bodiesDone;
        bytes += bytesDone;
        var due = TimeSpan.FromSeconds(Math.Max(
            bodiesPerSecond > 0 ? (double)bodies / bodiesPerSecond : 0,
            bytesPerSecond > 0 ? (double)bytes / bytesPerSecond : 0));
        var ahead = due - time.GetElapsedTime(begun);
        if (ahead > TimeSpan.FromMilliseconds(1)) await Task.Delay(ahead, time, cancellationToken);
    }
}
