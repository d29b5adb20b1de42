using System.Buffers;
using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Content;
using Longshore.Server.Hosting;
using Longshore.Server.RegistrySettings;
using Microsoft.Extensions.Primitives;

namespace Longshore.Server.Oci;

/// <summary><c>/v2/NAME/manifests/REFERENCE</c>: HEAD, GET, PUT, DELETE. Bytes and media type go out as they came in; nothing is converted.</summary>
internal sealed class ManifestEndpoints(Images images, PullTimeExclusions pulls, PushTargets targets)
{
    private const int FirstBuffer = 16 * 1024;

    // Each tag is a row written and a header sent; ECR allows an image 1,000 in all.
    private const int MaxTagsPerRequest = 100;

    /// <summary>HEAD and GET. A GET counts as a pull, also when the client has the manifest already.</summary>
    public async Task GetAsync(OciRequest request)
    {
        if (!Reference.TryParse(request.Tail, out var reference))
        {
            // A text that cannot be a tag is the tag of nothing; one that is meant as a digest is malformed.
            await request.FailAsync(request.Tail.Contains(':', StringComparison.Ordinal)
                ? BlobEndpoints.Malformed(request.Tail)
                : new RegistryError(ErrorCode.ManifestUnknown, "Requested image not found"));
            return;
        }

        if (!(await images.GetAsync(request.Registry, request.Name, reference, request.Aborted)).TryGet(out var manifest, out var error))
        {
            await request.FailAsync(error);
            return;
        }

        var response = request.Response;
        var headers = response.Headers;
        var digest = manifest.Digest.Value;
        var entityTag = $"\"{digest}\"";
        headers.ETag = entityTag;
        headers[OciHeaders.DockerContentDigest] = digest;
        // What a tag names may change at any time; a digest's content cannot.
        headers.CacheControl = reference.IsDigest ? BlobResponse.CacheByDigest : "no-cache";
        var isHead = request.IsHead;
        if (!isHead) await pulls.RecordPullAsync(request.Registry, request.Caller.Principal.Arn, manifest.Id, request.Aborted);

        var requestHeaders = request.Http.Request.Headers;
        if (requestHeaders.IfMatch is { Count: > 0 } ifMatch && !EntityTags.Contains(ifMatch, entityTag, weak: false))
        {
            response.StatusCode = StatusCodes.Status412PreconditionFailed;
            return;
        }

        if (requestHeaders.IfNoneMatch is { Count: > 0 } ifNoneMatch && EntityTags.Contains(ifNoneMatch, entityTag, weak: true))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        headers.ContentType = manifest.MediaType;
        headers.ContentLength = manifest.Bytes.Length;
        if (!isHead) await response.BodyWriter.WriteAsync(manifest.Bytes, request.Aborted);
    }

    /// <summary>PUT by tag, or by digest with any number of <c>tag=</c> in the query (a proposal beyond 1.1).</summary>
    public async Task PutAsync(OciRequest request)
    {
        if (ReadTarget(request, out var expected, out var tags) is { } malformed)
        {
            await request.FailAsync(malformed);
            return;
        }

        if (!(await ReadBodyAsync(request)).TryGet(out var bytes, out var error))
        {
            await request.FailAsync(error);
            return;
        }

        var put = new ImagePut(request.Registry, request.Name, bytes, request.Http.Request.ContentType, expected, tags);
        var stored = await images.PutAsync(put, request.Aborted);
        if (stored.Error is { Code: ErrorCode.RepositoryNotFound } missing)
        {
            if (await targets.RetryAsync(request.Http, request.Caller, request.Registry, request.Name, missing, request.Aborted) is { } refused)
            {
                await request.FailAsync(refused);
                return;
            }

            stored = await images.PutAsync(put, request.Aborted);
        }

        if (!stored.TryGet(out var result, out error))
        {
            await request.FailAsync(error);
            return;
        }

        request.Response.StatusCode = StatusCodes.Status201Created;
        var headers = request.Response.Headers;
        headers.Location = $"/v2/{request.Name.Value}/manifests/{result.Digest.Value}";
        headers[OciHeaders.DockerContentDigest] = result.Digest.Value;
        if (result.Subject is { } subject) headers[OciHeaders.Subject] = subject.Value;
        if (expected is not null && tags.Count > 0) headers[OciHeaders.Tag] = new StringValues([.. tags.Select(static tag => tag.Value)]);
    }

    /// <summary>DELETE: by tag the tag alone, by digest the manifest with all its tags.</summary>
    public async Task DeleteAsync(OciRequest request)
    {
        if (ReadReference(request.Tail, out var reference) is { } malformed)
        {
            await request.FailAsync(malformed);
            return;
        }

        var error = reference.IsDigest
            ? (await images.DeleteAsync(request.Registry, request.Name, new ImageId(reference.Digest, null), request.Caller.Principal.Arn, request.Aborted)).Error
            : (await images.RemoveTagAsync(request.Registry, request.Name, reference.Tag, request.Aborted)).Error;
        if (error is not null) await request.FailAsync(error);
        else request.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private static RegistryError? ReadReference(string text, out Reference reference)
    {
        if (Reference.TryParse(text, out reference)) return null;
        return text.Contains(':', StringComparison.Ordinal) ? BlobEndpoints.Malformed(text) : MalformedTag();
    }

    private static RegistryError? ReadTarget(in OciRequest request, out Digest? digest, out IReadOnlyList<TagName> tags)
    {
        digest = null;
        tags = [];
        if (ReadReference(request.Tail, out var reference) is { } malformed) return malformed;
        if (!reference.IsDigest)
        {
            tags = [reference.Tag];
            return null;
        }

        digest = reference.Digest;
        var http = request.Http.Request;
        if (!http.QueryString.HasValue || !http.Query.TryGetValue("tag", out var values)) return null;
        if (values.Count > MaxTagsPerRequest)
            return new RegistryError(ErrorCode.InvalidParameter, $"A request can set {MaxTagsPerRequest} tags at most.");
        var named = new List<TagName>(values.Count);
        foreach (var value in values)
        {
            if (!TagName.TryParse(value, out var tag)) return MalformedTag();
            if (!named.Contains(tag)) named.Add(tag);
        }

        tags = named;
        return null;
    }

    private static RegistryError MalformedTag() => new(
        ErrorCode.TagInvalid,
        "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must be 1 to 300 letters, digits, dots, underscores and hyphens, and not begin with a dot or hyphen'");

    /// <summary>The whole body, announced or chunked. ManifestTooLarge: without reading further than it takes to know.</summary>
    private static async ValueTask<Outcome<ReadOnlyMemory<byte>>> ReadBodyAsync(OciRequest request)
    {
        var length = request.Http.Request.ContentLength;
        if (length > ManifestDocument.MaxBytes) return TooLarge();
        var reader = request.Http.Request.BodyReader;
        // Kept by the store's cache afterwards, so never rented.
        var buffer = new byte[length ?? FirstBuffer];
        var filled = 0;
        while (true)
        {
            var read = await reader.ReadAsync(request.Aborted);
            var bytes = read.Buffer;
            if (filled + bytes.Length > ManifestDocument.MaxBytes)
            {
                reader.AdvanceTo(bytes.End);
                return TooLarge();
            }

            var needed = filled + (int)bytes.Length;
            if (needed > buffer.Length) Array.Resize(ref buffer, Math.Min(ManifestDocument.MaxBytes, Math.Max(needed, buffer.Length * 4)));
            bytes.CopyTo(buffer.AsSpan(filled));
            filled = needed;
            reader.AdvanceTo(bytes.End);
            if (read.IsCompleted) return new ReadOnlyMemory<byte>(buffer, 0, filled);
        }
    }

    private static RegistryError TooLarge() => new(ErrorCode.ManifestTooLarge, $"A manifest can have {ManifestDocument.MaxBytes} bytes at most.");
}
