using System.Globalization;
using Amazon.Runtime;
using Amazon.S3.Model;

namespace Longshore.Storage.Blobs;

/// <summary>Bytes of an object that are bytes of a body.</summary>
/// <param name="Key">The object; its first bytes count.</param>
/// <param name="Start">Where it begins in the body.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct S3Extent(string Key, long Start, long Length);

/// <summary>
/// Reads a body from one or several objects, in answers that are kept open while reads go on where the last one ended. An answer that breaks, stands still or is cut
/// is asked for again from where it broke; what cannot be read in the end throws, and is never the end of the body.
/// </summary>
internal sealed class S3BlobReader : IBlobReader
{
    private readonly S3Objects _objects;
    private readonly TimeProvider _time;
    private readonly IReadOnlyList<S3Extent> _extents;
    private CancellationTokenSource? _timeout;
    private GetObjectResponse? _answer;

    // What the open answer still has: positions in the body.
    private long _position;
    private long _end;

    private S3BlobReader(S3Objects objects, TimeProvider time, IReadOnlyList<S3Extent> extents, long length) =>
        (_objects, _time, _extents, Length) = (objects, time, extents, length);

    /// <inheritdoc/>
    public long Length { get; }

    /// <summary>Opens what several objects hold together. Nothing is asked for yet.</summary>
    public static S3BlobReader OverExtents(S3Objects objects, TimeProvider time, IReadOnlyList<S3Extent> extents, long length) => new(objects, time, extents, length);

    /// <summary>Opens one object, of which a range is asked for at once; null when there is none.</summary>
    public static async ValueTask<S3BlobReader?> OpenAsync(
        S3Objects objects, TimeProvider time, string key, long start, long end, CancellationToken cancellationToken)
    {
        if (end > start)
        {
            try
            {
                var answer = await objects.GetAsync(key, start, end, cancellationToken);
                if (answer is null) return null;
                if (TotalOf(answer) is { } total)
                    return new S3BlobReader(objects, time, [new S3Extent(key, 0, total)], total) { _answer = answer, _position = start, _end = start + answer.ContentLength };
                answer.Dispose();
            }
            catch (AmazonServiceException)
            {
                // 416: the object is shorter. How short tells its head.
            }
        }

        return await objects.FindLengthAsync(key, cancellationToken) is { } length ? new S3BlobReader(objects, time, [new S3Extent(key, 0, length)], length) : null;
    }

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, long position, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        cancellationToken.ThrowIfCancellationRequested();
        if (position >= Length || buffer.IsEmpty) return 0;
        if (buffer.Length > Length - position) buffer = buffer[..(int)(Length - position)];
        for (var failed = 0; ;)
        {
            Exception? failure = null;
            try
            {
                if (_answer is null || _position != position || _position == _end) await SeekAsync(position, cancellationToken);
                var read = await ReadAnswerAsync(buffer.Length > _end - _position ? buffer[..(int)(_end - _position)] : buffer, cancellationToken);
                if (read > 0)
                {
                    _position += read;
                    if (_position == _end) Close();
                    return read;
                }
            }
            catch (Exception e) when (cancellationToken.IsCancellationRequested)
            {
                Close();
                throw new OperationCanceledException("The reader left.", e, cancellationToken);
            }
            catch (Exception e) when (S3Retry.IsPassing(e))
            {
                failure = e;
            }

            Close();
            if (++failed == S3Retry.Attempts) throw S3Retry.Unavailable("read a body", failure ?? new IOException("the answer was cut"));
            await _objects.Retry.WaitAsync(failed, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Close();
        _timeout?.Dispose();
        return ValueTask.CompletedTask;
    }

    // The size of the whole object, from "bytes first-last/size".
    private static long? TotalOf(GetObjectResponse answer) =>
        answer.ContentRange is { } range && long.TryParse(range.AsSpan(range.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var total) ? total : null;

    private async Task SeekAsync(long position, CancellationToken cancellationToken)
    {
        Close();
        var extent = _extents[0];
        for (var i = 1; position >= extent.Start + extent.Length; i++) extent = _extents[i];
        _answer = await _objects.GetAsync(extent.Key, position - extent.Start, extent.Length, cancellationToken) ?? throw new FileNotFoundException($"{extent.Key} is gone.");
        (_position, _end) = (position, extent.Start + extent.Length);
    }

    private async ValueTask<int> ReadAnswerAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        // One clock for all reads: most are over at once, and it is only set back.
        if (_timeout is null || !_timeout.TryReset())
        {
            _timeout?.Dispose();
            _timeout = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _time);
        }

        _timeout.CancelAfter(S3Retry.Standstill);
        await using var left = cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _timeout);
        return await _answer!.ResponseStream.ReadAsync(buffer, _timeout.Token);
    }

    private void Close()
    {
        _answer?.Dispose();
        _answer = null;
    }
}
