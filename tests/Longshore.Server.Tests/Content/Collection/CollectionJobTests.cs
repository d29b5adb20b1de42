using System.Diagnostics.Metrics;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting.Jobs;
using Longshore.TestSupport.Oci;
using Microsoft.Extensions.Logging.Abstractions;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content.Collection;

/// <summary>Whole runs: interrupted, resumed, shown before they happen, counted.</summary>
public sealed class CollectionJobTests
{
    [Fact]
    public async Task A_run_that_is_interrupted_at_any_write_goes_on_and_ends_as_if_it_never_was()
    {
        for (var writes = 1; ; writes++)
        {
            await using var content = await GarbageAsync();
            var jobs = new JobStore(content.Database, content.Time);
            await jobs.TriggerAsync(CollectionJob.JobKind, "", Token);
            var interrupted = !await RunAsync(content, jobs, writes);
            if (interrupted) Assert.True(await RunAsync(content, jobs, int.MaxValue));
            var progress = CollectionProgress.Parse((await jobs.FindAsync(CollectionJob.JobKind, "", Token))!.Progress);
            Assert.False(progress.Running);
            Assert.Empty(content.Bodies());
            Assert.Equal((0, 0, 0), (await content.CountAsync("blobs"), await content.CountAsync("repository_blobs"), await content.CountAsync("loose_bodies")));
            // The counters are kept after each batch: a kill just then costs its count, and never counts twice.
            Assert.InRange(progress.Total.FreedBytes, 0, 3000);
            if (interrupted) continue;
            Assert.Equal(new CollectionCounts(LinksEnded: 1, Condemned: 1, FreedBodies: 3, FreedBytes: 3000), progress.Total);
            Assert.InRange(writes, 5, 50);
            return;
        }
    }

    [Fact]
    public async Task The_scrub_goes_on_with_the_part_where_it_was_interrupted()
    {
        await using var content = new ContentHarness();
        var jobs = new JobStore(content.Database, content.Time);
        using var metrics = new CollectionMetrics();
        var job = new ScrubJob(content.Scrub, content.Collection, metrics, NullLogger<ScrubJob>.Instance);
        await jobs.TriggerAsync(job.Kind, "", Token);
        var writes = Math.Max(12, content.Scrub.Parts / 5);
        Assert.False(await RunAsync(content, jobs, job, writes));
        var half = CollectionProgress.Parse((await jobs.FindAsync(job.Kind, "", Token))!.Progress);
        Assert.True(half.Running);
        Assert.InRange(half.Part, writes - 12, writes);
        Assert.True(await RunAsync(content, jobs, job, int.MaxValue));
        var state = (await jobs.FindAsync(job.Kind, "", Token))!;
        Assert.Equal((false, content.Scrub.Parts), (CollectionProgress.Parse(state.Progress).Running, CollectionProgress.Parse(state.Progress).Part));
        Assert.Equal(content.Time.GetUtcNow().AddDays(1), state.DueAt);
    }

    [Fact]
    public async Task The_dry_run_names_exactly_what_then_goes_and_changes_nothing()
    {
        for (var seed = 0; seed < 8; seed++)
        {
            var random = new Random(seed);
            await using var content = new ContentHarness();
            var names = new List<RepositoryName>();
            for (var i = 0; i < 3; i++) names.Add(await content.CreateAsync($"repo{i}"));
            for (var step = 0; step < 40; step++)
            {
                var name = names[random.Next(names.Count)];
                var image = Image(random.Next(10));
                switch (random.Next(5))
                {
                    case 0:
                        await content.PushAsync(name, TestBlob.Random(random.Next(12), 100));
                        break;
                    case 1:
                        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(image.Digest), null), Caller, Token);
                        break;
                    case 2:
                        content.Time.Step(TimeSpan.FromHours(random.Next(30)));
                        if (random.Next(2) == 0) await content.CollectAsync();
                        break;
                    default:
                        await content.PushAsync(name, image);
                        break;
                }
            }

            var told = new Dictionary<string, CollectableBody>();
            var before = await StateAsync(content);
            await foreach (var body in content.Preview.ListAsync(Token)) Assert.True(told.TryAdd(body.Digest.Value, body));
            Assert.Equal((told.Count, told.Values.Sum(b => b.Size)), await content.Preview.SumAsync(Token));
            var (paged, position) = (new List<string>(), (string?)null);
            do
            {
                var page = (await content.Preview.PageAsync(position, 3, Token)).Value;
                paged.AddRange(page.Bodies.Select(b => b.Digest.Value));
                position = page.Next;
            }
            while (position is not null);
            Assert.Equal(told.Keys, paged);
            Assert.Equal(before, await StateAsync(content));
            var now = content.Time.GetUtcNow();
            var digests = await DigestsAsync(content);
            var counts = await content.CollectAsync();
            Assert.Equal(
                told.Values.Where(b => b.NotBefore <= now).Select(b => b.Digest.Value).Order(StringComparer.Ordinal),
                digests.Except(await DigestsAsync(content)).Order(StringComparer.Ordinal));
            content.Time.Step(content.Options.CollectionGrace);
            // Links whose lease ended with that step are not yet for the dry run of before: only bodies are freed here.
            while (await content.Collector.FreeAsync(Token) is { } freed) counts += freed;
            Assert.Equal(told.Keys.Order(StringComparer.Ordinal), digests.Except(await DigestsAsync(content)).Order(StringComparer.Ordinal));
            Assert.Equal(told.Values.Sum(b => b.Size), counts.FreedBytes);
            while (await content.Collector.UnlinkAsync(Token) is not null) { }
            var (disk, rows) = await content.BytesAsync();
            Assert.Equal(rows, disk);
            Assert.Empty(await content.VerifyAsync());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.x")]
    [InlineData("1.2.3.4")]
    [InlineData("99999999999999999999.1")]
    public async Task A_position_that_no_page_gave_is_refused(string position)
    {
        await using var content = new ContentHarness();
        Assert.Equal(ErrorCode.InvalidParameter, (await content.Preview.PageAsync(position, 10, Token)).Error?.Code);
    }

    [Fact]
    public async Task Collection_is_started_on_demand_and_tells_what_it_did()
    {
        await using var content = await GarbageAsync();
        var jobs = new JobStore(content.Database, content.Time);
        var control = new CollectionControl(jobs, content.Scrub);
        Assert.Empty(await control.StatusAsync(Token));
        await control.StartAsync(full: false, Token);
        Assert.True(await RunAsync(content, jobs, int.MaxValue));
        var status = Assert.Single(await control.StatusAsync(Token));
        Assert.Equal((CollectionJob.JobKind, false, 3000), (status.State.Kind, status.State.Running, status.Progress.Run.FreedBytes));
        await control.StartAsync(full: true, Token);
        Assert.Equal(["collection", "scrub", "sweep"], (await control.StatusAsync(Token)).Select(s => s.State.Kind));
        Assert.All(await control.StatusAsync(Token), s => Assert.Equal(content.Time.GetUtcNow(), s.State.DueAt));
    }

    [Fact]
    public async Task What_goes_is_counted_by_the_meter()
    {
        await using var content = await GarbageAsync();
        var sums = new Dictionary<string, long>();
        using var listener = new MeterListener();
        using var metrics = new CollectionMetrics();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Longshore.Collection") l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            lock (sums) sums[instrument.Name] = sums.GetValueOrDefault(instrument.Name) + value;
        });
        listener.Start();
        var jobs = new JobStore(content.Database, content.Time);
        await jobs.TriggerAsync(CollectionJob.JobKind, "", Token);
        Assert.True(await RunAsync(content, jobs, new CollectionJob(content.Collector, content.Collection, metrics, NullLogger<CollectionJob>.Instance), int.MaxValue));
        lock (sums) Assert.True(sums["longshore.collection.freed.bytes"] >= 3000 && sums["longshore.collection.freed"] >= 3);
    }

    [Fact]
    public async Task The_pace_is_kept_on_the_average()
    {
        var pace = new Pace(TimeProvider.System, 1000, 0);
        var begun = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 10; i++) await pace.KeepAsync(40, 1 << 30, Token);
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.FromSeconds(0.39), TimeSpan.FromSeconds(5));
        var bytes = new Pace(TimeProvider.System, 0, 1 << 20);
        begun = TimeProvider.System.GetTimestamp();
        await bytes.KeepAsync(1, 1 << 18, Token);
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.FromSeconds(0.24), TimeSpan.FromSeconds(5));
    }

    /// <summary>One body that only awaits its end, one that was condemned long enough ago, and one whose lease is over.</summary>
    private static async Task<ContentHarness> GarbageAsync()
    {
        var content = new ContentHarness(new ContentOptions { CollectionGrace = TimeSpan.Zero });
        var name = await content.CreateAsync("garbage");
        foreach (var seed in new[] { 1, 2 })
        {
            await content.PushAsync(name, TestBlob.Random(seed, 1000));
            Assert.True((await content.Shelf.RemoveAsync(Home, name, DigestOf(TestBlob.Random(seed, 1000).Digest), Token)).Succeeded);
        }

        await content.PushAsync(name, TestBlob.Random(3, 1000));
        content.Time.Step(content.Options.BlobLease);
        return content;
    }

    private static TestManifest Image(int i) => TestImage.Manifest(
        new TestImageOptions(), TestBlob.Random(1000 + i, 50), [TestBlob.Random(i, 100), TestBlob.Random(i + 1, 100), TestBlob.Random(i / 3, 100)]);

    private static async Task<string> StateAsync(ContentHarness content)
    {
        var rows = await content.Database.ReadAsync(
            s => s.QueryAsync(
                """
                SELECT 'b' || id || ' ' || digest || state || COALESCE(condemned_at, 0) FROM blobs
                UNION ALL SELECT 'l' || repository_id || ' ' || blob_id || COALESCE(leased_until, 0) FROM repository_blobs ORDER BY 1
                """,
                static row => row.GetString(0)),
            Token);
        return string.Join('\n', rows.Concat(content.Bodies().Order(StringComparer.Ordinal)));
    }

    private static async Task<List<string>> DigestsAsync(ContentHarness content) =>
        await content.Database.ReadAsync(s => s.QueryAsync("SELECT digest FROM blobs", static row => row.GetString(0)), Token);

    private static async Task<bool> RunAsync(ContentHarness content, JobStore jobs, int writes)
    {
        using var metrics = new CollectionMetrics();
        return await RunAsync(content, jobs, new CollectionJob(content.Collector, content.Collection, metrics, NullLogger<CollectionJob>.Instance), writes);
    }

    /// <summary>Runs a job until its end, or until so many writes were begun: the server stops there. Whether it came to its end.</summary>
    private static async Task<bool> RunAsync(ContentHarness content, JobStore jobs, IJobHandler handler, int writes)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var runner = new JobRunner(content.Database, jobs, [handler], new JobOptions(), new Jitter(new Random(1)), content.Time, NullLogger<JobRunner>.Instance);
        content.Database.BeforeEachWrite = () =>
        {
            if (--writes < 0) stop.Cancel();
        };
        try
        {
            await Task.WhenAll(await runner.PollAsync(stop.Token));
        }
        catch (OperationCanceledException)
        {
            // Before it had the claim.
        }

        content.Database.BeforeEachWrite = null;
        return !stop.IsCancellationRequested;
    }
}
