using System.Collections.Concurrent;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting.Jobs;

/// <summary>
/// Runs due jobs: (1) looks what is due for each kind that has a worker free, (2) claims it by compare-and-set, (3) runs the handler while the
/// lease is renewed, (4) writes how it ended. Any number of servers may do so on one database.
/// </summary>
internal sealed class JobRunner(
    IDatabase database, JobStore jobs, IEnumerable<IJobHandler> handlers, JobOptions options, Jitter jitter, TimeProvider time, ILogger<JobRunner> logger)
    : BackgroundService
{
    private readonly List<KindState> kinds = [.. handlers.Select(handler => new KindState(handler, new LeaseWatch(time, options.Lease * 1.5)))];

    /// <summary>One look: claims what is due and starts it. The runs that it started.</summary>
    internal async Task<List<Task>> PollAsync(CancellationToken cancellationToken)
    {
        var started = new List<Task>();
        foreach (var kind in kinds)
        {
            var free = kind.Handler.MaxParallel - kind.Runs.Count;
            if (free <= 0) continue;
            // 1
            var leases = await jobs.ListLeasesAsync(kind.Handler.Kind, cancellationToken);
            foreach (var dead in kind.Watch.Look([.. leases.Where(lease => !kind.Runs.ContainsKey(lease.Id))]))
            {
                // 2
                if (free == 0 || await jobs.TryTakeOverAsync(dead, options.Lease, cancellationToken) is not { } claim) continue;
                logger.JobTakenOver(claim.Kind, claim.Name);
                started.Add(Start(kind, claim, cancellationToken));
                free--;
            }

            if (free == 0) continue;
            foreach (var due in await jobs.ListDueAsync(kind.Handler.Kind, MaxDelay(kind.Handler), free, cancellationToken))
                if (await jobs.TryClaimAsync(due, options.Lease, cancellationToken) is { } claim)
                    started.Add(Start(kind, claim, cancellationToken));
        }

        return started;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            options.Reserve?.TryTake();
            await PrepareAsync(stoppingToken);
            while (true)
            {
                try
                {
                    await PollAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    if (e is StorageFullException) options.Reserve?.Release();
                    logger.PollFailed(e);
                }

                await jobs.WaitAsync(jitter.Below(options.Poll), stoppingToken);
                stoppingToken.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: the runs have been told too, and give their jobs back.
            await Task.WhenAll(kinds.SelectMany(kind => kind.Runs.Values));
        }
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if (options.SoleServer) await jobs.ReleaseAllAsync(cancellationToken);
                foreach (var kind in kinds) await kind.Handler.PrepareAsync(jobs, cancellationToken);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A full disk at the start must not end the server.
                if (e is StorageFullException) options.Reserve?.Release();
                logger.PollFailed(e);
                await Task.Delay(BackOff(attempt), time, cancellationToken);
            }
        }
    }

    private Task Start(KindState kind, JobClaim claim, CancellationToken stopping)
    {
        // Known before the run begins: the next look must not take it for somebody else's.
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        kind.Runs[claim.Id] = ended.Task;
        _ = Task.Run(
            async () =>
            {
                try
                {
                    await RunAsync(kind.Handler, claim, stopping);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    if (e is StorageFullException) options.Reserve?.Release();
                    logger.EndNotKept(e, claim.Kind, claim.Name);
                }
                finally
                {
                    kind.Runs.TryRemove(claim.Id, out _);
                    ended.SetResult();
                    jobs.Wake();
                }
            },
            CancellationToken.None);
        return ended.Task;
    }

    private async Task RunAsync(IJobHandler handler, JobClaim claim, CancellationToken stopping)
    {
        using var run = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var renewal = new CancellationTokenSource();
        // 3
        var renewing = RenewAsync(claim, run, renewal.Token);
        var began = time.GetTimestamp();
        Exception? failure = null;
        DateTimeOffset? next = null;
        try
        {
            next = await handler.RunAsync(new JobContext(database, claim, time), run.Token);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failure = e;
        }
        finally
        {
            await renewal.CancelAsync();
            await renewing;
        }

        JobMetrics.Ran(claim.Kind, failure switch { null => "success", OperationCanceledException or JobLostException => "interrupted", _ => "failure" }, time.GetElapsedTime(began));
        // 4. Past the server's stop too: these are single statements, and each names the token.
        if (failure is null)
        {
            if (!await jobs.CompleteAsync(claim, next, CancellationToken.None)) logger.JobLost(claim.Kind, claim.Name);
            options.Reserve?.TryTake();
        }
        else if (failure is JobLostException || (failure is OperationCanceledException && run.IsCancellationRequested))
        {
            if (!await jobs.ReleaseAsync(claim, CancellationToken.None)) logger.JobLost(claim.Kind, claim.Name);
        }
        else
        {
            if (failure is StorageFullException) options.Reserve?.Release();
            var due = time.GetUtcNow() + BackOff(claim.Attempts);
            logger.JobFailed(failure, claim.Kind, claim.Name, claim.Attempts + 1, due);
            await jobs.FailAsync(claim, $"{failure.GetType().Name}: {failure.Message}", due, CancellationToken.None);
        }
    }

    /// <summary>Renews until told to stop. Cancels the run when the row is somebody else's, or when the lease could not be renewed for as long as it lasts.</summary>
    private async Task RenewAsync(JobClaim claim, CancellationTokenSource run, CancellationToken ended)
    {
        var renewed = time.GetTimestamp();
        using var timer = new PeriodicTimer(options.Lease / 3, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ended))
            {
                try
                {
                    if (await jobs.RenewAsync(claim, options.Lease, ended))
                    {
                        renewed = time.GetTimestamp();
                        continue;
                    }

                    await run.CancelAsync();
                    return;
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    if (time.GetElapsedTime(renewed) < options.Lease) continue;
                    await run.CancelAsync();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private TimeSpan BackOff(long attempts) => jitter.Below(attempts >= 20 || options.FirstBackOff * Math.Pow(2, attempts) > options.MaxBackOff
        ? options.MaxBackOff
        : options.FirstBackOff * Math.Pow(2, attempts));

    // A failure's wait must not look like a wrong clock's.
    private TimeSpan MaxDelay(IJobHandler handler) => handler.MaxDelay > options.MaxBackOff ? handler.MaxDelay : options.MaxBackOff;

    /// <summary>A kind with what runs of it in this process, by the row's id.</summary>
    private sealed record KindState(IJobHandler Handler, LeaseWatch Watch)
    {
        public ConcurrentDictionary<long, Task> Runs { get; } = new();
    }
}
