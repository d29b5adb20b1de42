using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Longshore.TestSupport.Oci;

/// <summary>
/// A thin registry client: one method per request of the distribution specification, and intent methods over them.
/// Sends what it is told, checks only what the method's name promises. Safe for concurrent use.
/// </summary>
public sealed class OciClient : IDisposable
{
    // What docker sends; older registries hide OCI manifests from clients that do not ask for them.
    private static readonly (string, string)[] AcceptManifests =
    [
        ("Accept", OciMediaTypes.ImageManifest), ("Accept", OciMediaTypes.ImageIndex),
        ("Accept", OciMediaTypes.DockerManifest), ("Accept", OciMediaTypes.DockerManifestList),
    ];

    private readonly HttpClient _http;

    /// <param name="userName">With <paramref name="password"/>, sent as Basic credentials with every request; null sends none.</param>
    /// <param name="maxConnections">Connections to the server at most.</param>
    public OciClient(Uri baseAddress, string? userName = null, string? password = null, int maxConnections = 64)
    {
        // No proxy and no redirects: what the registry says is what the test sees.
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, MaxConnectionsPerServer = maxConnections })
        {
            BaseAddress = baseAddress,
            Timeout = TimeSpan.FromMinutes(5),
        };
        if (userName is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{userName}:{password}")));
        }
    }

    /// <summary>The underlying client, for requests that this class has no method for.</summary>
    public HttpClient Http => _http;

    /// <summary>Sends a request and reads the answer.</summary>
    /// <param name="address">Absolute, or relative to the registry: <c>/v2/…</c>.</param>
    /// <param name="headers">Sent as they are, unvalidated.</param>
    /// <param name="chunkedTransfer">Sends the body with <c>Transfer-Encoding: chunked</c>, without a length.</param>
    public async Task<OciResponse> SendAsync(
        HttpMethod method,
        string address,
        CancellationToken cancellationToken,
        byte[]? body = null,
        string? contentType = null,
        IEnumerable<(string Name, string Value)>? headers = null,
        bool chunkedTransfer = false)
    {
        using var request = new HttpRequestMessage(method, address);
        if (body is not null)
        {
            request.Content = chunkedTransfer ? new UnknownLengthContent(body) : new ByteArrayContent(body);
            if (contentType is not null)
                request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        request.Headers.TransferEncodingChunked = chunkedTransfer ? true : null;
        foreach (var (name, value) in headers ?? [])
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                (request.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation(name, value);
        }
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return await OciResponse.ReadAsync(response, cancellationToken);
    }

    /// <summary>As <see cref="SendAsync"/>, and throws unless the status is one of <paramref name="expected"/>.</summary>
    /// <exception cref="HttpRequestException">Another status; the message holds the whole answer.</exception>
    public async Task<OciResponse> ExpectAsync(
        HttpStatusCode expected,
        HttpMethod method,
        string address,
        CancellationToken cancellationToken,
        byte[]? body = null,
        string? contentType = null,
        IEnumerable<(string Name, string Value)>? headers = null,
        bool chunkedTransfer = false)
    {
        var response = await SendAsync(method, address, cancellationToken, body, contentType, headers, chunkedTransfer);
        return response.Status == expected
            ? response
            : throw new HttpRequestException($"Expected {(int)expected}.\n{response}", null, response.Status);
    }

    public Task<OciResponse> GetManifestAsync(string repository, string reference, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, $"/v2/{repository}/manifests/{reference}", cancellationToken, headers: AcceptManifests);

    public Task<OciResponse> HeadManifestAsync(string repository, string reference, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Head, $"/v2/{repository}/manifests/{reference}", cancellationToken, headers: AcceptManifests);

    public Task<OciResponse> DeleteManifestAsync(string repository, string reference, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, $"/v2/{repository}/manifests/{reference}", cancellationToken);

    public Task<OciResponse> PutManifestAsync(string repository, string reference, TestManifest manifest, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, $"/v2/{repository}/manifests/{reference}", cancellationToken, manifest.Content, manifest.MediaType);

    public Task<OciResponse> GetBlobAsync(string repository, string digest, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, $"/v2/{repository}/blobs/{digest}", cancellationToken);

    public Task<OciResponse> HeadBlobAsync(string repository, string digest, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Head, $"/v2/{repository}/blobs/{digest}", cancellationToken);

    public Task<OciResponse> DeleteBlobAsync(string repository, string digest, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, $"/v2/{repository}/blobs/{digest}", cancellationToken);

    public Task<OciResponse> ReferrersAsync(string repository, string digest, CancellationToken cancellationToken, string? artifactType = null) =>
        SendAsync(
            HttpMethod.Get,
            $"/v2/{repository}/referrers/{digest}" + (artifactType is null ? "" : "?artifactType=" + Uri.EscapeDataString(artifactType)),
            cancellationToken);

    /// <summary>Mounts, or opens an upload when the registry cannot.</summary>
    /// <param name="from">Source repository; null leaves it to the registry to find one.</param>
    public Task<OciResponse> MountBlobAsync(string repository, string digest, string? from, CancellationToken cancellationToken) =>
        SendAsync(
            HttpMethod.Post,
            $"/v2/{repository}/blobs/uploads/?mount={Uri.EscapeDataString(digest)}" + (from is null ? "" : "&from=" + Uri.EscapeDataString(from)),
            cancellationToken,
            []);

    /// <summary>Opens an upload.</summary>
    /// <returns>Its address.</returns>
    /// <exception cref="HttpRequestException">Not 202.</exception>
    public async Task<Uri> StartUploadAsync(string repository, CancellationToken cancellationToken) =>
        (await ExpectAsync(HttpStatusCode.Accepted, HttpMethod.Post, $"/v2/{repository}/blobs/uploads/", cancellationToken, [])).Location;

    /// <summary>Sends one chunk with its <c>Content-Range</c>.</summary>
    public Task<OciResponse> PatchChunkAsync(Uri upload, long offset, byte[] chunk, CancellationToken cancellationToken) => SendAsync(
        HttpMethod.Patch,
        upload.AbsoluteUri,
        cancellationToken,
        chunk,
        OciMediaTypes.OctetStream,
        [("Content-Range", $"{offset}-{offset + chunk.Length - 1}")]);

    /// <summary>Closes an upload, with the rest of the body or without.</summary>
    public Task<OciResponse> FinishUploadAsync(Uri upload, string digest, CancellationToken cancellationToken, byte[]? body = null) =>
        SendAsync(HttpMethod.Put, WithQuery(upload, "digest", digest), cancellationToken, body ?? [], OciMediaTypes.OctetStream);

    /// <summary>Pushes a blob with POST and one PUT.</summary>
    /// <exception cref="HttpRequestException">The registry refused.</exception>
    public async Task PushBlobAsync(string repository, TestBlob blob, CancellationToken cancellationToken)
    {
        var upload = await StartUploadAsync(repository, cancellationToken);
        Ensure(HttpStatusCode.Created, await FinishUploadAsync(upload, blob.Digest, cancellationToken, blob.Content));
    }

    /// <summary>Pushes a blob in chunks of <paramref name="chunkSize"/> bytes and an empty PUT.</summary>
    /// <exception cref="HttpRequestException">The registry refused.</exception>
    public async Task PushBlobChunkedAsync(string repository, TestBlob blob, int chunkSize, CancellationToken cancellationToken)
    {
        var upload = await StartUploadAsync(repository, cancellationToken);
        for (var offset = 0; offset < blob.Content.Length; offset += chunkSize)
        {
            var chunk = blob.Content.AsSpan(offset, Math.Min(chunkSize, blob.Content.Length - offset)).ToArray();
            upload = Ensure(HttpStatusCode.Accepted, await PatchChunkAsync(upload, offset, chunk, cancellationToken)).Location;
        }
        Ensure(HttpStatusCode.Created, await FinishUploadAsync(upload, blob.Digest, cancellationToken));
    }

    /// <summary>Pushes the manifest alone; what it refers to must be there.</summary>
    /// <exception cref="HttpRequestException">The registry refused.</exception>
    public async Task PushManifestAsync(string repository, string reference, TestManifest manifest, CancellationToken cancellationToken) =>
        Ensure(HttpStatusCode.Created, await PutManifestAsync(repository, reference, manifest, cancellationToken));

    /// <summary>Pushes an image or index with all that belongs to it, as docker does: blobs the repository lacks, children, then the tag.</summary>
    /// <param name="tag">Null pushes by digest.</param>
    /// <exception cref="HttpRequestException">The registry refused.</exception>
    public async Task PushImageAsync(string repository, TestManifest image, string? tag, CancellationToken cancellationToken)
    {
        foreach (var manifest in image.PushOrder)
        {
            foreach (var blob in manifest.Blobs.DistinctBy(blob => blob.Digest))
            {
                if ((await HeadBlobAsync(repository, blob.Digest, cancellationToken)).Status != HttpStatusCode.OK)
                    await PushBlobAsync(repository, blob, cancellationToken);
            }
            await PushManifestAsync(repository, manifest == image && tag is not null ? tag : manifest.Digest, manifest, cancellationToken);
        }
    }

    /// <summary>Reads an image back, tag first, and compares every byte.</summary>
    /// <exception cref="InvalidDataException">Something differs; the message says what.</exception>
    /// <exception cref="HttpRequestException">Something is missing.</exception>
    public async Task VerifyImageAsync(string repository, TestManifest image, string reference, CancellationToken cancellationToken)
    {
        foreach (var manifest in image.PushOrder)
        {
            var got = Ensure(
                HttpStatusCode.OK,
                await GetManifestAsync(repository, manifest == image ? reference : manifest.Digest, cancellationToken));
            if (!got.Body.AsSpan().SequenceEqual(manifest.Content) || got.Header("Content-Type") != manifest.MediaType)
                throw new InvalidDataException($"Manifest {manifest.Digest} differs.\n{got}");
            foreach (var blob in manifest.Blobs.DistinctBy(blob => blob.Digest))
            {
                var body = Ensure(HttpStatusCode.OK, await GetBlobAsync(repository, blob.Digest, cancellationToken)).Body;
                if (!body.AsSpan().SequenceEqual(blob.Content))
                    throw new InvalidDataException($"Blob {blob.Digest} differs: {body.Length} bytes, expected {blob.Content.Length}.");
            }
        }
    }

    /// <summary>All tags, following <c>Link</c> from page to page.</summary>
    /// <exception cref="HttpRequestException">Not 200.</exception>
    public async Task<IReadOnlyList<string>> ListTagsAsync(string repository, CancellationToken cancellationToken, int? pageSize = null)
    {
        var tags = new List<string>();
        var next = $"/v2/{repository}/tags/list" + (pageSize is null ? "" : $"?n={pageSize}");
        while (next is not null)
        {
            var response = await ExpectAsync(HttpStatusCode.OK, HttpMethod.Get, next, cancellationToken);
            tags.AddRange(response.Json["tags"]?.AsArray().Select(tag => (string)tag!) ?? []);
            next = NextPage(response);
        }
        return tags;
    }

    /// <summary>Target of the answer's <c>Link: &lt;…&gt;; rel="next"</c>, absolute, or null.</summary>
    public static string? NextPage(OciResponse response)
    {
        if (response.Header("Link") is not { } link)
            return null;
        var (start, end) = (link.IndexOf('<', StringComparison.Ordinal), link.IndexOf('>', StringComparison.Ordinal));
        return start >= 0 && end > start && link[end..].Contains("rel=\"next\"", StringComparison.Ordinal)
            ? new Uri(response.Uri, link[(start + 1)..end]).AbsoluteUri
            : throw new InvalidDataException($"Not a link to a next page: {link}");
    }

    /// <summary>Adds a parameter to whatever query the registry's address already has.</summary>
    public static string WithQuery(Uri address, string name, string value) =>
        address.AbsoluteUri + (address.Query.Length == 0 ? "?" : "&") + name + "=" + Uri.EscapeDataString(value);

    public void Dispose() => _http.Dispose();

    private static OciResponse Ensure(HttpStatusCode expected, OciResponse response) => response.Status == expected
        ? response
        : throw new HttpRequestException($"Expected {(int)expected}.\n{response}", null, response.Status);

    private sealed class UnknownLengthContent(byte[] body) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            stream.WriteAsync(body).AsTask();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
            stream.WriteAsync(body, cancellationToken).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
