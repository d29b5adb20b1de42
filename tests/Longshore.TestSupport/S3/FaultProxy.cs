using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Longshore.TestSupport.S3;

/// <summary>What happens to a request on its way to S3.</summary>
public enum Fault
{
    /// <summary>It passes.</summary>
    None,

    /// <summary>503 SlowDown; the gateway sees nothing.</summary>
    SlowDown,

    /// <summary>The connection is cut before the gateway sees anything.</summary>
    Cut,

    /// <summary>The gateway does what it is asked, and its answer is lost.</summary>
    LostAnswer,

    /// <summary>500 InternalError; the gateway sees nothing.</summary>
    InternalError,

    /// <summary>The connection stays open, nothing more is read from it, and no answer comes.</summary>
    Silence,

    /// <summary>Half of the answer's body comes, then the connection is cut.</summary>
    Truncated,
}

/// <summary>Stands between a server and S3, one request a connection, and lets go wrong what a test wants. Also remembers what passed.</summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Uri _target;
    private readonly Task _accepting;
    private volatile bool _away;

    public FaultProxy(Uri target)
    {
        _target = target;
        _listener.Start();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}"));
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Decides, by the request's head; called for each request.</summary>
    public Func<string, Fault> Decide { get; set; } = static _ => Fault.None;

    /// <summary>How long each request waits first.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The heads of all requests that came, as text.</summary>
    public ConcurrentQueue<string> Heads { get; } = new();

    /// <summary>Whether every connection is cut at once.</summary>
    public bool Away
    {
        get => _away;
        set => _away = value;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_end.Token);
            _ = Task.Run(() => ServeAsync(client));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await PassAsync(client);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Either side left.
            }
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        var from = client.GetStream();
        if (_away) return;
        var (head, rest) = await ReadHeadAsync(from);
        if (head is null) return;
        Heads.Enqueue(head);
        if (Delay > TimeSpan.Zero) await Task.Delay(Delay, TimeProvider.System, _end.Token);
        var fault = _away ? Fault.Cut : Decide(head);
        if (fault == Fault.Cut)
        {
            client.Client.LingerState = new LingerOption(true, 0);
            return;
        }

        if (fault == Fault.Silence)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _end.Token);
            return;
        }

        var length = Length(head);
        if (fault is Fault.SlowDown or Fault.InternalError)
        {
            var waits = head.Contains("\r\nexpect: 100-continue", StringComparison.OrdinalIgnoreCase);
            if (!waits) await CopyAsync(from, Stream.Null, length - rest.Length);
            var (status, code) = fault == Fault.SlowDown ? ("503 Slow Down", "SlowDown") : ("500 Internal Server Error", "InternalError");
            var body = $"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Made by a test.</Message></Error>";
            await from.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}"));
            return;
        }

        using var server = new TcpClient();
        await server.ConnectAsync(_target.Host, _target.Port, _end.Token);
        var to = server.GetStream();
        // One request a connection: then the end of the answer is the end of the connection.
        await to.WriteAsync(Encoding.Latin1.GetBytes(head.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal)));
        await to.WriteAsync(rest);
        var sending = CopyAsync(from, to, length - rest.Length);
        var (answer, begun) = await ReadHeadAsync(to);
        while (answer?.StartsWith("HTTP/1.1 100", StringComparison.Ordinal) == true)
        {
            await from.WriteAsync(Encoding.Latin1.GetBytes(answer));
            if (begun.Length > 0) throw new IOException("An answer came before its request was whole.");
            (answer, begun) = await ReadHeadAsync(to);
        }

        if (answer is null) return;
        if (fault == Fault.LostAnswer)
        {
            await sending;
            client.Client.LingerState = new LingerOption(true, 0);
            return;
        }

        await from.WriteAsync(Encoding.Latin1.GetBytes(answer.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal)));
        if (fault == Fault.Truncated)
        {
            var half = Length(answer) / 2;
            await from.WriteAsync(begun.AsMemory(0, (int)Math.Min(begun.Length, half)));
            await CopyAsync(to, from, half - begun.Length);
            return;
        }

        await from.WriteAsync(begun);
        await to.CopyToAsync(from, _end.Token);
    }

    private async Task<(string? Head, byte[] Begun)> ReadHeadAsync(NetworkStream stream)
    {
        var bytes = new byte[64 << 10];
        var length = 0;
        while (length < bytes.Length)
        {
            var read = await stream.ReadAsync(bytes.AsMemory(length), _end.Token);
            if (read == 0) return (null, []);
            length += read;
            var end = bytes.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0) return (Encoding.Latin1.GetString(bytes, 0, end + 4), bytes[(end + 4)..length]);
        }

        throw new IOException("The head is too long.");
    }

    private static long Length(string head)
    {
        foreach (var line in head.Split("\r\n"))
            if (line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase)) return long.Parse(line.AsSpan("content-length:".Length), CultureInfo.InvariantCulture);
        return 0;
    }

    private async Task CopyAsync(NetworkStream from, Stream to, long count)
    {
        var buffer = new byte[64 << 10];
        while (count > 0)
        {
            var read = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, count)), _end.Token);
            if (read == 0) throw new IOException("The connection ended early.");
            await to.WriteAsync(buffer.AsMemory(0, read), _end.Token);
            count -= read;
        }
    }
}
