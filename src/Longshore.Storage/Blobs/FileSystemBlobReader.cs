using Microsoft.Win32.SafeHandles;

namespace Longshore.Storage.Blobs;

/// <summary>Reads the first <paramref name="length"/> bytes of a file.</summary>
/// <remarks>
/// Reads are synchronous: bodies that are pulled are mostly in the page cache, where a read is a copy of some microseconds,
/// and .NET's asynchronous file calls on Linux only move the same call to another pool thread.
/// </remarks>
internal sealed class FileSystemBlobReader(SafeFileHandle handle, long length) : IBlobReader
{
    /// <inheritdoc/>
    public long Length { get; } = length;

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, long position, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        cancellationToken.ThrowIfCancellationRequested();
        var left = Length - position;
        // The length is known: the read that would only find the end is not made.
        if (left <= 0 || buffer.IsEmpty) return ValueTask.FromResult(0);
        var span = buffer.Span;
        if (span.Length > left) span = span[..(int)left];
        return ValueTask.FromResult(RandomAccess.Read(handle, span, position));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        handle.Dispose();
        return ValueTask.CompletedTask;
    }
}
