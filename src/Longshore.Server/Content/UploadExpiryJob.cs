using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// Ends uploads that nobody went on with, and removes bodies of uploads that have no row (a crash between row and body).
/// Ending is a conditional delete, and a body without a row is left alone until it is older than any upload can be: also a server that ran
/// this, stood still and wakes up removes nothing that is in use.
/// </summary>
internal sealed class UploadExpiryJob(IDatabase database, IBlobStore store, UploadClaims claims, TimeProvider time, ContentOptions options, ILogger<UploadExpiryJob> logger)
    : IJobHandler
{
    /// <summary>Kind of its one job, whose name is empty.</summary>
    public const string JobKind = "upload-expiry";

    private const int Batch = 100;

    /// <inheritdoc/>
    public string Kind => JobKind;

    /// <inheritdoc/>
    public TimeSpan MaxDelay => Interval;

    // Often enough that space comes back soon after the expiry, and no more than once a second.
    private TimeSpan Interval => TimeSpan.FromTicks(Math.Clamp(options.UploadExpiry.Ticks / 10, TimeSpan.TicksPerSecond, 10 * TimeSpan.TicksPerMinute));

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(JobStore jobs, CancellationToken cancellationToken) => await jobs.TriggerAsync(Kind, "", cancellationToken);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        var ended = await RunAsync(cancellationToken);
        if (ended > 0) ContentLog.UploadsExpired(logger, ended);
        return time.GetUtcNow() + Interval;
    }

    /// <summary>Runs once: ends what has expired. The number of uploads ended.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var ended = 0;
        while (true)
        {
            var now = time.GetUtcNow();
            var expired = await database.ReadAsync(session => UploadRows.ListExpiredAsync(session, now, Batch), cancellationToken);
            var progressed = false;
            foreach (var (id, key) in expired)
            {
                using var claim = claims.TryClaim(id);
                if (claim is null) continue; // Someone is writing to it at this moment: its row will move on.
                if (!await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.ExpireAsync(session, id, now), cancellationToken)) continue;
                claims.Forget(id);
                await store.DeleteUploadAsync(key, cancellationToken);
                ended++;
                progressed = true;
            }

            if (!progressed) break;
        }

        await foreach (var body in store.ListUploadsAsync(cancellationToken))
        {
            if (body.ModifiedAt > time.GetUtcNow() - options.UploadExpiry) continue;
            using var claim = claims.TryClaim(body.UploadKey);
            if (claim is null || await database.ReadAsync(session => UploadRows.HasBodyAsync(session, body.UploadKey), cancellationToken)) continue;
            claims.Forget(body.UploadKey);
            await store.DeleteUploadAsync(body.UploadKey, cancellationToken);
            ended++;
        }

        return ended;
    }
}
