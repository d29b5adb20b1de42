using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content.Collection;

/// <summary>Bodies that no row names: found, waited for, and removed unless they get a row after all.</summary>
public sealed class ScrubTests
{
    private static readonly TimeSpan Old = TimeSpan.FromHours(1);

    [Fact]
    public async Task An_orphan_is_noted_when_it_is_old_and_removed_when_it_still_has_no_row_later()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("live");
        var live = await content.PushAsync(name, TestBlob.Random(1, 500));
        var orphan = await OrphanAsync(content, TestBlob.Random(2, 700), content.Time.GetUtcNow());
        Assert.Equal(new CollectionCounts(Looked: 2), await ScrubAsync(content));
        content.Time.Step(Old);
        Assert.Equal(new CollectionCounts(OrphansFound: 1, Looked: 2), await ScrubAsync(content));
        Assert.Equal(new CollectionCounts(Looked: 2), await ScrubAsync(content));
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        content.Time.Step(Old);
        Assert.Equal(new CollectionCounts(OrphansRemoved: 1, OrphanBytes: 700), await content.CollectAsync());
        Assert.DoesNotContain(orphan, content.Bodies());
        Assert.Equal(live.Location, Assert.Single(content.Bodies()));
        Assert.Equal(0, await content.CountAsync("loose_bodies"));
    }

    [Fact]
    public async Task A_body_of_a_slow_upload_that_was_published_just_now_is_no_orphan()
    {
        await using var content = new ContentHarness();
        await content.CreateAsync("slow");
        content.Time.Step(TimeSpan.FromDays(1));
        var orphan = await OrphanAsync(content, TestBlob.Random(1, 100), content.Time.GetUtcNow());
        // Written a day ago, renamed now: the file's time is the older one.
        content.SetTime(orphan, content.Time.GetUtcNow().AddDays(-1));
        Assert.Equal(new CollectionCounts(Looked: 1), await ScrubAsync(content));
    }

    [Fact]
    public async Task A_publish_that_gets_its_row_after_the_scrub_noted_it_keeps_its_body()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("late");
        var blob = TestBlob.Random(1, 1000);
        await using var other = content.Second();
        // Between its rename and its row, the push stands still for hours; the scrub finds the body.
        var published = await StallAsync(content, name, blob, async () =>
        {
            content.Time.Step(Old);
            Assert.Equal(1, (await ScrubAsync(other)).OrphansFound);
        });
        Assert.True(published.Succeeded);
        content.Time.Step(Old);
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        Assert.Contains(published.Value.Location, content.Bodies());
        Assert.Equal(0, await content.CountAsync("loose_bodies"));
    }

    [Fact]
    public async Task A_publish_whose_body_was_doomed_before_it_got_its_row_fails_and_writes_none()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("late");
        var blob = TestBlob.Random(1, 1000);
        await using var other = content.Second();
        await Assert.ThrowsAsync<IOException>(() => StallAsync(content, name, blob, async () =>
        {
            content.Time.Step(Old);
            Assert.Equal(1, (await ScrubAsync(other)).OrphansFound);
            content.Time.Step(Old);
            // Doomed and not yet unlinked, as when the server that does it was killed in between.
            var body = Assert.Single(await other.Database.ReadAsync(s => LooseBodies.ListAsync(s, content.Time.GetUtcNow(), 10), Token));
            Assert.True(await other.Database.WriteAsync(Storage.Metadata.Durability.Synced, s => LooseBodies.TryDoomAsync(s, body.Location, content.Time.GetUtcNow()), Token));
        }));
        Assert.Equal(0, await content.CountAsync("blobs"));
        Assert.Empty(await content.VerifyAsync());
        Assert.Equal(new CollectionCounts(OrphansRemoved: 1, OrphanBytes: 1000), await content.CollectAsync());
        Assert.Empty(content.Bodies());
        Assert.Equal(1000, (await content.PushAsync(name, blob)).Size);
    }

    [Fact]
    public async Task A_publish_that_stood_still_until_its_body_was_removed_as_an_orphan_fails_and_writes_no_row()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("late");
        var blob = TestBlob.Random(1, 1000);
        await using var other = content.Second();
        await Assert.ThrowsAsync<IOException>(() => StallAsync(content, name, blob, async () =>
        {
            content.Time.Step(Old);
            Assert.Equal(1, (await ScrubAsync(other)).OrphansFound);
            content.Time.Step(Old);
            // Unlinked, and nothing tells of it any more.
            Assert.Equal(1, (await other.CollectAsync()).OrphansRemoved);
            Assert.Equal(0, await content.CountAsync("loose_bodies"));
        }));
        Assert.Equal(0, await content.CountAsync("blobs"));
        Assert.Empty(await content.VerifyAsync());
        Assert.Equal(1000, (await content.PushAsync(name, blob)).Size);
    }

    [Fact]
    public async Task All_parts_together_are_the_whole_store()
    {
        await using var content = new ContentHarness();
        var expected = new List<string>();
        foreach (var i in Enumerable.Range(0, 300)) expected.Add(await OrphanAsync(content, TestBlob.Random(i, 10), content.Time.GetUtcNow()));
        var found = new List<string>();
        for (var part = 0; part < content.Store.ListParts; part++)
            await foreach (var body in content.Store.ListAsync(part, Token)) found.Add(body.Location);
        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    private static async Task<CollectionCounts> ScrubAsync(ContentHarness content)
    {
        var counts = new CollectionCounts();
        for (var part = 0; part < content.Scrub.Parts; part++) counts += await content.Scrub.WalkAsync(part, new Pace(TimeProvider.System, 0, 0), Token);
        return counts;
    }

    /// <summary>A body as a crash between publish and row leaves it, with file time and generation of the harness's clock.</summary>
    private static async Task<string> OrphanAsync(ContentHarness content, TestBlob blob, DateTimeOffset published)
    {
        await using (var writer = await content.Store.OpenUploadAsync("orphan", 0, null, Token))
        {
            await writer.WriteAsync(new(blob.Content), Token);
            await writer.CompleteAsync(Token);
        }

        var location = await content.Store.PublishAsync("orphan", DigestOf(blob.Digest), Storage.Metadata.DbTime.ToDatabase(published), Token);
        content.SetTime(location, published);
        return location;
    }

    /// <summary>Publishes a blob and does something between its rename and its row.</summary>
    private static async Task<Outcome<BlobInfo>> StallAsync(ContentHarness content, RepositoryName name, TestBlob blob, Func<Task> between)
    {
        var repository = (await content.Catalog.FindAsync(Home, name, Token)).Value.Id;
        var writer = await content.Store.OpenUploadAsync("stalled", 0, null, Token);
        await writer.WriteAsync(new(blob.Content), Token);
        await writer.CompleteAsync(Token);
        content.Database.BeforeNextWrite(async () =>
        {
            var body = Assert.Single(content.Bodies());
            content.SetTime(body, content.Time.GetUtcNow());
            await between();
        });
        return await content.Publisher.PublishAsync("stalled", writer, DigestOf(blob.Digest), blob.Content.Length, _ => ValueTask.FromResult<Outcome<long>>(repository), Token);
    }
}
