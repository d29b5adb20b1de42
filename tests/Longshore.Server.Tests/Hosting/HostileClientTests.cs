using System.Diagnostics;
using System.Security.Cryptography;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>Clients that speak no HTTP, or speak it too slowly: bounded, never a 500, and of no harm to others.</summary>
public sealed class HostileClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Garbage_is_refused_without_a_fault_of_ours()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        var tooLong = "GET /" + new string('a', 100_000) + " HTTP/1.1\r\n\r\n";
        var tooMany = "GET / HTTP/1.1\r\nHost: x\r\n" + string.Concat(Enumerable.Range(0, 5000).Select(i => $"x{i}: y\r\n")) + "\r\n";
        byte[][] garbage =
        [
            RandomNumberGenerator.GetBytes(100_000), [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], "\0\0\0\0\r\n\r\n"u8.ToArray(),
            "GET\r\n\r\n"u8.ToArray(), "GET / HTTP/9.9\r\n\r\n"u8.ToArray(), "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"u8.ToArray(),
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"u8.ToArray(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(),
            System.Text.Encoding.ASCII.GetBytes(tooLong), System.Text.Encoding.ASCII.GetBytes(tooMany),
        ];
        foreach (var bytes in garbage)
        {
            using var connection = await RawHttp.ConnectAsync(server.BaseAddress, Token);
            try
            {
                await connection.SendAsync(bytes, Token);
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Closed while we were still sending.
            }
            connection.EndSending();
            var answer = await connection.ReadToEndAsync(Token).WaitAsync(TimeSpan.FromSeconds(30), Token);
            // 400 and its kin, nothing, or the HTTP/2 frame that says "use HTTP/1.1"; never success, never a fault of ours.
            Assert.DoesNotMatch("^HTTP/1.1 (2|500)", answer);
        }
        using var client = new HttpClient { BaseAddress = server.BaseAddress };
        Assert.Equal("ok\n", await client.GetStringAsync(new Uri("healthz", UriKind.Relative), Token));
        Assert.Equal(0, await server.StopAsync(Token));
        Assert.DoesNotContain("fail:", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dripping_clients_are_ended_within_half_a_minute_and_others_are_served_meanwhile()
    {
        using var directory = new TemporaryDirectory();
        var authorization = await RegistryAccess.AuthorizeAsync(directory.Path, Token);
        await using var server = await LongshoreProcess.StartAsync(RegistryAccess.Defaults with { DataDirectory = directory.Path }, Token);
        var started = Stopwatch.StartNew();
        string[] openings =
        [
            "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
            $"POST /v2/a/blobs/uploads/?digest=sha256:{new string('0', 64)} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: 1000000\r\n\r\n",
        ];
        var drips = openings.SelectMany(opening => Enumerable.Repeat(opening, 100)).Select(opening => DripAsync(server.BaseAddress, opening)).ToList();
        using var client = new HttpClient { BaseAddress = server.BaseAddress };
        while (!drips.TrueForAll(d => d.IsCompleted))
        {
            Assert.Equal("ok\n", await client.GetStringAsync(new Uri("healthz", UriKind.Relative), Token));
            Assert.InRange(started.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(40));
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token);
        }
        await Task.WhenAll(drips);
        Assert.Equal(0, await server.StopAsync(Token));
        Assert.DoesNotContain("fail:", server.Output, StringComparison.Ordinal);
    }

    // One byte a second, until the server has had enough.
    private static async Task DripAsync(Uri server, string opening)
    {
        using var connection = await RawHttp.ConnectAsync(server, Token);
        await connection.SendAsync(opening, Token);
        var answer = connection.ReadToEndAsync(Token);
        while (!answer.IsCompleted)
        {
            try
            {
                await connection.SendAsync("a", Token);
            }
            catch (System.Net.Sockets.SocketException)
            {
                break;
            }
            await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token));
        }
        Assert.DoesNotContain(" 500 ", await answer, StringComparison.Ordinal);
    }
}
