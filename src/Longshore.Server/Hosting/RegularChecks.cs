namespace Longshore.Server.Hosting;

/// <summary>What a server looks at once a minute besides its work: that its store is still the one of its database, and that its clock agrees with the database's.</summary>
internal sealed class RegularChecks(ServerStores stores, DatabaseClock clock, TimeProvider time, ILogger<RegularChecks> logger) : BackgroundService
{
    /// <summary>Between two looks.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await RunAsync(stores.CompareAsync, stoppingToken);
                await RunAsync(clock.CompareAsync, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    private async Task RunAsync(Func<CancellationToken, Task> look, CancellationToken cancellationToken)
    {
        try
        {
            await look(cancellationToken);
        }
#pragma warning disable CA1031 // Whatever has come between, the next minute looks again: a look must never end the server.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            logger.LookFailed(e);
        }
    }
}
