namespace Longshore.Server.Commands.Importing;

/// <summary>A blob of a registry as it comes in. A cut connection is taken up again where it was, so that the other side does not notice.</summary>
internal sealed class BlobStream(DistributionClient source, string repository, string digest, long size, Pacer pacer) : Stream
{
    private const int Tries = 8;

    private HttpResponseMessage? response;
    private Stream? inner;
    private long position;
    private int failures;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => size;

    /// <inheritdoc/>
    public override long Position
    {
        get => position;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (position == size) return 0;
            try
            {
                inner ??= await OpenAsync(cancellationToken);
                var read = await source.ReadAsync(inner, buffer[..(int)Math.Min(buffer.Length, size - position)], cancellationToken);
                if (read == 0) throw new IOException($"The blob {digest} ends after {position} of {size} bytes.");
                position += read;
                failures = 0;
                await pacer.KeepAsync(read, cancellationToken);
                return read;
            }
            catch (Exception e) when (e is IOException or HttpRequestException && ++failures < Tries)
            {
                await CloseAsync();
                await source.PauseAsync(failures, null, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
    }

    private async Task<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        (response, var at) = await source.OpenBlobAsync(repository, digest, position, cancellationToken);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var skipped = new byte[64 * 1024];
        while (at < position)
        {
            var read = await source.ReadAsync(stream, skipped.AsMemory(0, (int)Math.Min(skipped.Length, position - at)), cancellationToken);
            if (read == 0) throw new IOException($"The blob {digest} ends early.");
            at += read;
        }

        return stream;
    }

    private async ValueTask CloseAsync()
    {
        if (inner is not null) await inner.DisposeAsync();
        response?.Dispose();
        (inner, response) = (null, null);
    }
}
