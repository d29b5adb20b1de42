using System.Buffers;
using System.Numerics;
using Longshore.Server.Hosting;

namespace Longshore.Server.Aws;

/// <summary>A whole request body in a pooled buffer: the signature covers it, so nothing can be done before its last byte.</summary>
internal sealed class RequestBody : IDisposable
{
    private readonly BodyMemory memory;
    private byte[] buffer = [];
    private int length;

    private RequestBody(BodyMemory memory) => this.memory = memory;

    /// <summary>The bytes; not to be used after disposal.</summary>
    public ReadOnlyMemory<byte> Bytes => buffer.AsMemory(0, length);

    /// <summary>Reads a body; null when it is longer than <paramref name="limit"/> bytes.</summary>
    /// <remarks>The buffer grows with what arrives, whatever was announced: holding memory costs a client as many bytes.</remarks>
    /// <exception cref="TooManyRequestsException">All bodies together have the memory that there is for them.</exception>
    public static async ValueTask<RequestBody?> ReadAsync(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit) return null;
        var body = new RequestBody(limit > AwsEndpoint.SmallBody ? BodyMemory.Large : BodyMemory.Small);
        var reader = request.BodyReader;
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(cancellationToken);
                var received = result.Buffer;
                var fits = received.Length <= limit - body.length;
                if (fits) body.Append(received);
                reader.AdvanceTo(received.End);
                if (!fits)
                {
                    body.Dispose();
                    return null;
                }

                if (result.IsCompleted) return body;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        memory.Return(buffer.Length);
        buffer = [];
        length = 0;
    }

    private void Append(in ReadOnlySequence<byte> bytes)
    {
        var needed = length + (int)bytes.Length;
        if (needed > buffer.Length)
        {
            // As large as the pool makes them. Counted before there is one: the bound is there to keep the server from running out of memory.
            var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(needed, Math.Max(buffer.Length * 2, 4096)));
            if (!memory.TryTake(size)) throw new TooManyRequestsException();
            var larger = ArrayPool<byte>.Shared.Rent(size);
            buffer.AsSpan(0, length).CopyTo(larger);
            memory.Return(buffer.Length);
            if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }

        bytes.CopyTo(buffer.AsSpan(length));
        length = needed;
    }
}
