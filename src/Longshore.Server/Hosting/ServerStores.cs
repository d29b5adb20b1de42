using Longshore.Server.Content.Stores;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>The store of bodies of a running server, and what watches that it is the one that the database belongs to.</summary>
internal sealed class ServerStores
{
    /// <summary>How long the start waits for a store that does not answer; the server starts without it, and is not ready.</summary>
    private static readonly TimeSpan StartWait = TimeSpan.FromSeconds(5);

    private readonly IReadOnlyList<StoreGuard> guards;
    private readonly TimeProvider time;
    private readonly ILogger<ServerStores> logger;

    /// <summary>Opens it.</summary>
    public ServerStores(ServeOptions options, IDatabase database, TimeProvider time, ILogger<ServerStores> logger)
    {
        (this.time, this.logger) = (time, logger);
        (Store, guards) = BlobStores.OpenGuarded(options, database, time, logger);
    }

    /// <summary>Both areas, guarded.</summary>
    public IBlobStore Store { get; }

    /// <summary>Whether a server may start on it: null, also when it does not answer yet; else why not.</summary>
    public async ValueTask<string?> FindFaultAsync(CancellationToken cancellationToken)
    {
        var wait = StartWait;
        foreach (var guard in guards)
        {
            try
            {
                if (await guard.CompareAsync(cancellationToken).WaitAsync(wait, time, cancellationToken) is { } fault) return fault;
            }
            catch (Exception e) when (e is IOException or TimeoutException)
            {
                // The other one is most likely in the same place.
                wait = TimeSpan.FromSeconds(1);
                logger.StoreUnknown(guard.Check.Store.Place, e.Message);
            }
        }

        return null;
    }

    /// <summary>Looks once more, whatever was found before.</summary>
    public async Task CompareAsync(CancellationToken cancellationToken)
    {
        foreach (var guard in guards)
        {
            try
            {
                await guard.CompareAsync(cancellationToken);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A store that does not answer is told by whoever wants something of it.
                logger.StoreNotCompared(e, guard.Check.Store.Place);
            }
        }
    }
}
