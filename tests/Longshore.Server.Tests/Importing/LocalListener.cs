using System.Net;
using System.Net.Sockets;

namespace Longshore.Server.Tests.Importing;

/// <summary>Listens on a free port of 127.0.0.1 and hands every request to its owner, several at a time, until it is stopped.</summary>
internal sealed class LocalListener : IAsyncDisposable
{
    private readonly HttpListener listener = new();
    private readonly Func<HttpListenerContext, Task> answer;
    private readonly Task loop;

    /// <summary>Starts to listen.</summary>
    public LocalListener(Func<HttpListenerContext, Task> answer)
    {
        this.answer = answer;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
        }

        listener.Prefixes.Add(Address.ToString());
        listener.Start();
        loop = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await loop;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = answer(await listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
        {
            // Stopped, while it waited or before it waited again.
        }
    }
}
