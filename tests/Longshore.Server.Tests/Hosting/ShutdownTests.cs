using System.Globalization;
using System.Security.Cryptography;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>What happens to an upload that runs when the server is told to stop.</summary>
public sealed class ShutdownTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Running_upload_finishes_and_is_kept_while_new_connections_are_refused()
    {
        using var directory = new TemporaryDirectory();
        var authorization = await RegistryAccess.AuthorizeAsync(directory.Path, Token);
        await using var server = await LongshoreProcess.StartAsync(RegistryAccess.Defaults with { DataDirectory = directory.Path }, Token);
        using var upload = await RawHttp.ConnectAsync(server.BaseAddress, Token);
        var body = RandomNumberGenerator.GetBytes(400_000);
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(body));
        await upload.SendAsync(Head($"/v2/a/b/blobs/uploads/?digest={digest}", authorization, body.Length), Token);
        await upload.SendAsync(body[..200_000], Token);
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Token);

        var stopped = server.StopAsync(Token);
        await UntilRefusedAsync(server.BaseAddress);
        Assert.False(stopped.IsCompleted);
        await upload.SendAsync(body[200_000..], Token);
        Assert.StartsWith("HTTP/1.1 201 ", await upload.ReadHeadAsync(Token), StringComparison.Ordinal);
        Assert.Equal(0, await stopped);

        await server.RestartAsync(samePort: false, Token);
        using var client = new HttpClient { BaseAddress = server.BaseAddress };
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);
        Assert.Equal(body, await client.GetByteArrayAsync(new Uri($"/v2/a/b/blobs/{digest}", UriKind.Relative), Token));
    }

    [Fact]
    public async Task Upload_that_rests_is_cut_off_at_the_bound_and_the_stop_is_still_clean()
    {
        using var directory = new TemporaryDirectory();
        var authorization = await RegistryAccess.AuthorizeAsync(directory.Path, Token);
        await using var server = await LongshoreProcess.StartAsync(
            RegistryAccess.Defaults with { DataDirectory = directory.Path, Arguments = ["--create-on-push", "--shutdown-timeout", "1"] }, Token);
        using var upload = await RawHttp.ConnectAsync(server.BaseAddress, Token);
        await upload.SendAsync(Head("/v2/a/b/blobs/uploads/?digest=sha256:" + new string('0', 64), authorization, 1000), Token);
        await upload.SendAsync("part", Token);
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Token);
        Assert.Equal(0, await server.StopAsync(Token).WaitAsync(TimeSpan.FromSeconds(10), Token));
        Assert.DoesNotContain("failed unexpectedly", server.Output, StringComparison.Ordinal);
    }

    private static string Head(string target, string authorization, int length) =>
        string.Create(CultureInfo.InvariantCulture, $"POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n");

    private static async Task UntilRefusedAsync(Uri server)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                using var _ = await RawHttp.ConnectAsync(server, Token);
            }
            catch (System.Net.Sockets.SocketException)
            {
                return;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
        }
        Assert.Fail("The server still takes connections after five seconds.");
    }
}
