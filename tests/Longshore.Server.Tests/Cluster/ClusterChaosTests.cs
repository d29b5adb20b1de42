using System.Diagnostics;
using System.Globalization;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Cluster;

/// <summary>
/// Three servers behind nginx with everything that goes wrong with servers: real clients push and pull through the balancer while servers are killed, stand
/// still and are restarted at random.
/// </summary>
/// <remarks><c>LONGSHORE_CLUSTER_SECONDS</c> sets how long, <c>LONGSHORE_CLUSTER_SEED</c> the start of all chance, <c>LONGSHORE_CLUSTER_LOG</c> a file for the course of it.</remarks>
[Collection(StressCollection.Name)]
public sealed class ClusterChaosTests
{
    private const int Count = 3;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_acknowledged_stays_and_can_be_pulled_while_servers_are_killed_paused_and_restarted()
    {
        var seconds = Setting("LONGSHORE_CLUSTER_SECONDS", 40);
        var seed = Setting("LONGSHORE_CLUSTER_SEED", Environment.TickCount & 0xffff);
        var random = new Random(seed);
        var noise = new byte[16_000_000];
        random.NextBytes(noise);
        var gateway = await S3Gateway.GetAsync();
        await using var cluster = await LiveCluster.StartAsync(
            Count,
            TimeSpan.FromSeconds(8),
            Token,
            "--blobs", gateway.NewUrl(), "--drain-delay", "1s", "--shutdown-timeout", "5", "--gc-interval", "2s", "--gc-grace", "10s", "--blob-lease", "10m", "--upload-expiry", "5m");
        var ledger = new Ledger();
        using var log = Environment.GetEnvironmentVariable("LONGSHORE_CLUSTER_LOG") is { Length: > 0 } path ? new StreamWriter(path) { AutoFlush = true } : null;
        var clock = Stopwatch.StartNew();
        using var spared = new SemaphoreSlim(Count - 1);
        bool IsOver() => clock.Elapsed.TotalSeconds >= seconds;
        var workers = new ClusterWorkers(cluster, ledger, noise, IsOver, Token);
        List<Task> load =
        [
            workers.PushAsync(1, random.Next()), workers.PushAsync(2, random.Next()), workers.PullAsync(random.Next()), workers.PullAsync(random.Next()),
            workers.DeleteAsync(random.Next()), workers.PushPartsAsync(random.Next()), workers.AwsAsync(random.Next(1000)), workers.SkopeoAsync(random.Next()),
        ];
        if (log is not null) load.Add(ReportAsync());
        var troubles = cluster.Servers.Select(server => TroubleAsync(server, new Random(random.Next()))).ToList();
        await Task.WhenAll(troubles);
        await Task.WhenAll(load);

        foreach (var server in cluster.Servers) await workers.CheckAllAsync(server.BaseAddress);
        var verified = await cluster.VerifyAsync(Token);
        var report = string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:0} s, seed {seed}: {ledger}; {ledger.Failures.Count} failures; verify: {verified.ToJsonString()}");
        TestContext.Current.TestOutputHelper?.WriteLine(report);
        Console.WriteLine(report);
        log?.WriteLine(report);
        foreach (var failure in ledger.Failures) log?.WriteLine(failure);
        var suspicious = cluster.SuspiciousLines().Take(10).ToList();
        foreach (var line in suspicious) log?.WriteLine(line);
        Assert.True(ledger.Failures.IsEmpty, report + "\n" + string.Join('\n', ledger.Failures.Take(20)));
        Assert.True(suspicious.Count == 0, string.Join('\n', suspicious));
        Assert.True(ledger.Of("images acknowledged") > 10 && ledger.Of("images pulled") > 10, report);

        async Task ReportAsync()
        {
            for (var told = 0; !IsOver();)
            {
                await Task.Delay(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
                foreach (var failure in ledger.Failures.Skip(told)) log.WriteLine(failure);
                told = ledger.Failures.Count;
                log.WriteLine($"{clock.Elapsed.TotalSeconds:0} s: {ledger}; {ledger.Failures.Count} failures");
            }
        }

        // One at a time is spared: a cluster of which nothing is left serves nobody.
        async Task TroubleAsync(LongshoreProcess server, Random chance)
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(chance.Next(1000, seconds > 300 ? 12_000 : 5000)), TimeProvider.System, Token);
                if (IsOver()) return;
                await spared.WaitAsync(Token);
                try
                {
                    switch (chance.Next(3))
                    {
                        case 0:
                            ledger.Count("kills");
                            await server.KillAsync();
                            await Task.Delay(TimeSpan.FromMilliseconds(chance.Next(0, 3000)), TimeProvider.System, Token);
                            await server.RestartAsync(samePort: true, Token);
                            break;
                        case 1:
                            ledger.Count("pauses");
                            server.Pause();
                            // Now and then longer than leases of jobs last.
                            await Task.Delay(TimeSpan.FromMilliseconds(seconds > 300 && chance.Next(10) == 0 ? chance.Next(50_000, 70_000) : chance.Next(200, 12_000)), TimeProvider.System, Token);
                            server.Resume();
                            break;
                        default:
                            ledger.Count("restarts");
                            await server.StopAsync(Token);
                            await server.RestartAsync(samePort: true, Token);
                            break;
                    }
                }
                catch (Exception e) when (e is InvalidOperationException or TimeoutException)
                {
                    ledger.Failures.Enqueue($"A server did not come back: {e.Message}");
                    return;
                }
                finally
                {
                    spared.Release();
                }
            }
        }
    }

    private static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
