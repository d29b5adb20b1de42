using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Writes the rest of a large body past the page cache (O_DIRECT), which costs a quarter of the processor time and leaves
/// nothing for the fsync at the end: docs/decisions/0010-direct-writes.md.
/// </summary>
/// <remarks>
/// Two aligned buffers: while one fills, a pool thread hashes the other and the disk takes it. Receiving waits for neither,
/// and one upload can use two processors. Not for two callers at once.
/// </remarks>
internal sealed class DirectTail : IAsyncDisposable
{
    // Buffers being hashed and written on other threads than those that receive.
    private static int elsewhere;

    private readonly SafeFileHandle _handle;
    private readonly BytesObserver? _observer;
    private AlignedBuffer _filling;
    private AlignedBuffer _writing;
    private int _filled;
    private Task _write = Task.CompletedTask;

    // Where the bytes in the filling buffer begin: a whole number of blocks.
    private long _position;

    private DirectTail(SafeFileHandle handle, long position, BytesObserver? observer, AlignedBuffer filling, AlignedBuffer writing) =>
        (_handle, _position, _observer, _filling, _writing) = (handle, position, observer, filling, writing);

    /// <summary>Where the body ends, with what waits in memory.</summary>
    public long End => _position + _filled;

    /// <summary>
    /// Begins at a position that is a whole number of blocks. Null when no buffers are free, or (<paramref name="refused"/>)
    /// when the file system has no direct writes.
    /// </summary>
    public static DirectTail? TryStart(SafeFileHandle handle, long position, BytesObserver? observer, out bool refused)
    {
        refused = false;
        if (AlignedBuffer.TryRent() is not { } filling) return null;
        if (AlignedBuffer.TryRent() is { } writing)
        {
            if (Posix.TrySetDirect(handle, true)) return new DirectTail(handle, position, observer, filling, writing);
            refused = true;
            writing.Return();
        }

        filling.Return();
        return null;
    }

    /// <summary>Takes bytes over. Throws what the write of earlier ones met.</summary>
    public async ValueTask AppendAsync(ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes)
        {
            var rest = segment;
            while (!rest.IsEmpty)
            {
                var taken = Math.Min(rest.Length, AlignedBuffer.Size - _filled);
                rest.Span[..taken].CopyTo(_filling.Span[_filled..]);
                _filled += taken;
                rest = rest[taken..];
                if (_filled == AlignedBuffer.Size) await HandOverAsync();
            }
        }
    }

    /// <summary>Writes everything; afterwards the file takes ordinary writes again.</summary>
    public async ValueTask CompleteAsync()
    {
        await _write;
        // The last bytes fill no block.
        Posix.TrySetDirect(_handle, false);
        RandomAccess.Write(_handle, _filling.Span[.._filled], _position);
        _observer?.Invoke(_filling.Span[.._filled]);
        _position += _filled;
        _filled = 0;
    }

    /// <summary>Waits for the disk, which may still read a buffer, and gives the buffers back.</summary>
    public async ValueTask DisposeAsync()
    {
        await _write.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Posix.TrySetDirect(_handle, false);
        _filling.Return();
        _writing.Return();
    }

    private async ValueTask HandOverAsync()
    {
        await _write;
        (_filling, _writing) = (_writing, _filling);
        var (buffer, position) = (_writing, _position);
        _position += AlignedBuffer.Size;
        _filled = 0;
        if (Interlocked.Increment(ref elsewhere) <= Environment.ProcessorCount)
        {
            _write = Task.Run(() =>
            {
                try
                {
                    Write(buffer, position);
                }
                finally
                {
                    Interlocked.Decrement(ref elsewhere);
                }
            });
            return;
        }

        // Enough other threads are at it: one more would only be a hand-over.
        Interlocked.Decrement(ref elsewhere);
        _write = Task.CompletedTask;
        Write(buffer, position);
    }

    private void Write(AlignedBuffer buffer, long position)
    {
        try
        {
            RandomAccess.Write(_handle, buffer.Span, position);
        }
        catch (IOException exception) when (Posix.IsRefused(exception))
        {
            // This file system takes the flag and not the write, or took a part that ends between two blocks: from here on
            // through the cache, the whole buffer once more.
            Posix.TrySetDirect(_handle, false);
            RandomAccess.Write(_handle, buffer.Span, position);
        }

        _observer?.Invoke(buffer.Span);
    }
}
