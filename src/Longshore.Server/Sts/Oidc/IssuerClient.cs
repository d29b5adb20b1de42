using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Longshore.Server.Sts.Oidc;

/// <summary>The keys of an issuer as it answered.</summary>
/// <param name="Keys">The keys.</param>
/// <param name="FreshFor">How long it says they may be kept; null when it does not say.</param>
internal sealed record FetchedKeys(JsonWebKeys Keys, TimeSpan? FreshFor);

/// <summary>
/// Asks issuers for their keys (OpenID Connect Discovery 1.0, section 4): (1) <c>ISSUER/.well-known/openid-configuration</c>, whose issuer must be
/// the provider's, (2) its <c>jwks_uri</c>. Bounded in time, size and redirects. What an issuer answers is never shown to a caller.
/// </summary>
internal sealed class IssuerClient(TimeProvider time, ILogger<IssuerClient> logger)
{
    /// <summary>Bound of an answer, in bytes.</summary>
    public const int MaxAnswerBytes = 1 << 20;

    /// <summary>Bound of both answers together, in time.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private const int MostRedirects = 3;

    /// <summary>The keys; null when they cannot be had. Why is in the log alone.</summary>
    public async ValueTask<FetchedKeys?> FetchAsync(OidcProvider provider, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (!Uri.TryCreate(provider.Issuer.TrimEnd('/') + "/.well-known/openid-configuration", UriKind.Absolute, out var discovery)) return Fail(provider, "its URL is none");
            var local = IsLoopback(discovery);
            using var handler = NewHandler(provider, local);
            using var client = new HttpClient(handler);
            // 1
            var (body, _) = await GetAsync(client, discovery, either.Token);
            if (body is null || !JsonWebToken.TryParse(body, out var document)) return Fail(provider, "its discovery document cannot be read");
            if (JsonWebToken.Text(document, "issuer") != provider.Issuer) return Fail(provider, "its discovery document is of another issuer");
            // 2
            if (!Uri.TryCreate(JsonWebToken.Text(document, "jwks_uri"), UriKind.Absolute, out var address)) return Fail(provider, "its discovery document has no jwks_uri");
            if (address.Scheme != Uri.UriSchemeHttps && !(local && address.Scheme == Uri.UriSchemeHttp)) return Fail(provider, "its jwks_uri is not https");
            var (set, freshFor) = await GetAsync(client, address, either.Token);
            return set is not null && JsonWebKeys.Parse(set) is { Count: > 0 } keys ? new FetchedKeys(keys, freshFor) : Fail(provider, "its keys cannot be read");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or SocketException && !cancellationToken.IsCancellationRequested)
        {
            return Fail(provider, e is OperationCanceledException ? "it did not answer in time" : e.InnerException?.Message ?? e.Message);
        }
    }

    private FetchedKeys? Fail(OidcProvider provider, string reason)
    {
        logger.IssuerUnreachable(provider.Arn, reason);
        return null;
    }

    /// <summary>A body within the bound; null for every status but 200. Redirects are followed to the same host and scheme alone.</summary>
    private static async Task<(byte[]? Body, TimeSpan? FreshFor)> GetAsync(HttpClient client, Uri address, CancellationToken cancellationToken)
    {
        for (var hop = 0; hop <= MostRedirects; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.TryAddWithoutValidation("Accept", "application/json");
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if ((int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is { } location)
            {
                var next = new Uri(address, location);
                if (next.Host != address.Host || next.Port != address.Port || next.Scheme != address.Scheme) return default;
                address = next;
                continue;
            }

            if (response.StatusCode != HttpStatusCode.OK || response.Content.Headers.ContentLength > MaxAnswerBytes) return default;
            return (await ReadAsync(response.Content, cancellationToken), response.Headers.CacheControl is { } cache ? Freshness(cache) : null);
        }

        return default;
    }

    private static TimeSpan? Freshness(System.Net.Http.Headers.CacheControlHeaderValue cache) => cache.NoStore || cache.NoCache ? TimeSpan.Zero : cache.MaxAge;

    private static async Task<byte[]?> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            if (body.Length + count > MaxAnswerBytes) return null;
            body.Write(buffer, 0, count);
        }

        return body.ToArray();
    }

    private static SocketsHttpHandler NewHandler(OidcProvider provider, bool local) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        MaxResponseHeadersLength = 32,
        ConnectTimeout = Timeout,
        ConnectCallback = (context, token) => ConnectAsync(context.DnsEndPoint, local, token),
        UseProxy = !local,
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(provider.Thumbprints, certificate as X509Certificate2, chain, errors),
        },
    };

    /// <summary>
    /// A name may lead anywhere: an issuer out in the world is never looked for on this machine or among link-local addresses (where clouds keep
    /// their metadata), whatever its name resolves to now.
    /// </summary>
    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint endpoint, bool local, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(endpoint.Host, cancellationToken);
        var allowed = addresses.Where(address => local || !IsOfThisMachine(address)).ToArray();
        if (allowed.Length == 0) throw new HttpRequestException("The issuer's name leads to no address that may be asked.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, endpoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsOfThisMachine(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) return true;
        return address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes() is [169, 254, ..];
    }

    private static bool IsLoopback(Uri address) =>
        address.Host == "localhost" || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    /// <summary>
    /// A chain that the system trusts, for the right name; or one that leads to a pinned certificate. A certificate that merely came along does not
    /// count: the chain is built from the leaf, each link's signature verified, and the pinned one must be in it.
    /// </summary>
    internal static bool IsTrusted(IReadOnlyList<string> thumbprints, X509Certificate2? leaf, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (leaf is null || chain is null || thumbprints.Count == 0 || errors != SslPolicyErrors.RemoteCertificateChainErrors) return false;
        using var pinned = new X509Chain();
        pinned.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        pinned.ChainPolicy.DisableCertificateDownloads = true;
        pinned.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        pinned.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        foreach (var element in chain.ChainElements) pinned.ChainPolicy.ExtraStore.Add(element.Certificate);
        // All faults but an unknown root: an end in time, a broken signature, a certificate that may not sign others.
        return pinned.Build(leaf) && pinned.ChainElements.Any(element => thumbprints.Contains(element.Certificate.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant()));
    }
}
