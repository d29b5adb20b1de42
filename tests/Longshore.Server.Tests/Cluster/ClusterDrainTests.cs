using System.Globalization;
using System.Net;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Cluster;

/// <summary>Servers are stopped and started one after the other while clients that try nothing twice work through the balancer.</summary>
[Collection(StressCollection.Name)]
public sealed class ClusterDrainTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stopping_a_server_fails_no_request_and_readiness_tells_first()
    {
        await using var cluster = await LiveCluster.StartAsync(2, TimeSpan.FromSeconds(30), Token, "--drain-delay", "3s", "--shutdown-timeout", "20");
        var (sent, failed) = await LoadAsync(cluster, async () =>
        {
            foreach (var server in cluster.Servers)
            {
                using var probe = new HttpClient { BaseAddress = server.BaseAddress };
                Assert.Equal(HttpStatusCode.OK, (await probe.GetAsync(new Uri("readyz", UriKind.Relative), Token)).StatusCode);
                var stopped = server.StopAsync(Token);
                // Not ready at once; alive, and still serving.
                await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Token);
                var unready = await probe.GetAsync(new Uri("readyz", UriKind.Relative), Token);
                Assert.Equal((HttpStatusCode.ServiceUnavailable, "not ready: stopping\n", true), (unready.StatusCode, await unready.Content.ReadAsStringAsync(Token), unready.Headers.ConnectionClose));
                Assert.Equal(HttpStatusCode.OK, (await probe.GetAsync(new Uri("healthz", UriKind.Relative), Token)).StatusCode);
                Assert.False(stopped.IsCompleted);
                Assert.Equal(0, await stopped);
                await Assert.ThrowsAsync<HttpRequestException>(() => probe.GetAsync(new Uri("healthz", UriKind.Relative), Token));
                await server.RestartAsync(samePort: true, Token);
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token);
            }
        });
        Assert.True(failed.Count == 0, string.Join('\n', failed.Take(5)) + "\n" + cluster.BalancerLog);
        Assert.True(sent > 100, sent.ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_server_that_was_told_twice_stops_at_once()
    {
        await using var cluster = await LiveCluster.StartAsync(1, TimeSpan.FromSeconds(30), Token, "--drain-delay", "5m");
        cluster.Servers[0].BeginStop();
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Token);
        Assert.Equal(0, await cluster.Servers[0].StopAsync(Token).WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    /// <summary>Works through the balancer, which asks for readiness, until the work is done; what was sent, and what failed of it.</summary>
    internal static async Task<(long Sent, IReadOnlyCollection<string> Failed)> LoadAsync(LiveCluster cluster, Func<Task> work)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var watch = cluster.WatchAsync(watching.Token);
        var (sent, over) = (0L, false);
        var failed = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var load = Enumerable.Range(0, 4).Select(async worker =>
        {
            using var client = cluster.NewOci();
            // nginx closes idle connections of clients when it loads its configuration anew; whoever sends at that moment finds a broken one.
            client.Http.DefaultRequestHeaders.ConnectionClose = true;
            for (var i = 0; !Volatile.Read(ref over); i++)
            {
                var image = TestImage.Create((worker * 100_000) + i, 2000, 400_000);
                var repository = string.Create(CultureInfo.InvariantCulture, $"drain/{worker}");
                try
                {
                    foreach (var blob in image.Blobs) await client.PushBlobChunkedAsync(repository, blob, 150_000, Token);
                    await client.PushManifestAsync(repository, "latest", image, Token);
                    await client.VerifyImageAsync(repository, image, "latest", Token);
                    Interlocked.Add(ref sent, 12);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
                {
                    failed.Enqueue(e.ToString());
                }
            }
        }).ToList();
        try
        {
            await work();
        }
        finally
        {
            Volatile.Write(ref over, true);
            await Task.WhenAll(load);
            await watching.CancelAsync();
            await watch;
        }

        return (Interlocked.Read(ref sent), failed);
    }
}
