namespace Longshore.Storage.Blobs;

/// <summary>Bytes on their way to S3: what is read of them sets an attempt's clock back.</summary>
internal sealed class S3SentStream(Stream inner, S3AttemptClock clock) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position { get => inner.Position; set => inner.Position = value; }

    public override int Read(Span<byte> target)
    {
        var read = inner.Read(target);
        clock.Sent(inner.Position == inner.Length);
        return read;
    }

    public override int Read(byte[] target, int offset, int count) => Read(target.AsSpan(offset, count));

    public override Task<int> ReadAsync(byte[] target, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(target.AsSpan(offset, count)));

    public override ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(target.Span));

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] source, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
