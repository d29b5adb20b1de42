using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Events;
using Longshore.Server.Content.Recycling;
using Longshore.Server.Verification;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class RecycleBinTests
{
    private static readonly TestManifest Image = TestImage.Create(1, 10);
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    [Fact]
    public async Task An_image_that_a_plan_removed_comes_back_as_it_was()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "b", "a");
        var before = await DescribeAsync(content, name, Image);
        content.Pulls.Record(before.Id);
        await content.Pulls.FlushAsync(Token);
        before = await DescribeAsync(content, name, Image);
        content.Time.Step(TimeSpan.FromDays(3));

        Assert.Equal(["a", "b"], (await RemoveAsync(content, name, Image, "plan-1")).Tags);
        Assert.Equal(ErrorCode.ManifestUnknown, (await content.Images.DescribeAsync(Home, name, new ImageId(DigestOf(Image.Digest), null), Token)).Error?.Code);
        var entry = Assert.Single((await content.Bin.ListAsync(Home, name, null, 10, Token)).Value);
        Assert.Equal(entry, (await content.Bin.FindAsync(Home, name, DigestOf(Image.Digest), Token)).Value with { Tags = entry.Tags });
        Assert.Equal((DigestOf(Image.Digest), "lifecycle", "plan-1", 2L), (entry.Digest, entry.RemovedBy, entry.PlanId, entry.TagCount));
        Assert.Equal(["a", "b"], entry.Tags);
        Assert.Equal((before.PushedAt, before.LastPulledAt), (entry.PushedAt, entry.LastPulledAt));
        Assert.Equal((content.Time.GetUtcNow(), content.Time.GetUtcNow() + Week), (entry.RemovedAt, entry.ExpiresAt));
        Assert.Equal(Image.Blobs.Sum(b => (long)b.Content.Length), await content.Bin.HeldBytesAsync("plan-1", Token));
        Assert.Empty(await content.VerifyAsync());

        // The collector takes the links, and the bin keeps the bodies.
        content.Time.Step(TimeSpan.FromDays(6));
        await content.CollectAsync();
        Assert.Equal((0L, 0L), (await content.CountAsync("repository_blobs"), await content.CountAsync("blobs", "state <> 0")));

        var restored = Assert.Single((await content.Bin.RestoreAsync(Home, name, DigestOf(Image.Digest), Token)).Value);
        Assert.Equal((DigestOf(Image.Digest), 0), (restored.Digest, restored.TagsTaken.Count));
        var after = await DescribeAsync(content, name, Image);
        Assert.Equal(before with { Id = after.Id, Tags = after.Tags }, after);
        Assert.Equal(["a", "b"], after.Tags);
        foreach (var blob in Image.Blobs) Assert.NotNull((await content.Shelf.FindReferencedAsync(Home, name, DigestOf(blob.Digest), Token)).Value);
        Assert.Equal(0, await content.CountAsync("recycled_images") + await content.CountAsync("recycled_blobs") + await content.CountAsync("released_blobs"));
        Assert.Equal(["Longshore Image Action", "Longshore Image Action"], (await ImageEventTests.EventsAsync(content))[4..].Select(e => e.Split('|')[0]));
        content.Time.Step(TimeSpan.FromDays(30));
        await content.CollectAsync();
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task Tags_that_were_taken_meanwhile_stay_where_they_are()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app", new RepositorySettings(TagMutability.Immutable, [], false));
        await content.PushAsync(name, Image, "v1", "v2");
        await RemoveAsync(content, name, Image);
        var other = TestImage.Create(2, 10);
        await content.PushAsync(name, other, "v2");
        var restored = Assert.Single((await content.Bin.RestoreAsync(Home, name, DigestOf(Image.Digest), Token)).Value);
        Assert.Equal(["v1"], restored.Tags);
        Assert.Equal(["v2"], restored.TagsTaken);
        Assert.Equal(["v1"], (await DescribeAsync(content, name, Image)).Tags);
        Assert.Equal(["v2"], (await DescribeAsync(content, name, other)).Tags);
    }

    [Fact]
    public async Task An_expired_image_is_freed_and_counted_on_its_plan()
    {
        await using var content = new ContentHarness(new ContentOptions { RecycleBinDelete = TimeSpan.FromDays(2) });
        var name = await content.CreateAsync("team/app");
        var kept = TestImage.Create(3, 10);
        await content.PushAsync(name, Image, "v1");
        await content.PushAsync(name, kept, "v2");
        await RemoveAsync(content, name, Image, "plan-1");
        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(kept.Digest), null), Caller, Token);
        Assert.Equal(Caller, (await content.Bin.FindAsync(Home, name, DigestOf(kept.Digest), Token)).Value.RemovedBy);

        content.Time.Step(TimeSpan.FromDays(3));
        await content.RunJobAsync(new RecycleBinJob(content.Database, content.Time));
        Assert.Equal(DigestOf(Image.Digest), Assert.Single((await content.Bin.ListAsync(Home, name, null, 10, Token)).Value).Digest);
        await content.CollectAsync();
        content.Time.Step(TimeSpan.FromDays(4));
        await content.CollectAsync();
        Assert.Equal(Image.Blobs.Count, content.Bodies().Length);
        await content.RunJobAsync(new RecycleBinJob(content.Database, content.Time));
        Assert.Equal(0, await content.CountAsync("recycled_images"));
        Assert.Equal(Image.Blobs.Count, await content.CountAsync("released_blobs", "plan_id = 'plan-1'"));
        Assert.Equal(Image.Blobs.Count, await content.CountAsync("blobs", "state = 1"));
        content.Time.Step(TimeSpan.FromDays(1));
        await content.CollectAsync();
        Assert.Empty(content.Bodies());
        Assert.Equal(ErrorCode.ManifestUnknown, (await content.Bin.RestoreAsync(Home, name, DigestOf(Image.Digest), Token)).Error?.Code);
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task Expiry_goes_on_from_batch_to_batch()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        for (var i = 0; i < 120; i++)
        {
            var image = TestImage.Manifest(new TestImageOptions { Annotations = new Dictionary<string, string> { ["n"] = $"{i}" } }, Image.Blobs[0], [.. Image.Blobs.Skip(1)]);
            await content.PushAsync(name, image);
            await RemoveAsync(content, name, image);
        }

        content.Time.Step(Week);
        await content.RunJobAsync(new RecycleBinJob(content.Database, content.Time));
        Assert.Equal(0, await content.CountAsync("recycled_images"));
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task Deleted_by_hand_an_image_goes_for_good_unless_the_registry_says_otherwise()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(Image.Digest), null), Caller, Token);
        Assert.Empty((await content.Bin.ListAsync(Home, name, null, 10, Token)).Value);

        Assert.Equal(new RecycleBinRetention(Week, TimeSpan.FromHours(1)), (await content.RecycleSettings.PutAsync(Home, null, TimeSpan.FromHours(1), Token)).Value);
        Assert.Equal(ErrorCode.InvalidParameter, (await content.RecycleSettings.PutAsync(Home, TimeSpan.FromDays(366), null, Token)).Error?.Code);
        await content.PushAsync(name, Image, "v1");
        await content.Images.DeleteAsync(Home, name, new ImageId(null, Tag("v1")), Caller, Token);
        Assert.Single((await content.Bin.ListAsync(Home, name, null, 10, Token)).Value);
        Assert.Null((await content.Bin.PurgeAsync(Home, name, DigestOf(Image.Digest), Token)).Error);
        Assert.Equal(ErrorCode.ManifestUnknown, (await content.Bin.PurgeAsync(Home, name, DigestOf(Image.Digest), Token)).Error?.Code);
        Assert.Equal(new RecycleBinRetention(Week, TimeSpan.Zero), (await content.RecycleSettings.PutAsync(Home, null, null, Token)).Value);
        content.Time.Step(TimeSpan.FromDays(2));
        await content.CollectAsync();
        content.Time.Step(TimeSpan.FromDays(2));
        await content.CollectAsync();
        Assert.Empty(content.Bodies());
    }

    [Fact]
    public async Task A_digest_that_is_pushed_again_takes_over_from_the_bin()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        await RemoveAsync(content, name, Image, "plan-1");
        content.Time.Step(TimeSpan.FromDays(1));
        await content.CollectAsync();
        await content.PushAsync(name, Image, "v2");
        var image = await DescribeAsync(content, name, Image);
        Assert.Equal((content.Time.GetUtcNow(), "v2"), (image.PushedAt, Assert.Single(image.Tags)));
        Assert.Equal(0, await content.CountAsync("recycled_images") + await content.CountAsync("released_blobs"));
        content.Time.Step(TimeSpan.FromDays(30));
        await content.RunJobAsync(new RecycleBinJob(content.Database, content.Time));
        await content.CollectAsync();
        Assert.Equal(Image.Blobs.Count, content.Bodies().Length);
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task An_index_brings_its_images_back_or_names_what_is_missing()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        var children = Enumerable.Range(10, 3).Select(seed => TestImage.Create(seed, 10)).ToList();
        var inner = TestImage.Index(new TestImageOptions(), [children[0], children[1]]);
        var outer = TestImage.Index(new TestImageOptions(), [inner, children[2]]);
        await content.PushAsync(name, outer, "multi");
        Assert.Equal(RemovalStatus.Referenced, (await RemoveAsync(content, name, inner)).Status);
        foreach (var image in new[] { outer, inner, children[0], children[1] }) Assert.Equal(RemovalStatus.Removed, (await RemoveAsync(content, name, image)).Status);

        var restored = (await content.Bin.RestoreAsync(Home, name, DigestOf(outer.Digest), Token)).Value;
        Assert.Equal([outer.Digest, inner.Digest, children[0].Digest, children[1].Digest], restored.Select(r => r.Digest.Value).Order().OrderBy(d => Array.IndexOf([outer.Digest, inner.Digest, children[0].Digest, children[1].Digest], d)));
        Assert.Equal(DigestOf(outer.Digest), restored[0].Digest);
        Assert.Equal(["multi"], restored[0].Tags);
        Assert.Equal((5L, 4L), (await content.CountAsync("manifests"), await content.CountAsync("manifest_children")));
        Assert.Empty(await content.VerifyAsync());

        foreach (var image in new[] { outer, inner, children[1] }) await RemoveAsync(content, name, image);
        await content.Bin.PurgeAsync(Home, name, DigestOf(children[1].Digest), Token);
        var error = (await content.Bin.RestoreAsync(Home, name, DigestOf(outer.Digest), Token)).Error!;
        Assert.Equal(ErrorCode.ManifestChildUnknown, error.Code);
        Assert.Equal(children[1].Digest, error.Detail!["digests"]);
        Assert.Equal(2, await content.CountAsync("recycled_images"));
        Assert.Empty(await content.VerifyAsync());
    }

    [Fact]
    public async Task Referrers_come_back_with_the_image_when_one_plan_removed_them()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        var signatures = Enumerable.Range(1, 2).Select(i => TestImage.Artifact(
            new TestImageOptions { Seed = i, LayerSizes = [5], ArtifactType = "application/vnd.example+json", Subject = Image.Descriptor() }, "text/plain")).ToList();
        foreach (var signature in signatures) await content.PushAsync(name, signature);
        await RemoveAsync(content, name, signatures[0], "plan-1");
        await RemoveAsync(content, name, signatures[1], "plan-2");
        await RemoveAsync(content, name, Image, "plan-2");
        var restored = (await content.Bin.RestoreAsync(Home, name, DigestOf(Image.Digest), Token)).Value;
        Assert.Equal([Image.Digest, signatures[1].Digest], restored.Select(r => r.Digest.Value));
    }

    [Fact]
    public async Task What_changed_since_the_plan_stays()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        var seen = await DescribeAsync(content, name, Image);
        var expected = new ExpectedImage(seen.Digest, seen.PushedAt, seen.LastPulledAt, ImageRemover.FingerprintOf(["v1"]));
        Assert.NotEqual(ImageRemover.FingerprintOf(["a", "b"]), ImageRemover.FingerprintOf(["ab"]));
        Assert.Equal(ImageRemover.FingerprintOf(["a", "b"]), ImageRemover.FingerprintOf(["b", "a"]));

        async Task<string?> ChangeAsync(ExpectedImage image)
        {
            var result = await RemoveAsync(content, name, Image, expected: image);
            Assert.Equal(RemovalStatus.Changed, result.Status);
            return result.Change;
        }

        Assert.Equal("tags", await ChangeAsync(expected with { TagsFingerprint = ImageRemover.FingerprintOf([]) }));
        Assert.Equal("pulled", await ChangeAsync(expected with { LastPulledAt = seen.PushedAt }));
        Assert.Equal("pushed", await ChangeAsync(expected with { PushedAt = seen.PushedAt.AddMicroseconds(-1) }));
        Assert.Equal("digest", await ChangeAsync(expected with { Digest = DigestOf(TestImage.Create(9, 1).Digest) }));
        Assert.Equal(RemovalStatus.Removed, (await RemoveAsync(content, name, Image, expected: expected)).Status);
        Assert.Equal(RemovalStatus.Missing, (await RemoveAsync(content, name, Image, expected: expected)).Status);
    }

    [Fact]
    public async Task An_archived_image_comes_back_archived()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        await content.Database.WriteAsync(
            Durability.Synced, s => s.ExecuteAsync("INSERT INTO archived_images (manifest_id, state, archived_at, activated_at) SELECT id, 1, 5, 6 FROM manifests"), Token);
        await RemoveAsync(content, name, Image);
        Assert.Equal(0, await content.CountAsync("archived_images"));
        Assert.Single((await content.Bin.RestoreAsync(Home, name, DigestOf(Image.Digest), Token)).Value);
        Assert.Equal(1, await content.CountAsync("archived_images", "state = 1 AND archived_at = 5 AND activated_at = 6"));
    }

    [Fact]
    public async Task A_bin_is_emptied_with_its_repository()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        await RemoveAsync(content, name, Image);
        Assert.Null((await content.Catalog.DeleteAsync(Home, name, force: false, Token)).Error);
        Assert.Equal(0, await content.CountAsync("recycled_images") + await content.CountAsync("blobs", "state = 0"));
    }

    [Fact]
    public async Task Verification_names_what_the_bin_has_lost()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        var index = TestImage.Index(new TestImageOptions(), [Image]);
        await content.PushAsync(name, index, "v1");
        await RemoveAsync(content, name, index);
        await RemoveAsync(content, name, Image);
        Assert.Empty(await content.VerifyAsync());
        await content.Database.WriteAsync(
            Durability.Synced,
            async s => await s.ExecuteAsync("DELETE FROM recycled_blobs WHERE blob_id = (SELECT MIN(blob_id) FROM recycled_blobs)")
                + await s.ExecuteAsync("UPDATE recycled_images SET children = '' WHERE children <> ''"),
            Token);
        Assert.Equal([FindingKind.ReferenceMissing, FindingKind.ReferenceMissing], (await content.VerifyAsync()).Select(f => f.Kind));
        await content.Database.WriteAsync(Durability.Synced, s => s.ExecuteAsync("UPDATE recycled_images SET bytes = @bytes", ("@bytes", new byte[5])), Token);
        Assert.Equal([FindingKind.ManifestDamaged, FindingKind.ManifestDamaged], (await content.VerifyAsync()).Select(f => f.Kind));
    }

    [Fact]
    public async Task Lists_go_on_page_by_page_and_show_some_of_very_many_tags()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        var images = Enumerable.Range(1, 5).Select(seed => TestImage.Create(seed, 1)).OrderBy(i => i.Digest, StringComparer.Ordinal).ToList();
        foreach (var image in images) await content.PushAsync(name, image);
        await content.PutAsync(name, images[0], [.. Enumerable.Range(0, 250).Select(i => new string('t', 290) + $"{i:000}")]);
        foreach (var image in images) await RemoveAsync(content, name, image);
        var found = new List<RecycledImage>();
        while ((await content.Bin.ListAsync(Home, name, found.LastOrDefault()?.Digest.Value, 2, Token)).Value is { Count: > 0 } page) found.AddRange(page);
        Assert.Equal(images.Select(i => i.Digest), found.Select(i => i.Digest.Value));
        Assert.Equal([250L, 0, 0, 0, 0], found.Select(i => i.TagCount));
        Assert.Equal(RecycleBin.TagsListed, found[0].Tags.Count);
        Assert.All(found[0].Tags, t => Assert.Equal(293, t.Length));
        Assert.Empty(found[1].Tags);
        Assert.Equal(250, Assert.Single((await content.Bin.RestoreAsync(Home, name, DigestOf(images[0].Digest), Token)).Value).Tags.Count);
        Assert.Equal(1, await content.CountAsync("tag_counts", "tags = 250"));
        Assert.Equal(ErrorCode.RepositoryNotFound, (await content.Bin.ListAsync(Home, Name("none"), null, 2, Token)).Error?.Code);
    }

    [Fact]
    public async Task Old_events_are_trimmed_in_batches()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, [.. Enumerable.Range(0, 1100).Select(i => $"t{i}")]);
        content.Time.Step(EventExpiryJob.Kept + TimeSpan.FromSeconds(1));
        await content.PutAsync(name, Image, "fresh");
        await content.RunJobAsync(new EventExpiryJob(content.Database, content.Time));
        Assert.Contains("\"fresh\"", Assert.Single(await ImageEventTests.EventsAsync(content)), StringComparison.Ordinal);
    }

    private static ValueTask<RemovalResult> RemoveAsync(ContentHarness content, RepositoryName name, TestManifest image, string? plan = null, ExpectedImage? expected = null) =>
        content.Database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var repository = (await session.FindAsync(Home, name))!;
                var found = await ImageRows.FindIdAsync(session, repository.Id, new ImageId(DigestOf(image.Digest), null));
                var context = new RemovalContext("lifecycle", plan, (await content.RecycleSettings.GetAsync(session, Home)).Lifecycle, content.Time.GetUtcNow());
                return await content.Remover.RemoveAsync(session, repository, found?.Id ?? 0, context, expected);
            },
            Token);

    private static async Task<ImageSummary> DescribeAsync(ContentHarness content, RepositoryName name, TestManifest image) =>
        (await content.Images.DescribeAsync(Home, name, new ImageId(DigestOf(image.Digest), null), Token)).Value;
}
