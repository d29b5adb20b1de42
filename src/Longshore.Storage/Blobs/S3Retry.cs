using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Makes a call of S3 until it works, a bounded number of times: after 503 SlowDown and its kin, timeouts and broken connections, with waits that double and
/// are drawn at random, so that servers that were refused together do not come back together.
/// </summary>
internal sealed class S3Retry(TimeProvider time)
{
    /// <summary>Calls made at the most.</summary>
    public const int Attempts = 6;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Allowance = TimeSpan.FromSeconds(15);

    // The slowest connection that is waited for.
    private const double BytesPerSecond = 128 * 1024;

    /// <summary>How long one attempt may take.</summary>
    public static TimeSpan Limit(long bytes) => Allowance + TimeSpan.FromSeconds(bytes / BytesPerSecond);

    /// <summary>Runs a call.</summary>
    /// <param name="what">What it does, to complete "S3 could not …".</param>
    /// <param name="limit">How long one attempt may take.</param>
    /// <param name="attempt">One attempt; it must give the same result when an earlier one was carried out and its answer lost.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="AmazonServiceException">The answer is 404, 412 or 416: what that means is the caller's to know.</exception>
    /// <exception cref="StorageUnavailableException">All attempts failed.</exception>
    /// <exception cref="StorageFullException">The bucket's quota is reached.</exception>
    /// <exception cref="IOException">S3 refuses the call.</exception>
    public async Task<T> RunAsync<T>(string what, TimeSpan limit, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        for (var number = 1; ; number++)
        {
            Exception failure;
            using (var timeout = new CancellationTokenSource(limit, time))
            using (var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token))
            {
                try
                {
                    return await attempt(linked.Token);
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

            if (number == Attempts) throw Unavailable(what, failure);
            await WaitAsync(number, cancellationToken);
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
