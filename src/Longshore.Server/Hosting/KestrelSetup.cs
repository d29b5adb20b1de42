using System.Net;
using System.Net.Security;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Longshore.Server.Hosting;

/// <summary>Listeners and limits of Kestrel.</summary>
internal static class KestrelSetup
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Sets Kestrel up for a server whose requests are either tiny or gigabytes.</summary>
    public static void UseLongshoreKestrel(this WebApplicationBuilder builder, ServeOptions options)
    {
        if (options is { TlsCert: { } cert, TlsKey: { } key })
        {
            builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<CertificateFiles>(services, cert, key));
            builder.Services.AddHostedService(services => services.GetRequiredService<CertificateFiles>());
        }
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, LargeBlockPool>();
        // A request goes on where its bytes came in: no hand-over between threads for each block received.
        // Nothing here blocks the sockets' own thread, which hands every event to the pool. docs/decisions/0006.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.Services.AddSingleton(services => new ConnectionLimit(
            options.MaxConnectionsPerAddress, new TrustedProxies(options.TrustedProxies), services.GetRequiredService<ILogger<ConnectionLimit>>()));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            SetLimits(kestrel);
            foreach (var address in options.Listen) Listen(kestrel, address, options.IsTls(address));
            // The last, which is how its port is known.
            if (options.MetricsListen is { } metrics) Listen(kestrel, metrics, tls: false);
        });
    }

    private static void SetLimits(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        // Layers have no bound of their own; routes that take documents (manifests, API calls) set theirs.
        limits.MaxRequestBodySize = null;
        limits.MaxRequestLineSize = 16 * 1024;
        limits.MaxRequestHeadersTotalSize = 32 * 1024;
        limits.MaxRequestHeaderCount = 100;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(120);
        // Slow enough for any line that still works; a client that drips bytes to hold a connection falls below it.
        limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(10));
        limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(10));
        limits.MaxConcurrentConnections = 20_000;
    }

    private static void Listen(KestrelServerOptions kestrel, ListenAddress address, bool tls)
    {
        switch (address.Host)
        {
            case "localhost": kestrel.ListenLocalhost(address.Port, Configure); break;
            case "*": kestrel.ListenAnyIP(address.Port, Configure); break;
            default: kestrel.Listen(IPAddress.Parse(address.Host), address.Port, Configure); break;
        }

        void Configure(ListenOptions listen)
        {
            // Without TLS a client cannot say which version it wants, and every client of ours speaks 1.1.
            // Before TLS: a handshake is work already.
            var limit = kestrel.ApplicationServices.GetRequiredService<ConnectionLimit>();
            listen.Use(next => connection => limit.RunAsync(connection, next));
            listen.Protocols = tls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
            if (!tls) return;
            var certificates = kestrel.ApplicationServices.GetRequiredService<CertificateFiles>();
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult<SslServerAuthenticationOptions>(certificates.Current),
                HandshakeTimeout = HandshakeTimeout,
            });
        }
    }
}
