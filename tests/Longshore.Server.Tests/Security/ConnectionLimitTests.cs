using System.Net;
using System.Net.Sockets;
using Longshore.Server.Hosting;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Security;

public sealed class ConnectionLimitTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    public void An_IPv6_host_is_its_network(string address, string network) =>
        Assert.Equal(IPAddress.Parse(network), ConnectionLimit.NetworkOf(IPAddress.Parse(address)));

    [Fact]
    public async Task Connections_beyond_the_limit_are_closed_and_a_free_place_is_taken_again()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--max-connections-per-address", "5"] }, Token);
        // The readiness probe's own connections are gone before these come.
        var held = await FillAsync(server.BaseAddress, 5);
        for (var i = 0; i < 20; i++)
            Assert.False(await AnswersAsync(server.BaseAddress));
        held[0].Dispose();
        held[1].Dispose();
        var served = false;
        for (var attempt = 0; attempt < 100 && !served; attempt++)
        {
            served = await AnswersAsync(server.BaseAddress);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        }

        Assert.True(served);
        foreach (var client in held) client.Dispose();
    }

    [Fact]
    public async Task Trusted_proxies_are_not_counted()
    {
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions { Arguments = ["--max-connections-per-address", "2", "--trusted-proxies", "127.0.0.0/8"] }, Token);
        var held = await FillAsync(server.BaseAddress, 10);
        Assert.True(await AnswersAsync(server.BaseAddress));
        foreach (var client in held) client.Dispose();
    }

    // Connections that are open and have been answered: the server counts them.
    private static async Task<List<TcpClient>> FillAsync(Uri server, int count)
    {
        var held = new List<TcpClient>();
        for (var attempt = 0; held.Count < count; attempt++)
        {
            Assert.True(attempt < 500);
            var client = new TcpClient();
            await client.ConnectAsync(server.Host, server.Port, Token);
            if (await AnswersAsync(client))
            {
                held.Add(client);
                continue;
            }

            client.Dispose();
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        }

        return held;
    }

    private static async Task<bool> AnswersAsync(Uri server)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(server.Host, server.Port, Token);
        }
        catch (SocketException)
        {
            return false;
        }

        return await AnswersAsync(client);
    }

    private static async Task<bool> AnswersAsync(TcpClient client)
    {
        try
        {
            var stream = client.GetStream();
            await stream.WriteAsync("GET /healthz HTTP/1.1\r\nHost: registry\r\n\r\n"u8.ToArray(), Token);
            return await stream.ReadAsync(new byte[512], Token).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Token) > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
