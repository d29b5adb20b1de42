using System.Diagnostics;
using System.Globalization;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Faults;

/// <summary>
/// kill -9 at random moments under mixed load, again and again on one data directory: what was acknowledged stays, and
/// nothing half-written is ever seen.
/// </summary>
/// <remarks><c>LONGSHORE_KILLS</c> sets the number of kills, <c>LONGSHORE_KILL_SEED</c> the start of all chance.</remarks>
[Collection(StressCollection.Name)]
public sealed class KillTests
{
    private const int Workers = 6;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everything_acknowledged_survives_every_kill_and_nothing_half_written_is_seen()
    {
        var kills = Setting("LONGSHORE_KILLS", S3Gateway.IsAskedFor ? 20 : 50);
        var seed = Setting("LONGSHORE_KILL_SEED", Environment.TickCount & 0xffff);
        var random = new Random(seed);
        var noise = new byte[4_000_000];
        random.NextBytes(noise);
        await using var registry = await LiveRegistry.StartAsync(Token);
        var workers = Enumerable.Range(1, Workers).Select(i => new KillWorker(i, random.Next(), noise)).ToList();
        var (done, duringStart, slowestStart) = (0, 0, TimeSpan.Zero);
        var clock = Stopwatch.StartNew();
        while (done < kills)
        {
            await LoadUntilKilledAsync(registry, workers, random.Next(30, 500));
            done++;
            if (done < kills && random.Next(6) == 0)
            {
                await KillDuringStartAsync(registry.Server, random.Next(20, 400));
                done++;
                duringStart++;
            }

            var start = Stopwatch.StartNew();
            await registry.Server.RestartAsync(samePort: true, Token);
            if (start.Elapsed > slowestStart) slowestStart = start.Elapsed;
            using var client = registry.NewClient();
            await Task.WhenAll(workers.Select(worker => worker.CheckAsync(client, everything: done >= kills, Token)));
        }

        Assert.Equal(0, await registry.Server.StopAsync(Token));
        var verified = await registry.VerifyAsync(Token);
        registry.ExpectNoFailuresInLog();
        var report = string.Create(CultureInfo.InvariantCulture,
            $"{done} kills ({duringStart} during start), {workers.Sum(w => w.Acknowledged)} acknowledged operations, {workers.Sum(w => w.Checks)} checks, " +
            $"{workers.Sum(w => w.Resumed)} uploads resumed after a kill, {workers.Sum(w => w.Abandoned)} begun anew after one in their last request, {workers.Sum(w => w.DoneUnacknowledged)} requests settled that a kill had cut; " +
            $"slowest start {slowestStart.TotalMilliseconds:0} ms; {clock.Elapsed.TotalSeconds:0} s, seed {seed}; verify: {verified.ToJsonString()}");
        TestContext.Current.TestOutputHelper?.WriteLine(report);
        Console.WriteLine(report);
        Assert.True(workers.Sum(w => w.Acknowledged) > kills * Workers, report);
    }

    private static async Task LoadUntilKilledAsync(LiveRegistry registry, List<KillWorker> workers, int milliseconds)
    {
        var killing = false;
        var load = workers.Select(async worker =>
        {
            using var client = registry.NewClient();
            try
            {
                while (!Volatile.Read(ref killing)) await worker.StepAsync(client, Token);
            }
            catch (Exception e) when (Volatile.Read(ref killing) && e is HttpRequestException { StatusCode: null } or IOException)
            {
                // Cut by the kill: not acknowledged.
            }
        }).ToList();
        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, Token);
        Volatile.Write(ref killing, true);
        await registry.Server.KillAsync();
        await Task.WhenAll(load);
    }

    private static async Task KillDuringStartAsync(LongshoreProcess server, int milliseconds)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(milliseconds);
        try
        {
            await server.RestartAsync(samePort: true, patience.Token);
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
        }

        await server.KillAsync();
    }

    private static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
