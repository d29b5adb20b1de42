using System.Net.Sockets;
using System.Text;

namespace Longshore.Server.Tests.Hosting;

/// <summary>One connection on which a test decides about every byte and its moment.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    public static async Task<RawHttp> ConnectAsync(Uri server, CancellationToken cancellationToken)
    {
        var raw = new RawHttp();
        await raw.socket.ConnectAsync("127.0.0.1", server.Port, cancellationToken);
        return raw;
    }

    public async Task SendAsync(string text, CancellationToken cancellationToken) => await SendAsync(Encoding.Latin1.GetBytes(text), cancellationToken);

    public async Task SendAsync(byte[] bytes, CancellationToken cancellationToken) => await socket.SendAsync(bytes, cancellationToken);

    /// <summary>Closes our direction; the server's answer can still be read.</summary>
    public void EndSending()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // Closed by the server already.
        }
    }

    /// <summary>Everything the server sends until it closes the connection.</summary>
    public async Task<string> ReadToEndAsync(CancellationToken cancellationToken)
    {
        var all = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, cancellationToken) is > 0 and var n) all.Write(buffer, 0, n);
        }
        catch (SocketException)
        {
            // A reset is an end too.
        }
        return Encoding.Latin1.GetString(all.ToArray());
    }

    /// <summary>One response without a body.</summary>
    public async Task<string> ReadHeadAsync(CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var buffer = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await socket.ReceiveAsync(buffer, cancellationToken) == 1)
            text.Append((char)buffer[0]);
        return text.ToString();
    }

    public void Dispose() => socket.Dispose();
}
