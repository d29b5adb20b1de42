using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>A manifest as a registry gave it.</summary>
/// <param name="Digest">Its digest, computed over <paramref name="Bytes"/>.</param>
/// <param name="MediaType">Its Content-Type.</param>
/// <param name="Bytes">The manifest.</param>
internal sealed record FetchedManifest(Digest Digest, string MediaType, byte[] Bytes);

/// <summary>A client of the distribution API (OCI Distribution 1.1), against any registry: Basic and Bearer, retries, bounded memory.</summary>
/// <param name="address">Scheme and authority.</param>
/// <param name="login">Gives user name and password whenever the registry asks for them, as those of ECR end after hours; null for none.</param>
/// <param name="time">Waits before tries.</param>
internal sealed class DistributionClient(Uri address, Func<CancellationToken, Task<(string User, string Password)?>> login, TimeProvider time) : IDisposable
{
    private const int Tries = 8;
    private const int MaxAnswer = 32 << 20;

    // Passwords of ECR end after 12 hours, and AWS says so with 403, as it does to those who may not.
    private static readonly TimeSpan BasicLife = TimeSpan.FromHours(6);

    private static readonly string[] ManifestTypes =
    [
        "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json", "*/*",
    ];

    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, MaxConnectionsPerServer = 32, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly ConcurrentDictionary<string, AuthenticationHeaderValue> tokens = new(StringComparer.Ordinal);

    // Until when nobody asks this registry, as a timestamp: who was throttled speaks for all.
    private long quietUntil;
    private long loggedInAt;

    /// <summary>Where it speaks to.</summary>
    public Uri Address => address;

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    /// <summary>The names of all repositories, page by page.</summary>
    public IAsyncEnumerable<string> CatalogAsync(CancellationToken cancellationToken) => ListAsync("/v2/_catalog?n=1000", "repositories", "registry:catalog:*", cancellationToken);

    /// <summary>The tags of a repository, page by page; none when there is no such repository.</summary>
    public IAsyncEnumerable<string> TagsAsync(string repository, CancellationToken cancellationToken) =>
        ListAsync($"/v2/{repository}/tags/list?n=1000", "tags", Scope(repository, push: false), cancellationToken);

    /// <summary>Whether there is such a repository, by its list of tags.</summary>
    public async Task<bool> HasRepositoryAsync(string repository, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Get, $"/v2/{repository}/tags/list?n=1", Scope(repository, push: false), null, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound) return false;
        await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
        return true;
    }

    /// <summary>The digest of a tag or digest; null when there is none.</summary>
    public async Task<string?> FindDigestAsync(string repository, string reference, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Head, $"/v2/{repository}/manifests/{reference}", Scope(repository, push: false), AcceptManifests, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
        if (response.Headers.TryGetValues("Docker-Content-Digest", out var values) && values.FirstOrDefault() is { Length: > 0 } digest) return digest;
        return (await FetchAsync(repository, reference, cancellationToken))?.Digest.Value;
    }

    /// <summary>The media type of a manifest, without fetching it, which would count as a pull; null when there is none.</summary>
    public async Task<string?> FindTypeAsync(string repository, string digest, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Head, $"/v2/{repository}/manifests/{digest}", Scope(repository, push: false), AcceptManifests, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
        return response.Content.Headers.ContentType?.MediaType ?? "";
    }

    /// <summary>A manifest, its bytes checked against the digest asked for or told; null when there is none.</summary>
    public async Task<FetchedManifest?> FetchAsync(string repository, string reference, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var response = await SendAsync(HttpMethod.Get, $"/v2/{repository}/manifests/{reference}", Scope(repository, push: false), AcceptManifests, cancellationToken);
                if (response.StatusCode == HttpStatusCode.NotFound) return null;
                await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
                var bytes = await ReadAsync(response, ManifestDocument.MaxBytes, cancellationToken);
                var told = reference.Contains(':', StringComparison.Ordinal) ? reference
                    : response.Headers.TryGetValues("Docker-Content-Digest", out var values) ? values.First() : null;
                var digest = Digest.Compute(bytes, Digest.TryParse(told, out var named) ? named.Algorithm : DigestAlgorithm.Sha256);
                if (told is not null && told != digest.Value) throw new ClientException($"{address.Authority}/{repository}: the manifest {told} has digest {digest}.");
                return new FetchedManifest(digest, response.Content.Headers.ContentType?.MediaType ?? "", bytes);
            }
            catch (Exception e) when (e is HttpRequestException or IOException && attempt < Tries)
            {
                await PauseAsync(attempt, null, cancellationToken);
            }
        }
    }

    /// <summary>The manifests that refer to one; none when the registry has no referrers API.</summary>
    public async IAsyncEnumerable<string> ReferrersAsync(string repository, string digest, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var path = $"/v2/{repository}/referrers/{digest}"; path is not null;)
        {
            using var response = await SendAsync(HttpMethod.Get, path, Scope(repository, push: false), null, cancellationToken);
            if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.BadRequest) yield break;
            await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
            using var document = JsonDocument.Parse(await ReadAsync(response, MaxAnswer, cancellationToken));
            if (!document.RootElement.TryGetProperty("manifests", out var manifests) || manifests.ValueKind != JsonValueKind.Array) yield break;
            foreach (var manifest in manifests.EnumerateArray())
                if (manifest.TryGetProperty("digest", out var found) && Digest.TryParse(found.GetString(), out var parsed)) yield return parsed.Value;
            path = Next(response);
        }
    }

    /// <summary>Whether a repository has a blob.</summary>
    public async Task<bool> HasBlobAsync(string repository, string digest, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Head, $"/v2/{repository}/blobs/{digest}", Scope(repository, push: false), null, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound) return false;
        await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
        return true;
    }

    /// <summary>Opens a blob from a position on; the answer may begin at 0 when the registry knows no ranges.</summary>
    public async Task<(HttpResponseMessage Response, long Position)> OpenBlobAsync(string repository, string digest, long position, CancellationToken cancellationToken)
    {
        var response = await SendAsync(
            HttpMethod.Get,
            $"/v2/{repository}/blobs/{digest}",
            Scope(repository, push: false),
            request => request.Headers.Range = position > 0 ? new RangeHeaderValue(position, null) : null,
            cancellationToken);
        for (var hop = 0; (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && hop < 5; hop++)
        {
            // To where the bytes are: without the credentials of this registry, as they are none of the other's business.
            var to = new Uri(response.RequestMessage!.RequestUri!, response.Headers.Location!);
            response.Dispose();
            using var request = new HttpRequestMessage(HttpMethod.Get, to);
            if (position > 0) request.Headers.Range = new RangeHeaderValue(position, null);
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }

        if ((int)response.StatusCode is >= 500 or 429)
        {
            using (response) throw new HttpRequestException($"{response.RequestMessage?.RequestUri?.Authority} answered {(int)response.StatusCode}.", null, response.StatusCode);
        }

        if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent) return (response, response.StatusCode == HttpStatusCode.OK ? 0 : position);
        using (response)
        {
            await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
            throw new ClientException("no blob");
        }
    }

    /// <summary>Begins an upload, or mounts the blob from another repository. Null when it was mounted.</summary>
    public async Task<Uri?> BeginUploadAsync(string repository, string digest, string? from, CancellationToken cancellationToken)
    {
        var mount = from is null ? "" : $"?mount={Uri.EscapeDataString(digest)}&from={Uri.EscapeDataString(from)}";
        using var response = await SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/{mount}", Scope(repository, push: true), static request => request.Content = new ByteArrayContent([]), cancellationToken);
        if (response.StatusCode == HttpStatusCode.Created) return null;
        await RequireAsync(response, HttpStatusCode.Accepted, cancellationToken);
        return new Uri(address, response.Headers.Location ?? throw new ClientException($"{address.Authority} began an upload and does not say where."));
    }

    /// <summary>Sends all of a blob, in one request that is not repeated.</summary>
    public async Task PutBlobAsync(string repository, Uri upload, string digest, Stream bytes, long size, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, upload + (upload.Query.Length > 0 ? "&" : "?") + "digest=" + Uri.EscapeDataString(digest));
        request.Content = new StreamContent(bytes, 256 * 1024);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        request.Content.Headers.ContentLength = size;
        Authorize(request, Scope(repository, push: true));
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if ((int)response.StatusCode is >= 500 or 429) throw new HttpRequestException($"{address.Authority} answered {(int)response.StatusCode}.", null, response.StatusCode);
        await RequireAsync(response, HttpStatusCode.Created, cancellationToken);
    }

    /// <summary>Puts a manifest by digest, with a tag or without.</summary>
    public async Task PutManifestAsync(string repository, FetchedManifest manifest, string? tag, CancellationToken cancellationToken)
    {
        var reference = manifest.Digest.Value + (tag is null ? "" : "?tag=" + Uri.EscapeDataString(tag));
        using var response = await SendAsync(
            HttpMethod.Put,
            $"/v2/{repository}/manifests/{reference}",
            Scope(repository, push: true),
            request =>
            {
                request.Content = new ByteArrayContent(manifest.Bytes);
                if (manifest.MediaType.Length > 0) request.Content.Headers.ContentType = new MediaTypeHeaderValue(manifest.MediaType);
            },
            cancellationToken);
        await RequireAsync(response, HttpStatusCode.Created, cancellationToken);
    }

    /// <summary>Waits before another try: longer each time, or as long as the registry says.</summary>
    public Task PauseAsync(int attempt, TimeSpan? told, CancellationToken cancellationToken) => Task.Delay(RetryPause.Before(attempt, told), time, cancellationToken);

    private static string Scope(string repository, bool push) => $"repository:{repository}:pull{(push ? ",push" : "")}";

    private static void AcceptManifests(HttpRequestMessage request)
    {
        foreach (var type in ManifestTypes) request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
    }

    private async IAsyncEnumerable<string> ListAsync(string? path, string member, string scope, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (path is not null)
        {
            using var response = await SendAsync(HttpMethod.Get, path, scope, null, cancellationToken);
            if (response.StatusCode == HttpStatusCode.NotFound) yield break;
            await RequireAsync(response, HttpStatusCode.OK, cancellationToken);
            using var document = JsonDocument.Parse(await ReadAsync(response, MaxAnswer, cancellationToken));
            if (document.RootElement.TryGetProperty(member, out var names) && names.ValueKind == JsonValueKind.Array)
                foreach (var name in names.EnumerateArray()) yield return name.GetString()!;
            path = Next(response);
        }
    }

    /// <summary>The next page by the header <c>Link</c>; only its path and query count, on this registry.</summary>
    private string? Next(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Link", out var links)) return null;
        foreach (var link in links)
        {
            var (open, close) = (link.IndexOf('<', StringComparison.Ordinal), link.IndexOf('>', StringComparison.Ordinal));
            if (open >= 0 && close > open && link.Contains("next", StringComparison.OrdinalIgnoreCase)) return new Uri(new Uri(address, response.RequestMessage!.RequestUri!), link[(open + 1)..close]).PathAndQuery;
        }

        return null;
    }

    /// <summary>Sends a request that may be repeated: after a 401 with what is asked for, after cut connections, 429 and 5xx some more times.</summary>
    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string scope, Action<HttpRequestMessage>? with, CancellationToken cancellationToken)
    {
        var authorized = false;
        for (var attempt = 1; ; attempt++)
        {
            if (time.GetElapsedTime(time.GetTimestamp(), Interlocked.Read(ref quietUntil)) is { Ticks: > 0 } quiet) await Task.Delay(quiet, time, cancellationToken);
            using var request = new HttpRequestMessage(method, new Uri(address, path));
            with?.Invoke(request);
            Authorize(request, scope);
            HttpResponseMessage response;
            try
            {
                response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            }
            catch (HttpRequestException e)
            {
                if (attempt >= Tries) throw new ClientException($"{address.Authority} cannot be reached: {e.Message}");
                await PauseAsync(attempt, null, cancellationToken);
                continue;
            }

            if (response.StatusCode == HttpStatusCode.Unauthorized && !authorized)
            {
                authorized = true;
                using (response) await AnswerChallengeAsync(response, scope, cancellationToken);
                continue;
            }

            if ((int)response.StatusCode is not (>= 500 or 429) || attempt >= Tries) return response;
            var told = RetryPause.ToldBy(response, time);
            if (response.StatusCode == HttpStatusCode.TooManyRequests) Interlocked.Exchange(ref quietUntil, time.GetTimestamp() + (long)(RetryPause.Before(attempt, told).TotalSeconds * time.TimestampFrequency));
            response.Dispose();
            await PauseAsync(attempt, told, cancellationToken);
        }
    }

    private void Authorize(HttpRequestMessage request, string scope)
    {
        if (tokens.TryGetValue(scope, out var header)) request.Headers.Authorization = header;
        else if (tokens.TryGetValue("", out header) && time.GetElapsedTime(Interlocked.Read(ref loggedInAt)) < BasicLife) request.Headers.Authorization = header;
    }

    /// <summary>RFC 9110 section 11.6.1, and the token protocol of the distribution project: realm, service, scope.</summary>
    private async Task AnswerChallengeAsync(HttpResponseMessage response, string scope, CancellationToken cancellationToken)
    {
        var challenges = response.Headers.WwwAuthenticate.ToList();
        if (challenges.FirstOrDefault(static c => c.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)) is { Parameter: { } parameter })
        {
            string? Value(string name)
            {
                var at = parameter.IndexOf(name + "=\"", StringComparison.OrdinalIgnoreCase);
                if (at < 0) return null;
                var from = at + name.Length + 2;
                var to = parameter.IndexOf('"', from);
                return to < 0 ? null : parameter[from..to];
            }

            if (Value("realm") is not { } realm || !Uri.TryCreate(address, realm, out var issuer)) throw new ClientException($"{address.Authority} asks for a token and does not say where to get it.");
            // The password goes nowhere in the clear that the registry itself is not reached in.
            if (issuer.Scheme != "https" && address.Scheme == "https") throw new ClientException($"{address.Authority} wants a password sent to {issuer.Authority} without TLS.");
            var query = $"service={Uri.EscapeDataString(Value("service") ?? "")}&scope={Uri.EscapeDataString(Value("scope") ?? scope)}";
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(issuer + (issuer.Query.Length > 0 ? "&" : "?") + query));
            if (await login(cancellationToken) is { } who) request.Headers.Authorization = Basic(who);
            using var answer = await http.SendAsync(request, cancellationToken);
            if (!answer.IsSuccessStatusCode) throw new ClientException($"{issuer.Authority} gives no token for {address.Authority}: {(int)answer.StatusCode}. Are user name and password right?");
            using var document = JsonDocument.Parse(await ReadAsync(answer, 1 << 20, cancellationToken));
            var token = document.RootElement.TryGetProperty("token", out var found) || document.RootElement.TryGetProperty("access_token", out found) ? found.GetString() : null;
            tokens[scope] = new AuthenticationHeaderValue("Bearer", token ?? throw new ClientException($"{issuer.Authority} gives no token."));
            return;
        }

        Interlocked.Exchange(ref loggedInAt, time.GetTimestamp());
        tokens[""] = Basic(await login(cancellationToken) ?? throw new ClientException($"{address.Authority} wants a user name and a password."));
    }

    private static AuthenticationHeaderValue Basic((string User, string Password) who) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{who.User}:{who.Password}")));

    private async Task RequireAsync(HttpResponseMessage response, HttpStatusCode expected, CancellationToken cancellationToken)
    {
        if (response.StatusCode == expected) return;
        var text = response.RequestMessage?.Method == HttpMethod.Head ? "" : Encoding.UTF8.GetString(await ReadAsync(response, 1 << 20, cancellationToken));
        var about = response.StatusCode is HttpStatusCode.Unauthorized ? " Are user name and password right?" : "";
        throw new ClientException($"{address.Authority} answered {(int)response.StatusCode} to {response.RequestMessage?.Method} {response.RequestMessage?.RequestUri?.AbsolutePath}.{about} {(text.Length > 300 ? text[..300] : text)}".TrimEnd(), ((int)response.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    private async Task<byte[]> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var buffer = new MemoryStream();
        var piece = new byte[64 * 1024];
        for (int read; (read = await stream.ReadAsync(piece, cancellationToken)) > 0;)
        {
            if (buffer.Length + read > most) throw new ClientException($"{address.Authority} answers with more than {most} bytes.");
            buffer.Write(piece, 0, read);
        }

        return buffer.ToArray();
    }
}
