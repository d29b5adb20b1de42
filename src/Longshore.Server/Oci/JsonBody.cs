using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Longshore.Server.Oci;

/// <summary>A JSON body in a rented buffer, so that it can be sent in one write with its length.</summary>
internal sealed class JsonBody : IBufferWriter<byte>, IDisposable
{
    /// <summary>The media type of lists and errors.</summary>
    public const string MediaType = "application/json";

    // Repository names, media types and messages go out as they are; the body is no part of a web page.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(1024);
    private int written;

    /// <summary>Creates an empty body.</summary>
    public JsonBody() => Writer = new Utf8JsonWriter(this, Options);

    /// <summary>Writes the body.</summary>
    public Utf8JsonWriter Writer { get; }

    /// <summary>Bytes written so far.</summary>
    public long Length => written + Writer.BytesPending;

    /// <summary>Sends it. A HEAD request gets the headers alone.</summary>
    public async Task SendAsync(HttpContext http, string mediaType)
    {
        Writer.Flush();
        var response = http.Response;
        response.ContentType = mediaType;
        response.ContentLength = written;
        if (!HttpMethods.IsHead(http.Request.Method)) await response.BodyWriter.WriteAsync(buffer.AsMemory(0, written), http.RequestAborted);
    }

    /// <inheritdoc/>
    public void Advance(int count) => written += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return buffer.AsMemory(written);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return buffer.AsSpan(written);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Writer.Dispose();
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
    }

    private void Reserve(int sizeHint)
    {
        var needed = written + Math.Max(sizeHint, 256);
        if (needed <= buffer.Length) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, buffer.Length * 2));
        buffer.AsSpan(0, written).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }
}
