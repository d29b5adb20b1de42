namespace Longshore.Storage.Blobs;

/// <summary>How long an attempt is waited for.</summary>
/// <param name="Standstill">While it has bytes to send and none goes.</param>
/// <param name="Answer">For the answer, when it has sent all: what lies in buffers goes first.</param>
internal readonly record struct S3Limits(TimeSpan Standstill, TimeSpan Answer)
{
    // What the buffers of a connection hold, roughly.
    private const long Buffered = 4 << 20;

    /// <summary>Those of a call that sends so many bytes.</summary>
    public static S3Limits Sending(long bytes) => new(S3Retry.Standstill, S3Retry.Limit(Math.Min(bytes, Buffered)));

    /// <summary>The same, with neither longer than this.</summary>
    public S3Limits AtMost(TimeSpan longest) => new(Standstill < longest ? Standstill : longest, Answer < longest ? Answer : longest);
}

/// <summary>Ends an attempt that stands still, or its caller ended.</summary>
internal sealed class S3AttemptClock : IDisposable
{
    private readonly S3Limits _limits;
    private readonly CancellationTokenSource _timeout;
    private readonly CancellationTokenSource _linked;

    public S3AttemptClock(S3Limits limits, TimeProvider time, CancellationToken cancellationToken)
    {
        _limits = limits;
        _timeout = new CancellationTokenSource(limits.Standstill, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _timeout.Token);
    }

    /// <summary>Ends the attempt.</summary>
    public CancellationToken Token => _linked.Token;

    /// <summary>Bytes were taken to be sent.</summary>
    /// <param name="last">Whether there are no more.</param>
    public void Sent(bool last)
    {
        try
        {
            _timeout.CancelAfter(last ? _limits.Answer : _limits.Standstill);
        }
        catch (ObjectDisposedException)
        {
            // An attempt that was given up reads on for a moment.
        }
    }

    public void Dispose()
    {
        _linked.Dispose();
        _timeout.Dispose();
    }
}
