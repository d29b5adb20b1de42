using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Longshore.Storage.Blobs;

/// <summary>Appends to an upload's file.</summary>
/// <remarks>
/// The first <see cref="DirectFrom"/> bytes go through the page cache, synchronously: a copy that takes microseconds. What
/// follows goes past the cache, see <see cref="DirectTail"/>.
/// </remarks>
internal sealed class FileSystemBlobWriter(SafeFileHandle handle, long length, BytesObserver? observer) : IBlobWriter
{
    /// <summary>Bytes of one request that go through the page cache: most bodies are no larger, and are read again soon.</summary>
    internal const int DirectFrom = 256 * 1024;

    private readonly List<ReadOnlyMemory<byte>> _segments = [];
    private readonly long _begin = length;
    private DirectTail? _tail;
    private bool _directRefused;
    private bool _failed;

    // Where the file ends; with a tail it is the tail that knows.
    private long _written = length;

    /// <inheritdoc/>
    public long Length => _tail?.End ?? _written;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlySequence<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfFailed();
        if (bytes.IsEmpty) return;
        try
        {
            if (_tail is null && !_directRefused && _written - _begin >= DirectFrom) bytes = StartTail(bytes);
            if (_tail is null) Append(bytes);
            else await _tail.AppendAsync(bytes);
        }
        catch (IOException exception)
        {
            throw await FailAsync(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfFailed();
        if (_tail is null) return;
        try
        {
            await _tail.CompleteAsync();
            _written = _tail.End;
            await CloseTailAsync();
        }
        catch (IOException exception)
        {
            throw await FailAsync(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseTailAsync();
        handle.Dispose();
    }

    private void Append(ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
        {
            RandomAccess.Write(handle, bytes.FirstSpan, _written);
        }
        else
        {
            foreach (var segment in bytes) _segments.Add(segment);
            try
            {
                RandomAccess.Write(handle, _segments, _written);
            }
            finally
            {
                // The buffers belong to the caller again.
                _segments.Clear();
            }
        }

        if (observer is not null)
            foreach (var segment in bytes)
                observer(segment.Span);
        _written += bytes.Length;
    }

    /// <summary>Goes over to direct writes, after writing what is missing to a whole block; gives what is left of the bytes.</summary>
    private ReadOnlySequence<byte> StartTail(ReadOnlySequence<byte> bytes)
    {
        var head = (AlignedBuffer.Alignment - _written % AlignedBuffer.Alignment) % AlignedBuffer.Alignment;
        if (head >= bytes.Length) return bytes;
        if (head > 0) Append(bytes.Slice(0, head));
        _tail = DirectTail.TryStart(handle, _written, observer, out _directRefused);
        return bytes.Slice(head);
    }

    private async ValueTask CloseTailAsync()
    {
        if (_tail is not { } tail) return;
        _tail = null;
        await tail.DisposeAsync();
    }

    // What a failed write left is no part of the body, and on a full disk others need the room. Should this fail too, the
    // next OpenUploadAsync cuts at the offset that counts.
    private async ValueTask<IOException> FailAsync(IOException exception)
    {
        _failed = true;
        await CloseTailAsync();
        try
        {
            RandomAccess.SetLength(handle, _written);
        }
        catch (IOException)
        {
        }

        return Posix.IsFull(exception) ? new StorageFullException("The blob store has no room for this upload.", exception) : exception;
    }

    private void ThrowIfFailed()
    {
        if (_failed) throw new IOException("An earlier write of this upload failed; open it again at an offset that was completed.");
    }
}
