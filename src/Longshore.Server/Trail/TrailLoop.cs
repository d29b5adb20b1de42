namespace Longshore.Server.Trail;

/// <summary>What is done beside the writer: whenever it is woken, and once a second without that, until it is stopped.</summary>
internal abstract class TrailLoop : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim wake = new(0);
    private readonly CancellationTokenSource stop = new();
    private Task? loop;

    /// <summary>Begins.</summary>
    public void Start() => loop = Task.Run(RunAsync);

    /// <summary>Ends after the step that runs.</summary>
    public async Task StopAsync()
    {
        await stop.CancelAsync();
        if (loop is not null) await loop;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Dispose();
        wake.Dispose();
    }

    /// <summary>Looks for work at once.</summary>
    public void Wake() => wake.Release();

    /// <summary>One look for work. Throws nothing but that it was stopped.</summary>
    /// <param name="stopping">Cancelled when the loop is to end.</param>
    protected abstract ValueTask StepAsync(CancellationToken stopping);

    private async Task RunAsync()
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                await StepAsync(stop.Token);
                await wake.WaitAsync(Interval, stop.Token);
                while (wake.CurrentCount > 0) await wake.WaitAsync(stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped.
        }
    }
}
