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
    public static async Task<DockerRegistry> StartAsync(CancellationToken cancellationToken)
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
            """,
            cancellationToken);
        registry.process = Process.Start(new ProcessStartInfo(program, ["serve", registry.home.Combine("config.yml")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        registry.process.OutputDataReceived += static (_, _) => { };
        registry.process.ErrorDataReceived += static (_, _) => { };
        registry.process.BeginOutputReadLine();
        registry.process.BeginErrorReadLine();
        using var client = new HttpClient();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if ((await client.GetAsync(new Uri(registry.BaseAddress, "/v2/"), cancellationToken)).IsSuccessStatusCode) return registry;
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
