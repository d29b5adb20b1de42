using System.Globalization;
using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Content;
using Longshore.Storage.Blobs;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Longshore.Server.Hosting;

/// <summary>Serves a body over HTTP: HEAD, GET, one range, conditions. For every face that hands bodies out.</summary>
internal sealed class BlobResponse(BlobShelf blobs, ILogger<BlobResponse> logger)
{
    /// <summary>A digest never changes its meaning; what one caller may read another may not, hence private.</summary>
    public const string CacheByDigest = "private, max-age=31536000, immutable";

    // Large reads straight into the response's buffers: measured, twice the throughput of SendFileAsync (design, section 4).
    private const int ReadSize = 256 * 1024;

    /// <summary>Answers with a body that was found. Null when done; an error, and nothing sent, when the body went away meanwhile.</summary>
    public async Task<RegistryError?> SendAsync(HttpContext http, BlobInfo blob)
    {
        var isHead = HttpMethods.IsHead(http.Request.Method);
        var entityTag = $"\"{blob.Digest.Value}\"";
        var (status, range) = Decide(http.Request.Headers, entityTag, blob.Size, isHead);
        if (isHead || status is not (StatusCodes.Status200OK or StatusCodes.Status206PartialContent))
        {
            WriteHead(http.Response, status, range, blob, entityTag);
            return null;
        }

        if (blobs.FindDownloadUrl(blob) is { } elsewhere)
        {
            Redirect(http.Response, blob, elsewhere);
            return null;
        }

        var (start, length) = status == StatusCodes.Status206PartialContent ? (range.Start, range.Length) : (0, blob.Size);
        if (!(await blobs.OpenAsync(blob, start, start + length, http.RequestAborted)).TryGet(out var reader, out var error)) return error;
        await using (reader)
        {
            if (reader.Length != blob.Size)
            {
                logger.BodyHasWrongLength(blob.Digest.Value, reader.Length, blob.Size);
                throw new InvalidDataException($"The stored body of {blob.Digest} is damaged.");
            }

            WriteHead(http.Response, status, range, blob, entityTag);
            await CopyAsync(http, reader, blob.Digest, start, length);
        }

        return null;
    }

    /// <summary>The status, by conditions and range in the order of RFC 9110, section 13.2.2. Range is for GET alone.</summary>
    private static (int Status, ByteRange Range) Decide(IHeaderDictionary headers, string entityTag, long size, bool isHead)
    {
        var ifMatch = headers.IfMatch;
        if (ifMatch.Count > 0 && !EntityTags.Contains(ifMatch, entityTag, weak: false)) return (StatusCodes.Status412PreconditionFailed, default);
        var ifNoneMatch = headers.IfNoneMatch;
        if (ifNoneMatch.Count > 0 && EntityTags.Contains(ifNoneMatch, entityTag, weak: true)) return (StatusCodes.Status304NotModified, default);
        var rangeHeader = headers.Range;
        if (isHead || rangeHeader.Count != 1) return (StatusCodes.Status200OK, default);
        // A date cannot be the tag, and these bodies have no date: then the whole is served, as for any other tag.
        if (headers.IfRange is { Count: > 0 } ifRange && ifRange.ToString() != entityTag) return (StatusCodes.Status200OK, default);
        var text = rangeHeader[0].AsSpan();
        // The conformance suite wants 416 for an end before the start; the RFC, which calls that malformed, allows it.
        if (IsBackwards(text)) return (StatusCodes.Status416RangeNotSatisfiable, default);
        var range = ByteRange.Resolve(text, size);
        return range.Kind switch
        {
            ByteRangeKind.Satisfiable => (StatusCodes.Status206PartialContent, range),
            ByteRangeKind.Unsatisfiable => (StatusCodes.Status416RangeNotSatisfiable, range),
            _ => (StatusCodes.Status200OK, range),
        };
    }

    /// <summary>Whether a header is one range whose end lies before its start, such as <c>bytes=500-0</c>.</summary>
    private static bool IsBackwards(ReadOnlySpan<char> header)
    {
        const string unit = "bytes=";
        if (!header.StartsWith(unit, StringComparison.OrdinalIgnoreCase)) return false;
        header = header[unit.Length..].Trim(" \t");
        var dash = header.IndexOf('-');
        return dash > 0
            && ulong.TryParse(header[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            && ulong.TryParse(header[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && last < first;
    }

    private static void WriteHead(HttpResponse response, int status, ByteRange range, BlobInfo blob, string entityTag)
    {
        response.StatusCode = status;
        var headers = response.Headers;
        headers.AcceptRanges = "bytes";
        headers.ETag = entityTag;
        headers.CacheControl = CacheByDigest;
        headers["Docker-Content-Digest"] = blob.Digest.Value;
        switch (status)
        {
            case StatusCodes.Status200OK:
                headers.ContentType = "application/octet-stream";
                headers.ContentLength = blob.Size;
                break;
            case StatusCodes.Status206PartialContent:
                headers.ContentType = "application/octet-stream";
                headers.ContentLength = range.Length;
                headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {range.Start}-{range.End}/{blob.Size}");
                break;
            case StatusCodes.Status416RangeNotSatisfiable:
                headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{blob.Size}");
                break;
        }
    }

    // 307: the method stays, and so does the client's Range. The URL is the caller's secret for as long as it is good.
    private static void Redirect(HttpResponse response, BlobInfo blob, Uri elsewhere)
    {
        response.StatusCode = StatusCodes.Status307TemporaryRedirect;
        response.Headers.Location = elsewhere.AbsoluteUri;
        response.Headers.CacheControl = "private, no-store";
        response.Headers["Docker-Content-Digest"] = blob.Digest.Value;
        response.ContentLength = 0;
    }

    private async Task CopyAsync(HttpContext http, IBlobReader reader, Digest digest, long start, long length)
    {
        if (length == 0) return;
        var aborted = http.RequestAborted;
        var writer = http.Response.BodyWriter;
        // Before the headers are out, Kestrel would keep the bytes in a buffer of its own and copy them.
        await http.Response.StartAsync(aborted);
        var position = start;
        var end = start + length;
        try
        {
            while (position < end)
            {
                var size = (int)Math.Min(ReadSize, end - position);
                var read = await reader.ReadAsync(writer.GetMemory(size)[..size], position, aborted);
                if (read == 0)
                {
                    // The length is promised and cannot be kept: the client must see a broken body, never a short one.
                    logger.BodyEndedEarly(digest.Value, position, start + length);
                    http.Abort();
                    return;
                }

                writer.Advance(read);
                position += read;
                var flushed = await writer.FlushAsync(aborted);
                if (flushed.IsCompleted || flushed.IsCanceled) return;
            }
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            // The client went away. That is its right.
        }
        finally
        {
            ContentMetrics.Sent(position - start);
        }
    }
}

/// <summary>Adds <see cref="BlobResponse"/>.</summary>
internal static class BlobResponseSetup
{
    /// <summary>Adds it once, whichever face asks first.</summary>
    public static IServiceCollection AddBlobResponse(this IServiceCollection services)
    {
        services.TryAddSingleton<BlobResponse>();
        return services;
    }
}
