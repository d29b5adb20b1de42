using Longshore.Storage.Blobs;

namespace Longshore.Server.Content.Stores;

/// <summary>
/// Knows whether the store is the database's. A store that does not answer when the server starts is asked again by whoever wants something of it, and one
/// that was right is looked at again now and then: a disk may be unmounted while the server runs. While it is not known to be right, nothing is read or
/// written there; it needs no restart when it is right again.
/// </summary>
internal sealed class StoreGuard(StoreCheck check, TimeProvider time, ILogger logger)
{
    /// <summary>How long one comparison may take.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>How long a store that was found to be another one is refused without a new look.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private Task<string?>? running;
    private string? fault;
    private long foundAt;
    private volatile bool known;

    /// <summary>Which store it is about.</summary>
    public StoreCheck Check => check;

    /// <summary>Whether the store may be used; the one question on hot paths.</summary>
    public bool IsKnown => known;

    /// <summary>Compares now, or waits for the comparison that runs.</summary>
    /// <returns>Null when the store is the database's; else why not.</returns>
    /// <exception cref="IOException">The store does not answer.</exception>
    public Task<string?> CompareAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (running is not { IsCompleted: false }) running = Task.Run(RunAsync, CancellationToken.None);
            return running.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Throws unless the store is known to be right, after another look.</summary>
    /// <exception cref="StorageUnavailableException">It is another one.</exception>
    public async ValueTask RequireAsync(CancellationToken cancellationToken)
    {
        if (known) return;
        string? found;
        lock (gate) found = fault is not null && time.GetElapsedTime(foundAt) < Pause ? fault : null;
        found ??= await CompareAsync(cancellationToken);
        if (found is not null) throw new StorageUnavailableException(found);
    }

    private async Task<string?> RunAsync()
    {
        using var limit = new CancellationTokenSource(Bound, time);
        string? found;
        try
        {
            found = await check.FindFaultAsync(adopt: true, limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new StorageUnavailableException($"{check.Store.Place} does not answer.");
        }

        lock (gate)
        {
            (var former, fault, foundAt) = (fault, found, time.GetTimestamp());
            if (found is not null && found != former) logger.StoreRefused(found);
            else if (found is null && former is not null) logger.StoreKnown(check.Store.Place);
            known = found is null;
        }

        return found;
    }
}
