using System.Net;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.TestSupport;

/// <summary>The host that all tests of the binary stand on: it starts, ends, dies and comes back as asked.</summary>
public sealed class LongshoreProcessTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_starts_stops_cleanly_and_starts_again_where_it_was()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        await ExpectReadyAsync(server);
        var port = server.BaseAddress.Port;
        Assert.Equal(0, await server.StopAsync(Token));
        await server.RestartAsync(samePort: true, Token);
        Assert.Equal(port, server.BaseAddress.Port);
        await ExpectReadyAsync(server);
    }

    [Fact]
    public async Task Killed_server_starts_again_on_its_directory()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        await server.KillAsync();
        Assert.NotEqual(0, server.ExitCode);
        await server.RestartAsync(samePort: false, Token);
        await ExpectReadyAsync(server);
    }

    [Fact]
    public async Task Server_that_cannot_start_is_reported_with_its_output()
    {
        var options = new LongshoreOptions { Arguments = ["--no-such-option"] };
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => LongshoreProcess.StartAsync(options, Token));
        Assert.Contains("no-such-option", failure.Message, StringComparison.Ordinal);
    }

    private static async Task ExpectReadyAsync(LongshoreProcess server)
    {
        using var client = new HttpClient { BaseAddress = server.BaseAddress };
        using var response = await client.GetAsync(new Uri("readyz", UriKind.Relative), Token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }
}
