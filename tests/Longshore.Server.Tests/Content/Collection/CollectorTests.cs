using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Server.Tests.TestSupport;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content.Collection;

/// <summary>The collector's steps, run by hand between the steps of pushes.</summary>
public sealed class CollectorTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromHours(24);
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    [Fact]
    public async Task A_blob_that_no_image_names_is_kept_for_its_lease_and_the_grace_period_and_then_goes()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var blob = TestBlob.Random(1, 1000);
        await content.PushAsync(name, blob);
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        content.Time.Step(Lease);
        Assert.Equal(new CollectionCounts(LinksEnded: 1, Condemned: 1), await content.CollectAsync());
        Assert.Equal(ErrorCode.BlobUnknown, (await content.Shelf.FindAsync(Home, name, DigestOf(blob.Digest), Token)).Error?.Code);
        content.Time.Step(Grace - TimeSpan.FromSeconds(1));
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        Assert.Single(content.Bodies());
        content.Time.Step(TimeSpan.FromSeconds(1));
        Assert.Equal(new CollectionCounts(FreedBodies: 1, FreedBytes: 1000), await content.CollectAsync());
        Assert.Empty(content.Bodies());
        Assert.Equal((0, 0), (await content.CountAsync("blobs"), await content.CountAsync("loose_bodies")));
    }

    [Fact]
    public async Task What_an_image_names_stays_and_goes_after_the_last_image_of_the_last_repository()
    {
        await using var content = new ContentHarness();
        var (a, b) = (await content.CreateAsync("aa"), await content.CreateAsync("bb"));
        var shared = TestBlob.Random(50, 5000);
        var first = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(51, 100), [shared, TestBlob.Random(52, 300)]);
        var second = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(53, 100), [shared, TestBlob.Random(54, 400)]);
        await content.PushAsync(a, first, "one");
        await content.PushAsync(a, second, "two");
        await content.PushAsync(b, second);
        content.Time.Step(Lease * 3);
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        await DeleteAsync(content, a, first);
        Assert.Equal(400, await FreeAllAsync(content)); // The config and the layer of its own.
        await DeleteAsync(content, a, second);
        Assert.Equal(0, await FreeAllAsync(content));
        await DeleteAsync(content, b, second);
        Assert.Equal(5500, await FreeAllAsync(content));
        Assert.Empty(content.Bodies());
        Assert.Equal(0, await content.CountAsync("repository_blobs"));
    }

    [Fact]
    public async Task A_link_of_a_deleted_image_that_another_image_names_too_loses_its_lease()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var shared = TestBlob.Random(1, 100);
        var (first, second) = (TestImage.Manifest(new TestImageOptions(), shared, []), TestImage.Manifest(new TestImageOptions { Annotations = new Dictionary<string, string> { ["a"] = "b" } }, shared, []));
        await content.PushAsync(name, first);
        await content.PushAsync(name, second);
        Assert.Equal(0, await content.CountAsync("repository_blobs", "leased_until IS NOT NULL"));
        await DeleteAsync(content, name, first);
        Assert.Equal(1, await content.CountAsync("repository_blobs", "leased_until IS NOT NULL"));
        content.Time.Step(Grace);
        Assert.Equal(new CollectionCounts(LinksKept: 1), await content.CollectAsync());
        Assert.Equal(0, await content.CountAsync("repository_blobs", "leased_until IS NOT NULL"));
    }

    [Fact]
    public async Task A_push_of_a_condemned_layer_brings_it_back_in_place()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var blob = TestBlob.Random(1, 1000);
        var before = await content.PushAsync(name, blob);
        await CondemnAsync(content);
        content.Time.Step(Grace);
        var after = await content.PushAsync(name, blob);
        Assert.Equal(before, after);
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        Assert.Equal(1, await content.CountAsync("blobs", "state = 0 AND condemned_at IS NULL"));
        Assert.Single(content.Bodies());
        Assert.Empty(content.UploadFiles());
    }

    [Fact]
    public async Task A_condemned_layer_that_is_collected_between_a_pushs_look_and_its_commit_is_published_anew()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var blob = TestBlob.Random(1, 1000);
        var before = await content.PushAsync(name, blob);
        await CondemnAsync(content);
        content.Time.Step(Grace);
        var id = (await content.Uploads.StartAsync(Home, name, Token)).Value.Id;
        Assert.True((await content.Uploads.AppendAsync(Home, name, id, null, null, Body(blob.Content), Token)).Succeeded);
        await using var other = content.Second();
        // The look says that the body is stored; then it goes, row and bytes, and the commit sees that.
        content.Database.BeforeNextWrite(async () => Assert.Equal(1, (await other.CollectAsync()).FreedBodies));
        var after = (await content.Uploads.CompleteAsync(Home, name, id, DigestOf(blob.Digest), null, null, null, Token)).Value;
        Assert.NotEqual(before.Location, after.Location);
        Assert.Equal(after.Location, Assert.Single(content.Bodies()));
        Assert.Equal(blob.Content, await TestStores.ReadAsync(content.DataDirectory, after.Location));
    }

    [Fact]
    public async Task A_condemned_blob_is_no_blob_to_mount_and_a_mount_in_time_keeps_it()
    {
        await using var content = new ContentHarness();
        var (a, b, c) = (await content.CreateAsync("aa"), await content.CreateAsync("bb"), await content.CreateAsync("cc"));
        var blob = TestBlob.Random(1, 1000);
        await content.PushAsync(a, blob);
        content.Time.Step(Lease);
        Assert.NotNull(await MountAsync(content, blob, a, b));
        Assert.Equal(new CollectionCounts(LinksEnded: 1), await content.CollectAsync());
        content.Time.Step(Lease);
        Assert.Equal(new CollectionCounts(LinksEnded: 1, Condemned: 1), await content.CollectAsync());
        Assert.Null(await MountAsync(content, blob, b, c));
        Assert.Null(await MountAsync(content, blob, null, c));
        content.Time.Step(Grace);
        Assert.Equal(1, (await content.CollectAsync()).FreedBodies);
    }

    [Fact]
    public async Task A_manifest_that_comes_before_the_collector_keeps_its_layers_and_one_that_comes_after_is_told_what_is_missing()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var (early, late) = (TestImage.Create(1, 100), TestImage.Create(2, 100));
        foreach (var blob in early.Blobs.Concat(late.Blobs)) await content.PushAsync(name, blob);
        content.Time.Step(Lease);
        Assert.True((await content.PutAsync(name, early)).Succeeded);
        Assert.Equal(new CollectionCounts(LinksEnded: late.Blobs.Count, Condemned: late.Blobs.Count), await content.CollectAsync());
        Assert.Equal(ErrorCode.ManifestBlobUnknown, (await content.PutAsync(name, late)).Error?.Code);
        await content.PushAsync(name, late);
        content.Time.Step(Lease + Grace);
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task A_manifest_that_comes_between_the_collectors_look_and_its_transaction_keeps_its_layers()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var image = TestImage.Create(1, 100);
        foreach (var blob in image.Blobs) await content.PushAsync(name, blob);
        content.Time.Step(Lease);
        await using var other = content.Second();
        other.Database.BeforeNextWrite(async () => Assert.True((await content.PutAsync(name, image)).Succeeded));
        Assert.Equal(new CollectionCounts(), await other.Collector.EndLinksAsync(Token));
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task A_push_that_comes_between_the_collectors_look_and_the_end_of_the_row_keeps_the_body()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var blob = TestBlob.Random(1, 1000);
        await content.PushAsync(name, blob);
        await CondemnAsync(content);
        content.Time.Step(Grace);
        await using var other = content.Second();
        other.Database.BeforeNextWrite(() => content.PushAsync(name, blob));
        Assert.Equal(new CollectionCounts(), await other.Collector.FreeAsync(Token));
        Assert.Null(await other.Collector.UnlinkAsync(Token));
        Assert.Single(content.Bodies());
        Assert.True((await content.Shelf.FindAsync(Home, name, DigestOf(blob.Digest), Token)).Succeeded);
    }

    [Fact]
    public async Task What_a_kill_between_row_and_unlink_leaves_goes_with_the_next_run_and_a_new_push_is_not_hit()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var blob = TestBlob.Random(1, 1000);
        var before = await content.PushAsync(name, blob);
        await CondemnAsync(content);
        content.Time.Step(Grace);
        Assert.Equal(new CollectionCounts(FreedBodies: 1, FreedBytes: 1000), await content.Collector.FreeAsync(Token));
        // Killed here. The client of the next start pushes the same layer before the collector runs.
        await using var next = content.Second();
        var after = await next.PushAsync(name, blob);
        Assert.Equal(2, content.Bodies().Length);
        Assert.Equal(new CollectionCounts(), await next.CollectAsync());
        Assert.DoesNotContain(before.Location, content.Bodies());
        Assert.Equal(after.Location, Assert.Single(content.Bodies()));
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task A_body_whose_row_was_quarantined_or_that_the_recycle_bin_holds_is_not_condemned()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var image = TestImage.Create(1, 100);
        await content.PushAsync(name, image);
        await content.Database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var id = await session.QueryFirstAsync(
                    """
                    INSERT INTO recycled_images (repository_id, digest, media_type, size, image_size, pushed_at, tags, children, removed_at, removed_by, expires_at, bytes)
                    SELECT repository_id, digest, media_type, size, image_size, pushed_at, '', '', 0, 'test', 0, bytes FROM manifests RETURNING id
                    """,
                    static row => row.GetInt64(0));
                await session.ExecuteAsync("INSERT INTO recycled_blobs (image_id, blob_id) SELECT @id, blob_id FROM manifest_blobs", ("@id", id));
                return 0;
            },
            Token);
        await DeleteAsync(content, name, image);
        Assert.Equal(0, await FreeAllAsync(content));
        Assert.Equal(image.Blobs.Count, content.Bodies().Length);
        // With the repository the bin goes too.
        Assert.True((await content.Catalog.DeleteAsync(Home, name, force: false, Token)).Succeeded);
        Assert.Equal(0, await content.CountAsync("recycled_images"));
        Assert.Equal(image.Blobs.Sum(b => b.Content.Length), await FreeAllAsync(content));
        Assert.Empty(content.Bodies());
    }

    [Fact]
    public async Task What_a_plan_let_go_of_last_is_counted_on_it_and_what_came_back_is_not()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("plans");
        var (back, shared, own) = (TestBlob.Random(1, 100), TestBlob.Random(2, 200), TestBlob.Random(3, 400));
        var first = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(4, 10), [back, shared]);
        var second = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(5, 20), [shared, own]);
        var third = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(6, 40), []);
        foreach (var image in new[] { first, second, third }) await content.PushAsync(name, image);
        await RemoveAsync(first, "plan-1");
        await RemoveAsync(second, "plan-2");
        await RemoveAsync(third, null);
        content.Time.Step(Grace);
        Assert.Equal(6, (await content.CollectAsync()).Condemned);
        await content.PushAsync(name, back);
        content.Time.Step(Grace);
        Assert.Equal(10 + 20 + 40 + 200 + 400, (await content.CollectAsync()).FreedBytes);
        Assert.Equal([("plan-1", (1, 10)), ("plan-2", (3, 620))], content.Freed.Plans.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => (p.Key, p.Value)));
        // Collected for another reason later: no plan's bytes.
        content.Time.Step(Lease);
        Assert.Equal(0, await FreeAllAsync(content) - 100);
        Assert.Equal(2, content.Freed.Plans.Count);
        Assert.Equal((1, 10), content.Freed.Plans["plan-1"]);

        async Task RemoveAsync(TestManifest image, string? plan) => await content.Database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var id = await session.QueryFirstAsync("SELECT id FROM manifests WHERE digest = @digest", static row => row.GetInt64(0), ("@digest", image.Digest));
                await BlobReferences.LeaseLinksOfAsync(session, id, content.Time.GetUtcNow() + Grace, plan);
                await session.ExecuteAsync("DELETE FROM manifests WHERE id = @id", ("@id", id));
                return 0;
            },
            Token);
    }

    [Fact]
    public async Task Deleting_a_repository_or_a_blob_condemns_at_once_what_nothing_else_holds()
    {
        await using var content = new ContentHarness();
        var (a, b) = (await content.CreateAsync("aa"), await content.CreateAsync("bb"));
        var image = TestImage.Create(1, 100, 200, 300);
        await content.PushAsync(a, image, "x", "y");
        await content.PushAsync(b, image.Blobs[0]);
        var alone = TestBlob.Random(9, 77);
        await content.PushAsync(b, alone);
        Assert.True((await content.Catalog.DeleteAsync(Home, a, force: true, Token)).Succeeded);
        Assert.True((await content.Shelf.RemoveAsync(Home, b, DigestOf(alone.Digest), Token)).Succeeded);
        Assert.Equal(image.Blobs.Count, await content.CountAsync("blobs", "state = 1"));
        content.Time.Step(Grace);
        Assert.Equal(image.Blobs.Sum(x => x.Content.Length) - image.Blobs[0].Content.Length + 77, (await content.CollectAsync()).FreedBytes);
        Assert.Single(content.Bodies());
    }

    [Fact]
    public async Task A_repository_that_is_made_anew_while_the_former_one_is_deleted_stays()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("again");
        await content.PushAsync(name, TestImage.Create(1, 100), "x");
        await using var other = content.Second();
        content.Database.BeforeNextWrite(async () =>
        {
            Assert.True((await other.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
            await other.CreateAsync("again");
        });
        Assert.Equal(ErrorCode.RepositoryNotFound, (await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Error?.Code);
        Assert.True((await content.Catalog.FindAsync(Home, name, Token)).Succeeded);
    }

    [Fact]
    public async Task A_clock_that_was_ahead_neither_keeps_bodies_for_years_nor_shortens_their_grace()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        content.Time.Step(TimeSpan.FromDays(4000));
        await content.PushAsync(name, TestBlob.Random(1, 100));
        await content.PushAsync(name, TestBlob.Random(2, 100));
        Assert.True((await content.Shelf.RemoveAsync(Home, name, DigestOf(TestBlob.Random(2, 100).Digest), Token)).Succeeded);
        content.Time.Step(TimeSpan.FromDays(-4000));
        await content.Collector.MendTimesAsync(Token);
        content.Time.Step(Grace - TimeSpan.FromSeconds(1));
        Assert.Equal(new CollectionCounts(), await content.CollectAsync());
        content.Time.Step(Lease);
        Assert.Equal(new CollectionCounts(LinksEnded: 1, Condemned: 1, FreedBodies: 1, FreedBytes: 100), await content.CollectAsync());
    }

    [Fact]
    public async Task The_sweep_finds_what_no_lease_leads_to()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("rr");
        var image = TestImage.Create(1, 100);
        await content.PushAsync(name, image);
        foreach (var seed in new[] { 11, 12, 13, 14 }) await content.PushAsync(name, TestBlob.Random(seed, 100));
        await content.Database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                // A link without a lease, a body without a link, a damaged one without a link, and a condemned one that is linked.
                string Digest(int seed) => TestBlob.Random(seed, 100).Digest;
                await session.ExecuteAsync("UPDATE repository_blobs SET leased_until = NULL WHERE blob_id IN (SELECT id FROM blobs WHERE digest = @a)", ("@a", Digest(11)));
                await session.ExecuteAsync("DELETE FROM repository_blobs WHERE blob_id IN (SELECT id FROM blobs WHERE digest IN (@a, @b))", ("@a", Digest(12)), ("@b", Digest(13)));
                await session.ExecuteAsync("UPDATE blobs SET state = 2 WHERE digest = @a", ("@a", Digest(13)));
                await session.ExecuteAsync("UPDATE blobs SET state = 1, condemned_at = 0 WHERE digest = @a", ("@a", Digest(14)));
                return 0;
            },
            Token);
        var progress = CollectionProgress.None;
        while (await content.Sweep.StepAsync(CollectionProgress.Parse(progress.ToJson()), Token) is { } next) progress = next;
        Assert.Equal((1, 1), (progress.Run.Condemned, progress.Run.FreedBodies));
        Assert.Equal(new CollectionCounts(LinksEnded: 1, Condemned: 1), await content.CollectAsync());
        content.Time.Step(Grace);
        Assert.Equal(2, (await content.CollectAsync()).FreedBodies);
        Assert.Equal(image.Blobs.Count + 1, content.Bodies().Length);
        Assert.Equal(image.Blobs.Count + 1, await content.CountAsync("blobs", "state = 0"));
        Assert.Empty(await content.VerifyAsync());
    }

    private static async Task DeleteAsync(ContentHarness content, RepositoryName name, TestManifest image) =>
        Assert.True((await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(image.Digest), null), Caller, Token)).Value.ImageDeleted);

    private static async Task CondemnAsync(ContentHarness content)
    {
        content.Time.Step(Lease);
        Assert.Equal(1, (await content.CollectAsync()).Condemned);
    }

    /// <summary>Collects, waits for the grace periods, and collects again: bytes freed.</summary>
    private static async Task<long> FreeAllAsync(ContentHarness content)
    {
        content.Time.Step(Grace);
        var first = await content.CollectAsync();
        content.Time.Step(Grace);
        return (first + await content.CollectAsync()).FreedBytes;
    }

    private static async Task<BlobInfo?> MountAsync(ContentHarness content, TestBlob blob, RepositoryName? from, RepositoryName to) =>
        (await content.Uploads.MountAsync(Home, to, DigestOf(blob.Digest), from, false, _ => new(true), Token)).Value;
}
