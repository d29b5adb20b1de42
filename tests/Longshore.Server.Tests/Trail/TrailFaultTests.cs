using System.Globalization;
using System.Net;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Trail;

/// <summary>Kills and full disks: no write without its record, and a trail that verifies.</summary>
[Collection(StressCollection.Name)]
public sealed class TrailFaultTests
{
    private const int Kills = 12;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_acknowledged_write_is_in_the_trail_whenever_the_server_is_killed()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        var random = new Random(4711);
        var pushed = new List<string>();
        var gate = new Lock();
        for (var kill = 0; kill < Kills; kill++)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var round = kill;
            var workers = Enumerable.Range(0, 3).Select(worker => Task.Run(
                async () =>
                {
                    using var client = registry.NewClient();
                    for (var i = 0; !over.IsCancellationRequested; i++)
                    {
                        var tag = string.Create(CultureInfo.InvariantCulture, $"k{round}-{worker}-{i}");
                        try
                        {
                            var image = TestImage.Create(((round * 100) + (worker * 10_000)) + i, 200);
                            foreach (var blob in image.Blobs) await client.PushBlobAsync("kill/it", blob, over.Token);
                            var put = await client.PutManifestAsync("kill/it", tag, image, over.Token);
                            if (put.Status != HttpStatusCode.Created) continue;
                            lock (gate) pushed.Add(tag);
                        }
                        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or InvalidOperationException or IOException)
                        {
                            return;
                        }
                    }
                },
                Token)).ToList();
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(50, 600)), TimeProvider.System, Token);
            await registry.Server.KillAsync();
            await over.CancelAsync();
            await Task.WhenAll(workers);
            await TrailReader.VerifyAsync(registry.Server, Token);
            await registry.Server.RestartAsync(samePort: true, Token);
        }

        Assert.NotEmpty(pushed);
        var records = await TrailReader.SearchAsync(registry.Server, "repository=kill/it&eventName=PutImage", Token);
        var told = records.Select(static record => TrailReader.Text(record, "additionalEventData", "tag")).ToHashSet();
        Assert.All(pushed, tag => Assert.Contains(tag, told));
        // And what the registry has, the trail has: also what was done and not acknowledged.
        var tags = new List<string>();
        for (var last = ""; ;)
        {
            var page = (await registry.Client.SendAsync(HttpMethod.Get, $"/v2/kill/it/tags/list?n=1000&last={last}", Token)).Json["tags"]!.AsArray().Select(static tag => (string)tag!).ToList();
            tags.AddRange(page);
            if (page.Count < 1000) break;
            last = page[^1];
        }

        Assert.All(tags, tag => Assert.Contains(tag, told));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Kills} kills, {pushed.Count} pushes acknowledged, {tags.Count} tags, {records.Count} records, {records.Count(static record => TrailReader.Text(record, "errorCode") == "OutcomeUnknown")} of unknown outcome");
        registry.ExpectNoFailuresInLog();
    }

    [Fact]
    public async Task With_a_full_disk_reads_go_on_and_nothing_is_changed_that_is_not_recorded()
    {
        // The trail alone is on it: the database and the bodies have room, so that nothing but the trail can refuse.
        await using var disk = await SmallDisk.MountAsync(2, Token);
        using var data = new TemporaryDirectory("data");
        Directory.CreateSymbolicLink(data.Combine("trail"), disk.Path);
        await using var registry = await LiveRegistry.StartAsync(Token, data.Path);
        var image = TestImage.Create(1, 300);
        await registry.Client.PushImageAsync("disk/full", image, "v0", Token);
        disk.Fill();
        var (done, refused) = (0, 0);
        // The segments that are prepared take some thousand records yet.
        for (var i = 1; refused < 50; i++)
        {
            Assert.True(i < 30_000, "The trail does not run full.");
            var answer = await registry.Client.PutManifestAsync("disk/full", string.Create(CultureInfo.InvariantCulture, $"v{i}"), image, Token);
            if (answer.Status == HttpStatusCode.Created) done++;
            else refused += answer.Status == HttpStatusCode.InsufficientStorage && answer.Text.Contains("trail", StringComparison.Ordinal) ? 1 : throw new InvalidOperationException(answer.ToString());
            Assert.Equal(HttpStatusCode.OK, (await registry.Client.SendAsync(HttpMethod.Get, "/v2/disk/full/manifests/v0", Token)).Status);
        }

        disk.Free();
        // There is room again: writes go on, and the trail says what it could not keep.
        HttpStatusCode status;
        var attempts = 0;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token);
            status = (await registry.Client.PutManifestAsync("disk/full", "after", image, Token)).Status;
        }
        while (status != HttpStatusCode.Created && ++attempts < 50);
        Assert.Equal(HttpStatusCode.Created, status);
        var records = await TrailReader.SearchAsync(registry.Server, "repository=disk/full&eventName=PutImage", Token);
        var told = records.Where(static record => TrailReader.Text(record, "errorCode") is null).Select(static record => TrailReader.Text(record, "additionalEventData", "tag")).ToHashSet();
        var tags = (await registry.Client.SendAsync(HttpMethod.Get, "/v2/disk/full/tags/list?n=1000", Token)).Json["tags"]!.AsArray().Select(static tag => (string)tag!);
        Assert.All(tags, tag => Assert.Contains(tag, told));
        var gap = await TrailReader.SearchAsync(registry.Server, "eventName=TrailGap&allAccounts=true", 1, Token);
        await TrailReader.VerifyAsync(registry.Server, Token);
        Assert.NotEqual(0, done);
        TestContext.Current.TestOutputHelper?.WriteLine($"{gap[0].GetProperty("additionalEventData")} {done} writes on the full disk, {refused} refused, {records.Count} records");
    }
}
