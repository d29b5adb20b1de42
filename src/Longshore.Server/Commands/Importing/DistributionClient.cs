using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>A manifest as a registry gave it.</summary>
/// <param name="Digest">Its digest, computed over <paramref name="Bytes"/>.</param>
/// <param name="MediaType">Its Content-Type; empty when that says nothing.</param>
/// <param name="Bytes">The manifest.</param>
internal sealed record FetchedManifest(Digest Digest, string MediaType, byte[] Bytes);

/// <summary>A client of the distribution API (OCI Distribution 1.1), against any registry. What a registry answers is believed as far as a digest proves it.</summary>
internal sealed partial class DistributionClient : IDisposable
{
    private const int Tries = 8;
    private const int MaxAnswer = 32 << 20;

    // At 1,000 names a page a hundred million; whoever goes on longer never ends.
    private const int MaxPages = 100_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly string[] ManifestTypes =
    [
        MediaTypes.OciIndex, MediaTypes.OciManifest, MediaTypes.DockerManifestList, MediaTypes.DockerManifest, "*/*",
    ];

    // What servers say who do not know what they serve: then the manifest itself tells.
    private static readonly string[] GenericTypes = ["application/json", "application/octet-stream", "text/plain", "text/json"];

    private readonly DistributionTransport transport;

    /// <summary>A client.</summary>
    /// <param name="address">Scheme and authority.</param>
    /// <param name="login">Gives user name and password whenever the registry asks for them, as those of ECR end after hours; null for none.</param>
    /// <param name="time">Waits before tries.</param>
    /// <param name="patience">How long a connection may be silent; null for two minutes.</param>
    /// <param name="tries">How often a request is sent before its failure is final.</param>
    public DistributionClient(Uri address, Func<CancellationToken, Task<(string User, string Password)?>> login, TimeProvider time, TimeSpan? patience = null, int tries = Tries) =>
        transport = new DistributionTransport(address, login, time, patience ?? Patience, tries);

    /// <summary>Where it speaks to.</summary>
    public Uri Address => transport.Address;

    /// <inheritdoc/>
    public void Dispose() => transport.Dispose();

    /// <summary>The names of all repositories, page by page.</summary>
    /// <exception cref="ClientException">The registry does not tell them, as many do not.</exception>
    public IAsyncEnumerable<string> CatalogAsync(CancellationToken cancellationToken) =>
        ListAsync("/v2/_catalog?n=1000", "repositories", "registry:catalog:*", "does not list its repositories: name one with --from, without a star.", cancellationToken);

    /// <summary>The tags of a repository, page by page; none when there is no such repository.</summary>
    public IAsyncEnumerable<string> TagsAsync(string repository, CancellationToken cancellationToken) =>
        ListAsync($"/v2/{repository}/tags/list?n=1000", "tags", Scope(repository, push: false), null, cancellationToken);

    /// <summary>Whether there is such a repository, by its list of tags.</summary>
    public async Task<bool> HasRepositoryAsync(string repository, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(HttpMethod.Get, $"/v2/{repository}/tags/list?n=1", Scope(repository, push: false), null, MaxAnswer, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) return false;
        Require(answer, HttpStatusCode.OK);
        return true;
    }

    /// <summary>The digest of a tag or digest; null when there is none.</summary>
    public async Task<string?> FindDigestAsync(string repository, string reference, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(HttpMethod.Head, $"/v2/{repository}/manifests/{reference}", Scope(repository, push: false), AcceptManifests, 0, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) return null;
        Require(answer, HttpStatusCode.OK);
        if (answer.Header("Docker-Content-Digest") is not { Length: > 0 } told) return (await FetchAsync(repository, reference, cancellationToken))?.Digest.Value;
        return Digest.TryParse(told, out var digest) ? digest.Value : throw new ClientException($"{Address.Authority}: the digest that it gives for {reference} is none.");
    }

    /// <summary>The media type of a manifest, without fetching it, which would count as a pull; null when there is none.</summary>
    public async Task<string?> FindTypeAsync(string repository, string digest, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(HttpMethod.Head, $"/v2/{repository}/manifests/{digest}", Scope(repository, push: false), AcceptManifests, 0, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) return null;
        Require(answer, HttpStatusCode.OK);
        return answer.MediaType;
    }

    /// <summary>A manifest, its bytes checked against the digest asked for or told; null when there is none.</summary>
    public async Task<FetchedManifest?> FetchAsync(string repository, string reference, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(HttpMethod.Get, $"/v2/{repository}/manifests/{reference}", Scope(repository, push: false), AcceptManifests, ManifestDocument.MaxBytes, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) return null;
        Require(answer, HttpStatusCode.OK);
        // Their digests are not those of the bytes, which would be what the message is about.
        if (answer.MediaType is MediaTypes.DockerSchema1 or MediaTypes.DockerSchema1Signed)
            throw new ClientException($"{Address.Authority}/{repository}: {reference} is a Docker image manifest of schema 1, which is not supported. Push the image again with a client that writes schema 2 or OCI.");
        var told = Digest.TryParse(reference, out _) ? reference : answer.Header("Docker-Content-Digest");
        var digest = Digest.Compute(answer.Body, Digest.TryParse(told, out var named) ? named.Algorithm : DigestAlgorithm.Sha256);
        if (told is not null && told != digest.Value) throw new ClientException($"{Address.Authority}/{repository}: the manifest {Printable(told)} has digest {digest}.");
        return new FetchedManifest(digest, GenericTypes.Contains(answer.MediaType, StringComparer.OrdinalIgnoreCase) ? "" : answer.MediaType, answer.Body);
    }

    /// <summary>The manifests that refer to one; none when the registry has no referrers API.</summary>
    public async IAsyncEnumerable<string> ReferrersAsync(string repository, string digest, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var answer in PagesAsync($"/v2/{repository}/referrers/{digest}", Scope(repository, push: false), cancellationToken))
        {
            if (answer.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.BadRequest) yield break;
            Require(answer, HttpStatusCode.OK);
            using var document = answer.Json();
            if (!document.RootElement.TryGetProperty("manifests", out var manifests) || manifests.ValueKind != JsonValueKind.Array) yield break;
            foreach (var manifest in manifests.EnumerateArray())
            {
                if (manifest.ValueKind == JsonValueKind.Object && manifest.TryGetProperty("digest", out var found) && found.ValueKind == JsonValueKind.String
                    && Digest.TryParse(found.GetString(), out var parsed)) yield return parsed.Value;
            }
        }
    }

    /// <summary>Whether a repository has a blob.</summary>
    public async Task<bool> HasBlobAsync(string repository, string digest, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(HttpMethod.Head, $"/v2/{repository}/blobs/{digest}", Scope(repository, push: false), null, 0, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) return false;
        Require(answer, HttpStatusCode.OK);
        return true;
    }

    /// <summary>Opens a blob from a position on; the answer may begin before it, at 0 when the registry knows no ranges.</summary>
    public async Task<(HttpResponseMessage Response, long Position)> OpenBlobAsync(string repository, string digest, long position, CancellationToken cancellationToken)
    {
        var response = await transport.SendAsync(
            HttpMethod.Get,
            new Uri(Address, $"/v2/{repository}/blobs/{digest}"),
            Scope(repository, push: false),
            request => request.Headers.Range = position > 0 ? new RangeHeaderValue(position, null) : null,
            downgrade: true,
            cancellationToken);
        if (response.StatusCode == HttpStatusCode.OK) return (response, 0);
        if (response.StatusCode == HttpStatusCode.PartialContent && (response.Content.Headers.ContentRange?.From ?? position) is var from && from <= position) return (response, from);
        using (response)
            throw Failure(response.StatusCode, (HttpMethod.Get, response.RequestMessage!.RequestUri!), "");
    }

    /// <summary>Begins an upload, or mounts the blob from another repository. Null when it was mounted.</summary>
    public async Task<Uri?> BeginUploadAsync(string repository, string digest, string? from, CancellationToken cancellationToken)
    {
        var mount = from is null ? "" : $"?mount={Uri.EscapeDataString(digest)}&from={Uri.EscapeDataString(from)}";
        var answer = await AskAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/{mount}", Scope(repository, push: true), static request => request.Content = new ByteArrayContent([]), MaxAnswer, cancellationToken);
        if (answer.Status == HttpStatusCode.Created) return null;
        Require(answer, HttpStatusCode.Accepted);
        return Uri.TryCreate(Address, answer.Header("Location"), out var location) ? location : throw new ClientException($"{Address.Authority} began an upload and does not say where.");
    }

    /// <summary>Sends all of a blob, in one request that is not repeated.</summary>
    /// <exception cref="HttpRequestException">It may work with another upload.</exception>
    public async Task PutBlobAsync(string repository, Uri upload, string digest, Stream bytes, long size, CancellationToken cancellationToken)
    {
        var to = new Uri(upload + (upload.Query.Length > 0 ? "&" : "?") + "digest=" + Uri.EscapeDataString(digest));
        var answer = await transport.UploadAsync(HttpMethod.Put, to, Scope(repository, push: true), bytes, size, cancellationToken);
        if ((int)answer.Status is >= 500 or 429) throw new HttpRequestException($"{Address.Authority} answered {(int)answer.Status}.", null, answer.Status);
        Require(answer, HttpStatusCode.Created);
    }

    /// <summary>Puts a manifest by digest, with a tag or without.</summary>
    public async Task PutManifestAsync(string repository, FetchedManifest manifest, string? tag, CancellationToken cancellationToken)
    {
        var reference = manifest.Digest.Value + (tag is null ? "" : "?tag=" + Uri.EscapeDataString(tag));
        var answer = await AskAsync(
            HttpMethod.Put,
            $"/v2/{repository}/manifests/{reference}",
            Scope(repository, push: true),
            request =>
            {
                request.Content = new ByteArrayContent(manifest.Bytes);
                if (manifest.MediaType.Length > 0) request.Content.Headers.ContentType = new MediaTypeHeaderValue(manifest.MediaType);
            },
            MaxAnswer,
            cancellationToken);
        Require(answer, HttpStatusCode.Created);
    }

    /// <summary>Reads from a blob's body, and waits for the next byte no longer than it has patience.</summary>
    public ValueTask<int> ReadAsync(Stream stream, Memory<byte> into, CancellationToken cancellationToken) => transport.ReadAsync(stream, into, cancellationToken);

    /// <summary>Waits before another try: longer each time, or as long as the registry says.</summary>
    public Task PauseAsync(int attempt, TimeSpan? told, CancellationToken cancellationToken) => transport.PauseAsync(attempt, told, cancellationToken);

    /// <summary>What a stranger's text looks like on a terminal: without what moves its cursor.</summary>
    public static string Printable(string text) => string.Create(text.Length, text, static (into, from) =>
    {
        for (var i = 0; i < into.Length; i++) into[i] = char.IsControl(from[i]) ? ' ' : from[i];
    });

    private static string Scope(string repository, bool push) => $"repository:{repository}:pull{(push ? ",push" : "")}";

    private static void AcceptManifests(HttpRequestMessage request)
    {
        foreach (var type in ManifestTypes) request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
    }

    private Task<RegistryAnswer> AskAsync(HttpMethod method, string path, string scope, Action<HttpRequestMessage>? with, int most, CancellationToken cancellationToken) =>
        transport.AskAsync(method, new Uri(Address, path), scope, with, most, cancellationToken);

    private async IAsyncEnumerable<string> ListAsync(string path, string member, string scope, string? unlisted, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var first = true;
        await foreach (var answer in PagesAsync(path, scope, cancellationToken))
        {
            if (answer.Status == HttpStatusCode.NotFound && first && unlisted is null) yield break;
            if (first && unlisted is not null && answer.Status is not HttpStatusCode.OK) throw new ClientException($"{Failure(answer.Status, answer.Request, "").Message} It {unlisted}");
            first = false;
            Require(answer, HttpStatusCode.OK);
            using var document = answer.Json();
            if (!document.RootElement.TryGetProperty(member, out var names) || names.ValueKind != JsonValueKind.Array) continue;
            foreach (var name in names.EnumerateArray())
                yield return name.ValueKind == JsonValueKind.String ? name.GetString()! : throw new ClientException($"{Address.Authority} lists {member} that are no names.");
        }
    }

    /// <summary>The pages of a list, as the header <c>Link</c> leads on. Of an address there, path and query count: it is where the page before was.</summary>
    /// <exception cref="ClientException">It leads in a circle.</exception>
    private async IAsyncEnumerable<RegistryAnswer> PagesAsync(string path, string scope, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var at = new Uri(Address, path); ;)
        {
            if (!seen.Add(at.PathAndQuery) || seen.Count > MaxPages) throw new ClientException($"{Address.Authority} leads from page to page without end: {at.AbsolutePath}.");
            var answer = await transport.AskAsync(HttpMethod.Get, at, scope, null, MaxAnswer, cancellationToken);
            yield return answer;
            if (!answer.Headers.TryGetValues("Link", out var links) || NextLink().Match(string.Join(", ", links)) is not { Success: true } next) yield break;
            if (!Uri.TryCreate(answer.Request.Address, next.Groups[1].Value, out var to) || to.Scheme is not ("http" or "https")) throw new ClientException($"{Address.Authority} leads to a next page that has no address.");
            at = new Uri(answer.Request.Address, to.PathAndQuery);
        }
    }

    private static void Require(RegistryAnswer answer, HttpStatusCode expected)
    {
        if (answer.Status != expected) throw Failure(answer.Status, answer.Request, Encoding.UTF8.GetString(answer.Body));
    }

    private static ClientException Failure(HttpStatusCode status, (HttpMethod Method, Uri Address) request, string text)
    {
        var about = status is HttpStatusCode.Unauthorized ? " Are user name and password right?" : "";
        var said = Printable(text.Length > 300 ? text[..300] : text);
        return new ClientException($"{request.Address.Authority} answered {(int)status} to {request.Method} {request.Address.AbsolutePath}.{about} {said}".TrimEnd(), ((int)status).ToString(CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("<([^>]*)>[^<]*?rel=\"?next", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NextLink();
}
