using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// Ends uploads that nobody went on with, and removes bodies of uploads that have no row (a crash between row and body).
/// Safe with several servers: ending is a conditional delete, and a body without a row is left alone until it is older
/// than any upload can be.
/// </summary>
internal sealed class UploadExpiryJob(IDatabase database, IBlobStore store, UploadClaims claims, TimeProvider time, ContentOptions options, ILogger<UploadExpiryJob> logger)
    : BackgroundService
{
    private const int Batch = 100;

    /// <summary>Runs once: ends what has expired. The number of uploads ended.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var ended = 0;
        while (true)
        {
            var now = time.GetUtcNow();
            var expired = await database.ReadAsync(session => UploadRows.ListExpiredAsync(session, now, Batch), cancellationToken);
            var progressed = false;
            foreach (var id in expired)
            {
                using var claim = claims.TryClaim(id);
                if (claim is null) continue; // Someone is writing to it at this moment: its row will move on.
                if (!await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.ExpireAsync(session, id, now), cancellationToken)) continue;
                claims.Forget(id);
                await store.DeleteUploadAsync(id, cancellationToken);
                ended++;
                progressed = true;
            }

            if (!progressed) break;
        }

        await foreach (var body in store.ListUploadsAsync(cancellationToken))
        {
            if (body.ModifiedAt > time.GetUtcNow() - options.UploadExpiry) continue;
            using var claim = claims.TryClaim(body.UploadKey);
            if (claim is null || await database.ReadAsync(session => UploadRows.ExistsAsync(session, body.UploadKey), cancellationToken)) continue;
            claims.Forget(body.UploadKey);
            await store.DeleteUploadAsync(body.UploadKey, cancellationToken);
            ended++;
        }

        return ended;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Often enough that space comes back soon after the expiry, and no more than once a minute.
        var interval = TimeSpan.FromTicks(Math.Clamp(options.UploadExpiry.Ticks / 10, TimeSpan.FromSeconds(1).Ticks, TimeSpan.FromMinutes(10).Ticks));
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            do
            {
                try
                {
                    var ended = await RunAsync(stoppingToken);
                    if (ended > 0) ContentLog.UploadsExpired(logger, ended);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    ContentLog.ExpiryFailed(logger, e);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
