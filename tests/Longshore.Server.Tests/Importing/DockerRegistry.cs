using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Importing;

/// <summary>Debian's docker-registry, in a directory and on a port of its own.</summary>
internal sealed class DockerRegistry : IAsyncDisposable
{
    private readonly TemporaryDirectory home = new("docker-registry");
    private Process? process;

    /// <summary>Where it listens.</summary>
    public Uri BaseAddress { get; private set; } = new("http://127.0.0.1/");

    /// <summary>Starts one and waits until it answers.</summary>
    public static Task<DockerRegistry> StartAsync(CancellationToken cancellationToken) => StartAsync(null, null, null, cancellationToken);

    /// <summary>Starts one with TLS at localhost and a login.</summary>
    /// <param name="certificate">PEM file; null for plain HTTP.</param>
    /// <param name="key">Its key.</param>
    /// <param name="login">A line as <c>htpasswd -B</c> writes it; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<DockerRegistry> StartAsync(string? certificate, string? key, string? login, CancellationToken cancellationToken)
    {
        var program = Requires.Tool("docker-registry");
        var registry = new DockerRegistry();
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            registry.BaseAddress = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
        }

        await File.WriteAllTextAsync(
            registry.home.Combine("config.yml"),
            $"""
            version: 0.1
            log:
              level: error
              accesslog:
                disabled: true
            storage:
              filesystem:
                rootdirectory: {registry.home.Combine("data")}
            http:
              addr: {registry.BaseAddress.Authority}
            {(certificate is null ? "" : $"  tls: {{certificate: {certificate}, key: {key}}}")}
            {(login is null ? "" : $"auth: {{htpasswd: {{realm: registry, path: {registry.home.Combine("htpasswd")}}}}}")}
            """,
            cancellationToken);
        if (login is not null) await File.WriteAllTextAsync(registry.home.Combine("htpasswd"), login + "\n", cancellationToken);
        if (certificate is not null) registry.BaseAddress = new Uri($"https://localhost:{registry.BaseAddress.Port}/");
        registry.process = Process.Start(new ProcessStartInfo(program, ["serve", registry.home.Combine("config.yml")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        registry.process.OutputDataReceived += static (_, _) => { };
        registry.process.ErrorDataReceived += static (_, _) => { };
        registry.process.BeginOutputReadLine();
        registry.process.BeginErrorReadLine();
        using var handler = new HttpClientHandler();
        // Its certificate is the caller's own business.
        if (certificate is not null) handler.ServerCertificateCustomValidationCallback = static (_, _, _, _) => true;
        using var client = new HttpClient(handler);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if ((await client.GetAsync(new Uri(registry.BaseAddress, "/v2/"), cancellationToken)).StatusCode is HttpStatusCode.OK or HttpStatusCode.Unauthorized) return registry;
            }
            catch (HttpRequestException) when (attempt < 200)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        home.Dispose();
    }
}
