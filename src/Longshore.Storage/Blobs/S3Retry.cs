using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Makes a call of S3 until it works, a bounded number of times and for a bounded time: after 503 SlowDown and its kin, timeouts and broken connections, with waits
/// that double and are drawn at random, so that servers that were refused together do not come back together. When a store that does not answer was waited for in
/// vain, other calls wait less for a moment: the clients of a registry whose store is away hear of it soon.
/// </summary>
internal sealed class S3Retry(TimeProvider time)
{
    /// <summary>Calls made at the most.</summary>
    public const int Attempts = 8;

    // The slowest connection that is waited for.
    private const double BytesPerSecond = 128 * 1024;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(3);

    // No attempt begins later than this after the first one did.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ShortPatience = TimeSpan.FromSeconds(4);

    // How long one patient call that was in vain makes the others impatient; then one tries in earnest again.
    private static readonly TimeSpan Lesson = TimeSpan.FromSeconds(15);

    private long _givenUpAt = long.MinValue;

    /// <summary>How long an attempt is waited for that neither sends nor receives a byte.</summary>
    public static TimeSpan Standstill { get; } = TimeSpan.FromSeconds(12);

    /// <summary>How long an attempt may take in which so many bytes go over.</summary>
    public static TimeSpan Limit(long bytes) => Standstill + TimeSpan.FromSeconds(bytes / BytesPerSecond);

    /// <summary>Runs a call.</summary>
    /// <param name="what">What it does, to complete "S3 could not …".</param>
    /// <param name="limit">How long one attempt may take.</param>
    /// <param name="attempt">One attempt; it must give the same result when an earlier one was carried out and its answer lost.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="AmazonServiceException">The answer is 404, 412 or 416: what that means is the caller's to know.</exception>
    /// <exception cref="StorageUnavailableException">All attempts failed.</exception>
    /// <exception cref="StorageFullException">The bucket's quota is reached.</exception>
    /// <exception cref="IOException">S3 refuses the call.</exception>
    public Task<T> RunAsync<T>(string what, TimeSpan limit, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken) =>
        RunAsync(what, new S3Limits(limit, limit), (_, token) => attempt(token), cancellationToken);

    /// <summary>Runs a call that sends bytes, and tells the attempt's clock of each that goes.</summary>
    public async Task<T> RunAsync<T>(string what, S3Limits limits, Func<S3AttemptClock, CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var given = Interlocked.Read(ref _givenUpAt);
        var patient = given == long.MinValue || time.GetElapsedTime(given) > Lesson;
        for (var number = 1; ; number++)
        {
            Exception failure;
            using (var clock = new S3AttemptClock(patient ? limits : limits.AtMost(ShortPatience), time, cancellationToken))
            {
                try
                {
                    var result = await attempt(clock, clock.Token);
                    Interlocked.Exchange(ref _givenUpAt, long.MinValue);
                    return result;
                }
                catch (AmazonServiceException e) when (e.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.PreconditionFailed or HttpStatusCode.RequestedRangeNotSatisfiable
                    && e.ErrorCode != "NoSuchBucket")
                {
                    throw;
                }
                catch (AmazonServiceException e) when (!IsTransient(e))
                {
                    if (e.ErrorCode is "QuotaExceeded" or "InsufficientCapacity") throw new StorageFullException($"The bucket has no room to {what}: {e.Message}", e);
                    throw new IOException($"S3 refuses to {what}: {e.ErrorCode}: {e.Message}", e);
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    throw;
                }
                catch (Exception e) when (IsPassing(e))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    failure = e;
                }
            }

            if (number == Attempts || time.GetElapsedTime(begun) > (patient ? Patience : ShortPatience))
            {
                // Whoever says that he is busy is there: others may have more luck.
                if (patient && failure is not AmazonServiceException { StatusCode: not 0 }) Interlocked.Exchange(ref _givenUpAt, time.GetTimestamp());
                throw Unavailable(what, failure);
            }

            await WaitAsync(number, cancellationToken);
        }
    }

    /// <summary>Makes a call once and does not wait long for it: for what is tidied up later when it is not now. No failure is told.</summary>
    public async Task TryOnceAsync(Func<CancellationToken, Task> attempt)
    {
        using var timeout = new CancellationTokenSource(ShortPatience, time);
        try
        {
            await attempt(timeout.Token);
        }
        catch (Exception e) when (e is AmazonServiceException || IsPassing(e))
        {
        }
    }

    /// <summary>Waits before another attempt.</summary>
    /// <param name="failed">Attempts that failed, from 1.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task WaitAsync(int failed, CancellationToken cancellationToken)
    {
        var longest = Math.Min(LongestWait.TotalMilliseconds, FirstWait.TotalMilliseconds * Math.Pow(2, failed - 1));
        return Task.Delay(TimeSpan.FromMilliseconds((longest / 2) + RandomNumberGenerator.GetInt32((int)(longest / 2) + 1)), time, cancellationToken);
    }

    /// <summary>What is thrown in the end.</summary>
    public static StorageUnavailableException Unavailable(string what, Exception? failure) =>
        new($"S3 could not {what}: {(failure is OperationCanceledException ? "no answer in time" : failure?.Message)}", failure);

    /// <summary>Whether another attempt may do better: whatever the layers below throw when a connection fails, which is of many types.</summary>
    public static bool IsPassing(Exception e) => e is not (StorageUnavailableException or StorageFullException or FileNotFoundException or ArgumentException or NotSupportedException);

    private static bool IsTransient(AmazonServiceException e) =>
        (int)e.StatusCode is 0 or >= 500 or 408 or 429
        // These two say that bytes were damaged on the way, which another attempt mends.
        || e.ErrorCode is "SlowDown" or "RequestTimeout" or "InternalError" or "ServiceUnavailable" or "IncompleteBody" or "BadDigest" or "XAmzContentSHA256Mismatch" or "XAmzContentChecksumMismatch"
        || e is AmazonUnmarshallingException;
}
