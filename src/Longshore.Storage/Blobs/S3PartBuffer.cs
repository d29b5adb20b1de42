using System.Collections.Concurrent;

namespace Longshore.Storage.Blobs;

/// <summary>The bytes of one part, in blocks that are taken as they are needed and used again.</summary>
internal sealed class S3PartBuffer : IDisposable
{
    /// <summary>Bytes of a part. 10,000 parts, S3's limit, hold 80,000 MiB; no part but the last may be under 5 MiB.</summary>
    public const int Capacity = 8 << 20;

    private const int BlockSize = 256 << 10;
    private const int KeptIdle = (32 << 20) / BlockSize;

    // While anything is being sent, all that was given back stays for the next part: garbage of this size waits long for its collector.
    private static readonly ConcurrentBag<byte[]> Kept = [];
    private static long inUse;

    private readonly List<byte[]> _blocks = [];

    /// <summary>Bytes in the buffers of all uploads.</summary>
    public static long TotalInUse => Interlocked.Read(ref inUse);

    /// <summary>Bytes in it.</summary>
    public int Length { get; private set; }

    /// <summary>Takes what there is room for; the number of bytes taken.</summary>
    public int Append(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        while (taken < bytes.Length && Length < Capacity)
        {
            var at = Length % BlockSize;
            if (at == 0) Grow();
            var part = bytes[taken..];
            if (part.Length > BlockSize - at) part = part[..(BlockSize - at)];
            part.CopyTo(_blocks[^1].AsSpan(at));
            Length += part.Length;
            taken += part.Length;
        }

        return taken;
    }

    /// <summary>Reads the bytes from the beginning; valid until the buffer is disposed.</summary>
    public Stream OpenRead() => new Reader(this);

    /// <summary>Gives the blocks back.</summary>
    public void Dispose()
    {
        foreach (var block in _blocks) Kept.Add(block);
        var left = Interlocked.Add(ref inUse, -(long)BlockSize * _blocks.Count);
        if (left == 0 && _blocks.Count > 0)
        {
            for (var more = Kept.Count - KeptIdle; more > 0 && Kept.TryTake(out _);) more--;
        }

        _blocks.Clear();
        Length = 0;
    }

    private void Grow()
    {
        Interlocked.Add(ref inUse, BlockSize);
        _blocks.Add(Kept.TryTake(out var block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize));
    }

    private sealed class Reader(S3PartBuffer buffer) : Stream
    {
        private readonly int _length = buffer.Length;
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => _length;

        public override long Position { get => _position; set => Seek(value, SeekOrigin.Begin); }

        public override int Read(Span<byte> target)
        {
            var left = (int)Math.Min(target.Length, _length - _position);
            // A buffer that was given back has no blocks: an attempt that was given up reads on for a moment.
            if (left <= 0 || buffer.Length < _length) return 0;
            var at = (int)(_position % BlockSize);
            var part = buffer._blocks[(int)(_position / BlockSize)].AsSpan(at);
            if (part.Length > left) part = part[..left];
            part.CopyTo(target);
            _position += part.Length;
            return part.Length;
        }

        public override int Read(byte[] target, int offset, int count) => Read(target.AsSpan(offset, count));

        public override Task<int> ReadAsync(byte[] target, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Read(target.AsSpan(offset, count)));

        public override ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(target.Span));

        public override long Seek(long offset, SeekOrigin origin)
        {
            var target = origin switch { SeekOrigin.Begin => offset, SeekOrigin.Current => _position + offset, _ => _length + offset };
            ArgumentOutOfRangeException.ThrowIfNegative(target, nameof(offset));
            return _position = target;
        }

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] source, int offset, int count) => throw new NotSupportedException();
    }
}
