using System.Globalization;
using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Oci;

/// <summary>
/// <c>/v2/NAME/blobs/uploads/</c> and <c>/v2/NAME/blobs/uploads/ID</c>: the ways to push a blob (OCI distribution 1.1, "Pushing
/// blobs"): one POST; POST and PUT; POST, PATCHes and PUT; mounting.
/// </summary>
internal sealed class UploadEndpoints(BlobUploads uploads, AccountSettings settings, PushTargets targets, AccessGate gate)
{
    private const string ReadSource = "ecr:GetDownloadUrlForLayer";
    private const string UploadPart = "ecr:UploadLayerPart";
    private const string CompleteUpload = "ecr:CompleteLayerUpload";

    /// <summary>POST: mounts, takes a whole body, or opens a session, in this order of what the query asks for.</summary>
    public async Task StartAsync(OciRequest request)
    {
        // A proposal beyond 1.1 has clients announce the algorithm. Bodies are hashed by what the digest says in the end.
        if (request.Query("digest-algorithm") is { } algorithm and not ("sha256" or "sha512"))
        {
            await request.FailAsync(new RegistryError(ErrorCode.DigestInvalid, $"The digest algorithm '{algorithm}' is not known here: use sha256 or sha512."));
            return;
        }

        if (request.Query("mount") is { } mount && await TryMountAsync(request, mount)) return;
        if (request.Query("digest") is { } digest)
        {
            await PutWholeAsync(request, digest);
            return;
        }

        var started = await uploads.StartAsync(request.Registry, request.Name, request.Aborted);
        if (started.Error is { } missing)
        {
            if (await targets.RetryAsync(request.Http, request.Caller, request.Registry, request.Name, missing, request.Aborted) is { } error)
            {
                await request.FailAsync(error);
                return;
            }

            started = await uploads.StartAsync(request.Registry, request.Name, request.Aborted);
        }

        await AnswerAsync(request, started, StatusCodes.Status202Accepted);
    }

    /// <summary>GET: where an upload stands.</summary>
    public async Task GetStatusAsync(OciRequest request) =>
        await AnswerAsync(request, await uploads.GetAsync(request.Registry, request.Name, request.Tail, request.Aborted), StatusCodes.Status204NoContent);

    /// <summary>PATCH: appends, with Content-Range (a chunk) or without (a stream).</summary>
    public async Task AppendAsync(OciRequest request)
    {
        if (ReadRange(request, out var start, out var length) is { } error)
        {
            await request.FailAsync(error);
            return;
        }

        var appended = await uploads.AppendAsync(request.Registry, request.Name, request.Tail, start, length, request.Http.Request.BodyReader, request.Aborted);
        await AnswerAsync(request, appended, StatusCodes.Status202Accepted);
    }

    /// <summary>PUT: ends an upload, after the last bytes when the request carries any.</summary>
    public async Task CompleteAsync(OciRequest request)
    {
        var body = request.HasBody ? request.Http.Request.BodyReader : null;
        var error = body is null ? null : await CheckAsync(request, UploadPart);
        long? start = null, length = null;
        Digest digest = default;
        if (error is null && !Digest.TryParse(request.Query("digest"), out digest)) error = MissingOrMalformed(request.Query("digest"));
        error ??= ReadRange(request, out start, out length);
        if (error is not null)
        {
            await request.FailAsync(error);
            return;
        }

        var completed = await uploads.CompleteAsync(request.Registry, request.Name, request.Tail, digest, start, length, body, request.Aborted);
        await AnswerAsync(request, completed);
    }

    /// <summary>DELETE: gives an upload up.</summary>
    public async Task CancelAsync(OciRequest request)
    {
        var cancelled = await uploads.CancelAsync(request.Registry, request.Name, request.Tail, request.Aborted);
        if (cancelled.Error is { } error) await request.FailAsync(error);
        else request.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>Whether the request was answered: with the mounted blob or an error. False when a session must do.</summary>
    private async Task<bool> TryMountAsync(OciRequest request, string mount)
    {
        if (!Digest.TryParse(mount, out var digest))
        {
            await request.FailAsync(BlobEndpoints.Malformed(mount));
            return true;
        }

        if (await CheckAsync(request, CompleteUpload) is { } denied)
        {
            await request.FailAsync(denied);
            return true;
        }

        var mounting = await settings.BlobMountingAsync(request.Registry, request.Aborted);
        if (mounting == BlobMounting.Disabled) return false;

        RepositoryName? from = null;
        if (request.Query("from") is { } source)
        {
            // No repository has such a name, so there is nothing to mount from.
            if (!RepositoryName.TryParse(source, out var name)) return false;
            from = name;
        }

        var (gateOfAll, http, caller, registry) = (gate, request.Http, request.Caller, request.Registry);
        var referencedOnly = mounting == BlobMounting.Referenced;
        async ValueTask<bool> MayReadAsync(RepositoryName repository) =>
            await gateOfAll.CheckAsync(new AccessRequest(http, caller, ReadSource, registry, repository), http.RequestAborted) is null;

        var mounted = await uploads.MountAsync(registry, request.Name, digest, from, referencedOnly, MayReadAsync, request.Aborted);
        if (mounted.Error is { } missing)
        {
            if (await targets.RetryAsync(request.Http, request.Caller, request.Registry, request.Name, missing, request.Aborted) is { } error)
            {
                await request.FailAsync(error);
                return true;
            }

            mounted = await uploads.MountAsync(registry, request.Name, digest, from, referencedOnly, MayReadAsync, request.Aborted);
            if (mounted.Error is { } again)
            {
                await request.FailAsync(again);
                return true;
            }
        }

        if (mounted.Value is null) return false;
        AnswerCreated(request, digest);
        return true;
    }

    private async Task PutWholeAsync(OciRequest request, string text)
    {
        if ((await CheckAsync(request, UploadPart) ?? await CheckAsync(request, CompleteUpload)) is { } denied)
        {
            await request.FailAsync(denied);
            return;
        }

        if (!Digest.TryParse(text, out var digest))
        {
            await request.FailAsync(MissingOrMalformed(text));
            return;
        }

        if (await targets.EnsureAsync(request.Http, request.Caller, request.Registry, request.Name, request.Aborted) is { } error)
        {
            await request.FailAsync(error);
            return;
        }

        // No body is the empty blob: it has a digest like any other.
        var body = request.Http.Request;
        var length = request.HasBody ? body.ContentLength : 0;
        await AnswerAsync(request, await uploads.PutAsync(request.Registry, request.Name, digest, length, body.BodyReader, request.Aborted));
    }

    private ValueTask<RegistryError?> CheckAsync(in OciRequest request, string action) =>
        gate.CheckAsync(new AccessRequest(request.Http, request.Caller, action, request.Registry, request.Name), request.Aborted);

    private static RegistryError MissingOrMalformed(string? digest) => string.IsNullOrEmpty(digest)
        ? new RegistryError(ErrorCode.DigestInvalid, "The query lacks digest=, the digest of the whole blob.")
        : BlobEndpoints.Malformed(digest);

    /// <summary>What the headers say of the body: where it starts, if they do, and how long it is, if they do.</summary>
    private static RegistryError? ReadRange(in OciRequest request, out long? start, out long? length)
    {
        start = null;
        length = request.HasBody ? request.Http.Request.ContentLength : 0;
        var header = request.Http.Request.Headers.ContentRange;
        if (header.Count == 0) return null;
        if (header.Count == 1 && ContentRange.TryParse(header[0], out var range))
        {
            start = range.Start;
            // An empty body has no first and last byte, and clients write 0-0 for want of a form.
            if (length == 0) return null;
            if (length is { } stated && stated != range.Length)
                return new RegistryError(ErrorCode.SizeInvalid, $"Content-Range has {range.Length} bytes and Content-Length {stated}.");
            length = range.Length;
            return null;
        }

        // As above: some write 0--1.
        return length == 0 ? null : new RegistryError(ErrorCode.BlobUploadInvalid, "Content-Range must be FIRST-LAST, the offsets of the first and the last byte of the chunk.");
    }

    /// <summary>Answers with where an upload stands, also after a chunk that does not fit: then the client can go on from there.</summary>
    private static Task AnswerAsync(in OciRequest request, Outcome<UploadStatus> outcome, int status)
    {
        if (!outcome.TryGet(out var upload, out var error)) return FailAsync(request, error);
        request.Response.StatusCode = status;
        WritePosition(request, upload.Id, upload.Received);
        return Task.CompletedTask;
    }

    private static Task AnswerAsync(in OciRequest request, Outcome<BlobInfo> outcome)
    {
        if (!outcome.TryGet(out var blob, out var error)) return FailAsync(request, error);
        AnswerCreated(request, blob.Digest);
        return Task.CompletedTask;
    }

    private static Task FailAsync(in OciRequest request, RegistryError error)
    {
        if (error.Code == ErrorCode.RangeInvalid
            && error.Detail?.TryGetValue("received", out var text) == true
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var received))
        {
            WritePosition(request, request.Tail, received);
        }

        return request.FailAsync(error);
    }

    // Relative, so that it is right behind every proxy and under every host name.
    private static void WritePosition(in OciRequest request, string uploadId, long received)
    {
        var headers = request.Response.Headers;
        headers.Location = $"/v2/{request.Name.Value}/blobs/uploads/{uploadId}";
        // The specification has no form for "nothing yet", and the suites read 0-0 as that.
        headers.Range = received == 0 ? "0-0" : string.Create(CultureInfo.InvariantCulture, $"0-{received - 1}");
        headers[OciHeaders.DockerUploadUuid] = uploadId;
    }

    private static void AnswerCreated(in OciRequest request, Digest digest)
    {
        request.Response.StatusCode = StatusCodes.Status201Created;
        var headers = request.Response.Headers;
        headers.Location = $"/v2/{request.Name.Value}/blobs/{digest.Value}";
        headers[OciHeaders.DockerContentDigest] = digest.Value;
    }
}
