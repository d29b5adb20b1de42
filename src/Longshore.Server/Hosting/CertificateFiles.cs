using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Longshore.Server.Hosting;

/// <summary>
/// The certificate of the TLS listeners, read again when its files change. New connections get the new one; a new pair
/// that cannot be used is logged and the old one stays.
/// </summary>
/// <remarks>
/// The contents are compared, not the times: mounted secrets are replaced by moving a symbolic link, which leaves neither
/// a new time on the name nor an event for a file watcher.
/// </remarks>
internal sealed class CertificateFiles(string certPath, string keyPath, TimeProvider time, ILogger<CertificateFiles> logger)
    : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(2);

    private byte[] seen = [];
    private volatile SslServerAuthenticationOptions? current;

    /// <summary>What a new TLS connection uses.</summary>
    /// <exception cref="CryptographicException">The files could be used when the options were read, and cannot any more.</exception>
    public SslServerAuthenticationOptions Current
    {
        get
        {
            if (current is null) Reload();
            return current ?? throw new CryptographicException($"No usable certificate in {certPath} and {keyPath}.");
        }
    }

    /// <summary>Reads a pair of PEM files: leaf certificate with key, and the rest of the chain.</summary>
    /// <returns>The leaf, or null with the reason.</returns>
    public static X509Certificate2? TryLoad(string certPath, string keyPath, out string? problem)
    {
        problem = null;
        try
        {
            return X509Certificate2.CreateFromPemFile(certPath, keyPath);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            problem = e.Message.TrimEnd('.');
            return null;
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(PollInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken)) Reload();
    }

    private void Reload()
    {
        try
        {
            byte[] contents = [.. SHA256.HashData(File.ReadAllBytes(certPath)), .. SHA256.HashData(File.ReadAllBytes(keyPath))];
            if (contents.AsSpan().SequenceEqual(seen)) return;
            seen = contents;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Files that vanish for a moment are being replaced; a lasting loss is told once, by the next pair that differs.
            return;
        }
        if (TryLoad(certPath, keyPath, out var problem) is not { } leaf)
        {
            logger.CertificateKept(certPath, problem ?? "");
            return;
        }
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certPath);
        var first = current is null;
        current = new SslServerAuthenticationOptions
        {
            // Offline: the chain is what the file says; no fetching of issuers while a client waits.
            ServerCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
        if (!first) logger.CertificateReplaced(certPath, leaf.NotAfter.ToUniversalTime());
    }
}
