using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Longshore.Server.Tests.BadInput;

/// <summary>Bytes on a socket, for requests that no HTTP library sends.</summary>
internal static partial class RawHttp
{
    /// <summary>How long a server may take to answer or to hang up.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>How long a server is left to answer before the sending side is closed: a closed one ends the request too.</summary>
    private static readonly TimeSpan BeforeEnd = TimeSpan.FromMilliseconds(250);

    /// <summary>Sends bytes and reads until the server hangs up.</summary>
    /// <param name="incomplete">The request may be one that the server waits for the rest of: soon after, it is told that none comes.</param>
    /// <exception cref="TimeoutException">The server keeps the connection open and is silent.</exception>
    public static async Task<string> ExchangeAsync(Uri server, ReadOnlyMemory<byte> request, CancellationToken cancellationToken, bool incomplete = false)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server.Host, server.Port, deadline.Token);
        var answer = new MemoryStream();
        try
        {
            var sending = SendAsync(socket, request, deadline.Token);
            var buffer = new byte[16 * 1024];
            var ended = !incomplete;
            while (true)
            {
                var receiving = socket.ReceiveAsync(buffer, deadline.Token).AsTask();
                if (!ended && await Task.WhenAny(receiving, Task.Delay(BeforeEnd, TimeProvider.System, deadline.Token)) != receiving)
                {
                    ended = true;
                    if (socket.Connected) socket.Shutdown(SocketShutdown.Send);
                }

                if (await receiving is not (> 0 and var read)) break;
                answer.Write(buffer, 0, read);
            }

            await sending;
        }
        catch (SocketException)
        {
            // Reset: the server hung up with bytes of ours unread, which is its right with a broken request.
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"No end after {Patience}. Sent:\n{Show(request.Span)}\nReceived:\n{Show(answer.ToArray())}");
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    /// <summary>Sends bytes and resets the connection, as a client that dies.</summary>
    public static async Task CutAsync(Uri server, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
        await socket.ConnectAsync(server.Host, server.Port, cancellationToken);
        await socket.SendAsync(request, cancellationToken);
        // Time for the server to be in the middle of it.
        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
    }

    /// <summary>The statuses of the responses in what a server sent.</summary>
    public static IReadOnlyList<int> Statuses(string answer) =>
        [.. StatusLine().Matches(answer).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];

    /// <summary>A request's bytes in Latin-1, lines ended as HTTP wants; the connection is to be closed after the answer.</summary>
    public static byte[] Request(string requestLine, string headers = "", string body = "") =>
        Encoding.Latin1.GetBytes($"{requestLine}\r\nHost: registry\r\nConnection: close\r\n{headers.ReplaceLineEndings("\r\n")}\r\n{body}");

    /// <summary>The start of some bytes, for messages.</summary>
    public static string Show(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 3000)]);

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        try
        {
            await socket.SendAsync(request, cancellationToken);
        }
        catch (SocketException)
        {
            // The server answered early and hung up.
        }
    }

    [GeneratedRegex(@"(?<=^|\r\n\r\n|\n|\})HTTP/1\.[01] ([0-9]{3}) ")]
    private static partial Regex StatusLine();
}
