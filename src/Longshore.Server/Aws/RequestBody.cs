using System.Buffers;

namespace Longshore.Server.Aws;

/// <summary>A whole request body in a pooled buffer: the signature covers it, so nothing can be done before its last byte.</summary>
internal sealed class RequestBody : IDisposable
{
    private byte[] buffer = [];
    private int length;

    /// <summary>The bytes; not to be used after disposal.</summary>
    public ReadOnlyMemory<byte> Bytes => buffer.AsMemory(0, length);

    /// <summary>Reads a body; null when it is longer than <paramref name="limit"/> bytes.</summary>
    /// <remarks>The buffer grows with what arrives, whatever was announced: holding memory costs a client as many bytes.</remarks>
    public static async ValueTask<RequestBody?> ReadAsync(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit) return null;
        var body = new RequestBody();
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
        buffer = [];
        length = 0;
    }

    private void Append(in ReadOnlySequence<byte> bytes)
    {
        var needed = length + (int)bytes.Length;
        if (needed > buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(buffer.Length * 2, 4096)));
            buffer.AsSpan(0, length).CopyTo(larger);
            if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }

        bytes.CopyTo(buffer.AsSpan(length));
        length = needed;
    }
}
