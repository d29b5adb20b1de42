using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Longshore.TestSupport.Oidc;

/// <summary>
/// A real issuer of OpenID Connect tokens on <c>https://localhost</c>: discovery document, key set, rotation, outages, and the tokens that GitHub Actions
/// and Kubernetes make. Its certificate is signed by a CA of its own that nothing trusts.
/// </summary>
public sealed class TestIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;
    private readonly List<TestKey> _keys = [];
    private int _discoveryRequests;
    private int _keyRequests;

    private TestIssuer(WebApplication app, X509Certificate2 certificate, X509Certificate2 authority) =>
        (_app, _certificate, Authority) = (app, certificate, authority);

    /// <summary>The issuer as tokens name it.</summary>
    public string Issuer { get; private set; } = "";

    /// <summary>The same without <c>https://</c>, as providers and condition keys have it.</summary>
    public string Url => Issuer["https://".Length..];

    /// <summary>SHA-1 of the server's own certificate.</summary>
    public string Thumbprint => _certificate.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant();

    /// <summary>The server's own certificate.</summary>
    public X509Certificate2 Certificate => _certificate;

    /// <summary>The CA that signed it.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>SHA-1 of that CA.</summary>
    public string AuthorityThumbprint => Authority.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant();

    /// <summary>The key that tokens are signed with unless a test says another.</summary>
    public TestKey Key => _keys[0];

    /// <summary>Answers 503 to everything.</summary>
    public bool Down { get; set; }

    /// <summary>Changes the discovery document.</summary>
    public Action<JsonObject>? Discovery { get; set; }

    /// <summary>Answers the key set in its place.</summary>
    public Func<HttpContext, Task>? KeySet { get; set; }

    /// <summary>The <c>Cache-Control</c> of the key set.</summary>
    public string? CacheControl { get; set; }

    public int DiscoveryRequests => Volatile.Read(ref _discoveryRequests);

    public int KeyRequests => Volatile.Read(ref _keyRequests);

    /// <summary>Starts an issuer with one RSA key.</summary>
    /// <param name="alsoSent">A certificate of somebody else that the server sends along with its own.</param>
    public static async Task<TestIssuer> StartAsync(CancellationToken cancellationToken, X509Certificate2? alsoSent = null)
    {
        var (certificate, authority) = NewCertificates();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = certificate;
            https.ServerCertificateChain = [alsoSent ?? authority];
        })));
        var app = builder.Build();
        var issuer = new TestIssuer(app, certificate, authority);
        issuer.AddKey(TestKey.Rsa("key-1"));
        app.Run(issuer.AnswerAsync);
        await app.StartAsync(cancellationToken);
        issuer.Issuer = $"https://localhost:{new Uri(app.Urls.First()).Port}";
        return issuer;
    }

    /// <summary>Publishes another key; tokens are signed with the first.</summary>
    public TestKey AddKey(TestKey key)
    {
        lock (_keys)
            _keys.Add(key);
        return key;
    }

    /// <summary>Puts another key in place of all.</summary>
    public TestKey Rotate(TestKey key)
    {
        lock (_keys)
        {
            _keys.Clear();
            _keys.Add(key);
        }
        return key;
    }

    /// <summary>The set of all published keys.</summary>
    public string KeySetJson()
    {
        lock (_keys)
            return new JsonObject { ["keys"] = new JsonArray([.. _keys.Select(key => (JsonNode)key.ToJwk())]) }.ToJsonString();
    }

    /// <summary>Claims as GitHub Actions makes them for a job.</summary>
    public JsonObject GitHubClaims(string repository, string reference, DateTimeOffset now, string audience = "sts.amazonaws.com") => new()
    {
        ["jti"] = Guid.NewGuid().ToString(),
        ["sub"] = $"repo:{repository}:ref:{reference}",
        ["aud"] = audience,
        ["ref"] = reference,
        ["sha"] = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        ["repository"] = repository,
        ["repository_owner"] = repository.Split('/')[0],
        ["repository_owner_id"] = "1234567",
        ["run_id"] = "7654321098",
        ["run_number"] = "42",
        ["run_attempt"] = "1",
        ["repository_visibility"] = "private",
        ["actor"] = "octocat",
        ["workflow"] = "release",
        ["head_ref"] = "",
        ["base_ref"] = "",
        ["event_name"] = "push",
        ["ref_protected"] = "true",
        ["ref_type"] = "branch",
        ["job_workflow_ref"] = $"{repository}/.github/workflows/release.yml@{reference}",
        ["runner_environment"] = "github-hosted",
        ["iss"] = Issuer,
        ["nbf"] = now.AddMinutes(-5).ToUnixTimeSeconds(),
        ["exp"] = now.AddMinutes(10).ToUnixTimeSeconds(),
        ["iat"] = now.ToUnixTimeSeconds(),
    };

    /// <summary>Claims as Kubernetes makes them for a projected service account token.</summary>
    public JsonObject KubernetesClaims(string ns, string serviceAccount, DateTimeOffset now, string audience = "sts.amazonaws.com") => new()
    {
        ["aud"] = new JsonArray(audience),
        ["exp"] = now.AddHours(1).ToUnixTimeSeconds(),
        ["iat"] = now.ToUnixTimeSeconds(),
        ["iss"] = Issuer,
        ["jti"] = Guid.NewGuid().ToString(),
        ["kubernetes.io"] = new JsonObject
        {
            ["namespace"] = ns,
            ["node"] = new JsonObject { ["name"] = "node-1", ["uid"] = Guid.NewGuid().ToString() },
            ["pod"] = new JsonObject { ["name"] = "builder-0", ["uid"] = Guid.NewGuid().ToString() },
            ["serviceaccount"] = new JsonObject { ["name"] = serviceAccount, ["uid"] = Guid.NewGuid().ToString() },
            ["warnafter"] = now.AddMinutes(55).ToUnixTimeSeconds(),
        },
        ["nbf"] = now.ToUnixTimeSeconds(),
        ["sub"] = $"system:serviceaccount:{ns}:{serviceAccount}",
    };

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        lock (_keys)
        {
            foreach (var key in _keys)
                key.Dispose();
        }
        _certificate.Dispose();
        Authority.Dispose();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value;
        if (path == "/.well-known/openid-configuration")
            Interlocked.Increment(ref _discoveryRequests);
        else if (path == "/keys")
            Interlocked.Increment(ref _keyRequests);
        if (Down)
        {
            http.Response.StatusCode = 503;
            return;
        }
        switch (path)
        {
            case "/.well-known/openid-configuration":
                var document = new JsonObject
                {
                    ["issuer"] = Issuer,
                    ["jwks_uri"] = Issuer + "/keys",
                    ["response_types_supported"] = new JsonArray("id_token"),
                    ["subject_types_supported"] = new JsonArray("public"),
                    ["id_token_signing_alg_values_supported"] = new JsonArray("RS256", "ES256"),
                };
                Discovery?.Invoke(document);
                await WriteAsync(http, document.ToJsonString());
                break;
            case "/keys" when KeySet is { } answer:
                await answer(http);
                break;
            case "/keys":
                if (CacheControl is not null)
                    http.Response.Headers.CacheControl = CacheControl;
                await WriteAsync(http, KeySetJson());
                break;
            default:
                http.Response.StatusCode = 404;
                break;
        }
    }

    private static Task WriteAsync(HttpContext http, string json)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json, http.RequestAborted);
    }

    private static (X509Certificate2 Certificate, X509Certificate2 Authority) NewCertificates()
    {
        var from = TimeProvider.System.GetUtcNow().AddDays(-1);
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = NewAuthority("CN=Test issuer root", rootKey);
        using var root = rootRequest.CreateSelfSigned(from, from.AddDays(40));

        // Servers send what signed them, and never the root.
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authorityAlone = NewAuthority("CN=Test issuer CA", authorityKey).Create(root, from, from.AddDays(30), RandomNumberGenerator.GetBytes(8));
        using var authority = authorityAlone.CopyWithPrivateKey(authorityKey);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(authority, from, from.AddDays(20), RandomNumberGenerator.GetBytes(8));
        using var withKey = signed.CopyWithPrivateKey(key);
        return (X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx), null), X509CertificateLoader.LoadCertificate(authority.RawData));
    }

    private static CertificateRequest NewAuthority(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return request;
    }
}
