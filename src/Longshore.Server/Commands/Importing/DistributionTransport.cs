using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>
/// Requests to one registry that is not trusted: Basic and Bearer, credentials for it alone, redirects, retries, and no wait or answer without a bound.
/// </summary>
/// <param name="address">Scheme and authority.</param>
/// <param name="login">Gives user name and password whenever the registry asks for them, as those of ECR end after hours; null for none.</param>
/// <param name="time">Waits before tries.</param>
/// <param name="tries">How often a request is sent before its failure is final.</param>
/// <param name="patience">How long nothing may come before a connection counts as cut; and a small answer, whole, at the most five times as long.</param>
internal sealed class DistributionTransport(Uri address, Func<CancellationToken, Task<(string User, string Password)?>> login, TimeProvider time, TimeSpan patience, int tries) : IDisposable
{
    private const int MaxErrorBytes = 64 << 10;
    private const int MaxTokenBytes = 1 << 20;
    private const int MaxTokens = 500;
    private const int MaxHops = 5;

    // Passwords of ECR end after 12 hours, and AWS says so with 403, as it does to those who may not.
    private static readonly TimeSpan BasicLife = TimeSpan.FromHours(6);

    private readonly HttpClient http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(30),
        MaxConnectionsPerServer = 32,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    })
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

    /// <summary>Sends a request that may be repeated, and reads its answer. An error's body is cut off, that of a success must not be longer than told.</summary>
    /// <exception cref="ClientException">It cannot be reached, or answers with more than <paramref name="most"/> bytes.</exception>
    public async Task<RegistryAnswer> AskAsync(HttpMethod method, Uri what, string scope, Action<HttpRequestMessage>? with, int most, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var response = await SendAsync(method, what, scope, with, downgrade: false, cancellationToken);
                var body = method == HttpMethod.Head ? [] : await ReadAsync(response, most, cancellationToken);
                return new RegistryAnswer(response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType ?? "", body, (method, response.RequestMessage!.RequestUri!));
            }
            catch (IOException e)
            {
                if (attempt >= tries) throw new ClientException($"{what.Authority} does not answer to the end: {e.Message}", ClientException.Unreachable);
                await PauseAsync(attempt, null, cancellationToken);
            }
        }
    }

    /// <summary>Sends a request that may be repeated: after a 401 with what is asked for, after cut connections, 429 and 5xx some more times.</summary>
    /// <param name="method">The method; redirects are followed of GET and HEAD.</param>
    /// <param name="what">Where; only this registry's own addresses get its credentials.</param>
    /// <param name="scope">What a token is asked for.</param>
    /// <param name="with">Completes the request.</param>
    /// <param name="downgrade">Whether a redirect may lead from TLS to a connection without: only for bytes whose digest is known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri what, string scope, Action<HttpRequestMessage>? with, bool downgrade, CancellationToken cancellationToken)
    {
        var (authorized, hops, at) = (false, 0, what);
        for (var attempt = 1; ; attempt++)
        {
            if (time.GetElapsedTime(time.GetTimestamp(), Interlocked.Read(ref quietUntil)) is { Ticks: > 0 } quiet) await Task.Delay(quiet, time, cancellationToken);
            using var request = new HttpRequestMessage(method, at);
            with?.Invoke(request);
            Authorize(request, scope);
            HttpResponseMessage response;
            try
            {
                response = await SendOnceAsync(request, cancellationToken);
            }
            catch (HttpRequestException e)
            {
                if (attempt >= tries) throw new ClientException($"{at.Authority} cannot be reached: {e.Message}", ClientException.Unreachable);
                (at, hops) = (what, 0);
                await PauseAsync(attempt, null, cancellationToken);
                continue;
            }

            if (response.StatusCode == HttpStatusCode.Unauthorized && !authorized && IsOwn(at))
            {
                authorized = true;
                using (response) await AnswerChallengeAsync(response, scope, cancellationToken);
                continue;
            }

            if ((int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && (method == HttpMethod.Get || method == HttpMethod.Head))
            {
                // Credentials do not go along to another address: they are none of its business.
                using (response) at = Follow(response, at, downgrade);
                if (++hops > MaxHops) throw new ClientException($"{address.Authority} redirects {what.AbsolutePath} without end.");
                attempt--;
                continue;
            }

            if ((int)response.StatusCode is not (>= 500 or 429) || attempt >= tries) return response;
            var told = RetryPause.ToldBy(response, time);
            if (response.StatusCode == HttpStatusCode.TooManyRequests) Interlocked.Exchange(ref quietUntil, time.GetTimestamp() + (long)(RetryPause.Before(attempt, told).TotalSeconds * time.TimestampFrequency));
            response.Dispose();
            (at, hops) = (what, 0);
            await PauseAsync(attempt, told, cancellationToken);
        }
    }

    /// <summary>Sends a body that cannot be sent again. The other side is waited for, but not while the body itself is.</summary>
    public async Task<RegistryAnswer> UploadAsync(HttpMethod method, Uri to, string scope, Stream body, long size, CancellationToken cancellationToken)
    {
        using var idle = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, idle.Token);
        using var request = new HttpRequestMessage(method, to);
        request.Content = new StreamContent(new WatchedStream(body, () => idle.CancelAfter(Timeout.InfiniteTimeSpan), () => idle.CancelAfter(patience)), 256 * 1024);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        request.Content.Headers.ContentLength = size;
        Authorize(request, scope);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token);
            return new RegistryAnswer(response.StatusCode, response.Headers, "", await ReadAsync(response, MaxErrorBytes, cancellationToken), (method, to));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Silent(to);
        }
    }

    /// <summary>Reads from a body, and waits for the next byte no longer than it has patience.</summary>
    /// <exception cref="IOException">Nothing came, or the connection was cut.</exception>
    public async ValueTask<int> ReadAsync(Stream stream, Memory<byte> into, CancellationToken cancellationToken)
    {
        using var idle = new CancellationTokenSource(patience, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, idle.Token);
        try
        {
            return await stream.ReadAsync(into, both.Token);
        }
        catch (OperationCanceledException) when (idle.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new IOException(Silent(address).Message);
        }
    }

    /// <summary>Waits before another try: longer each time, or as long as the registry says.</summary>
    public Task PauseAsync(int attempt, TimeSpan? told, CancellationToken cancellationToken) => Task.Delay(RetryPause.Before(attempt, told), time, cancellationToken);

    private bool IsOwn(Uri at) => at.Scheme == address.Scheme && at.Authority == address.Authority;

    private HttpRequestException Silent(Uri at) => new(string.Create(CultureInfo.InvariantCulture, $"{at.Authority} was silent for {patience.TotalSeconds:0} s."));

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var idle = new CancellationTokenSource(patience, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, idle.Token);
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Silent(request.RequestUri!);
        }
    }

    private static Uri Follow(HttpResponseMessage response, Uri from, bool downgrade)
    {
        var told = response.Headers.TryGetValues("Location", out var values) ? values.FirstOrDefault() : null;
        if (told is null || !Uri.TryCreate(from, told, out var to) || to.Scheme is not ("http" or "https"))
            throw new ClientException($"{from.Authority} redirects {from.AbsolutePath} and does not say where.");
        if (to.Scheme == "http" && from.Scheme == "https" && !downgrade) throw new ClientException($"{from.Authority} redirects {from.AbsolutePath} to {to.Authority} without TLS.");
        return to;
    }

    private void Authorize(HttpRequestMessage request, string scope)
    {
        if (!IsOwn(request.RequestUri!)) return;
        if (tokens.TryGetValue(scope, out var header)) request.Headers.Authorization = header;
        else if (tokens.TryGetValue("", out header) && time.GetElapsedTime(Interlocked.Read(ref loggedInAt)) < BasicLife) request.Headers.Authorization = header;
    }

    /// <summary>RFC 9110 section 11.6.1, and the token protocol of the distribution project: realm, service, scope.</summary>
    private async Task AnswerChallengeAsync(HttpResponseMessage response, string scope, CancellationToken cancellationToken)
    {
        var challenges = response.Headers.WwwAuthenticate.ToList();
        if (challenges.FirstOrDefault(static c => c.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)) is { Parameter: { } parameter })
        {
            var token = await TokenAsync(parameter, scope, cancellationToken);
            // One for each repository, which may be many.
            if (tokens.Count >= MaxTokens) tokens.Clear();
            tokens[scope] = new AuthenticationHeaderValue("Bearer", token);
            return;
        }

        if (challenges.Count > 0 && !challenges.Exists(static c => c.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase)))
            throw new ClientException($"{address.Authority} asks for a login of a kind that is not known here: neither Basic nor Bearer.");
        var who = await login(cancellationToken) ?? throw new ClientException($"{address.Authority} wants a user name and a password.");
        Interlocked.Exchange(ref loggedInAt, time.GetTimestamp());
        tokens[""] = Basic(who);
    }

    private async Task<string> TokenAsync(string parameter, string scope, CancellationToken cancellationToken)
    {
        if (Value(parameter, "realm") is not { } realm || !Uri.TryCreate(address, realm, out var issuer) || issuer.Scheme is not ("http" or "https"))
            throw new ClientException($"{address.Authority} asks for a token and does not say where to get it.");
        // The password goes nowhere in the clear that the registry itself is not reached in.
        if (issuer.Scheme != "https" && address.Scheme == "https") throw new ClientException($"{address.Authority} wants a password sent to {issuer.Authority} without TLS.");
        var query = $"service={Uri.EscapeDataString(Value(parameter, "service") ?? "")}&scope={Uri.EscapeDataString(Value(parameter, "scope") ?? scope)}";
        var from = new Uri(issuer.GetLeftPart(UriPartial.Query) + (issuer.Query.Length > 0 ? "&" : "?") + query);
        var who = await login(cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan? told = null;
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, from);
                if (who is { } known) request.Headers.Authorization = Basic(known);
                using var answer = await SendOnceAsync(request, cancellationToken);
                if (answer.IsSuccessStatusCode) return TokenOf(await ReadAsync(answer, MaxTokenBytes, cancellationToken), issuer);
                if ((int)answer.StatusCode is not (>= 500 or 429) || attempt >= tries)
                    throw new ClientException($"{issuer.Authority} gives no token for {address.Authority}: {(int)answer.StatusCode}. Are user name and password right?");
                told = RetryPause.ToldBy(answer, time);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                if (attempt >= tries) throw new ClientException($"{issuer.Authority}, which gives tokens for {address.Authority}, cannot be reached: {e.Message}", ClientException.Unreachable);
            }

            await PauseAsync(attempt, told, cancellationToken);
        }
    }

    private static string TokenOf(byte[] answer, Uri issuer)
    {
        try
        {
            using var document = JsonDocument.Parse(answer);
            foreach (var name in (string[])["token", "access_token"])
            {
                if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var found)
                    && found.ValueKind == JsonValueKind.String && found.GetString() is { Length: > 0 } token && token.All(static c => c is > ' ' and < (char)127)) return token;
            }
        }
        catch (JsonException)
        {
            // Told below.
        }

        throw new ClientException($"{issuer.Authority} gives no token.");
    }

    private static string? Value(string parameter, string name)
    {
        var at = parameter.IndexOf(name + "=\"", StringComparison.OrdinalIgnoreCase);
        if (at < 0) return null;
        var from = at + name.Length + 2;
        var to = parameter.IndexOf('"', from);
        return to < 0 ? null : parameter[from..to];
    }

    private static AuthenticationHeaderValue Basic((string User, string Password) who) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{who.User}:{who.Password}")));

    private async Task<byte[]> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
    {
        if (!response.IsSuccessStatusCode) most = MaxErrorBytes;
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var buffer = new MemoryStream();
        var piece = new byte[64 * 1024];
        var began = time.GetTimestamp();
        for (int read; (read = await ReadAsync(stream, piece, cancellationToken)) > 0;)
        {
            if (buffer.Length + read > most)
            {
                if (!response.IsSuccessStatusCode) break;
                throw new ClientException($"{response.RequestMessage!.RequestUri!.Authority} answers with more than {most} bytes.");
            }

            buffer.Write(piece, 0, read);
            if (time.GetElapsedTime(began) > 5 * patience) throw new ClientException($"{response.RequestMessage!.RequestUri!.Authority} answers too slowly.");
        }

        return buffer.ToArray();
    }

    /// <summary>Tells when it is being read, and when that is over.</summary>
    private sealed class WatchedStream(Stream inner, Action begins, Action ends) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            begins();
            try
            {
                return await inner.ReadAsync(buffer, cancellationToken);
            }
            finally
            {
                ends();
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
