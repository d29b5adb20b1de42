namespace Longshore.Server.Hosting.Jobs;

/// <summary>
/// A service that keeps something in memory and writes it every so often, and once more when the server stops. What could not be written is logged, and never stops anything.
/// </summary>
/// <param name="interval">The time between two writes.</param>
/// <param name="time">The clock.</param>
internal abstract class PeriodicFlush(TimeSpan interval, TimeProvider time) : BackgroundService
{
    /// <summary>The clock.</summary>
    protected TimeProvider Time { get; } = time;

    /// <summary>Writes what was kept so far.</summary>
    public abstract Task FlushAsync(CancellationToken cancellationToken);

    /// <summary>Stops, and writes what was kept until then. Here and not at the end of the loop, which a stop right after the start never enters.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await FlushAsync(cancellationToken);
        }
        catch (Exception e)
        {
            // A full disk, or the stop's time is up: not worth a failed shutdown.
            NotKept(e);
        }
    }

    /// <summary>Tells that a write failed; what it was to write is tried again with the next one.</summary>
    protected abstract void NotKept(Exception failure);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await FlushAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    NotKept(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: StopAsync writes once more.
        }
    }
}
