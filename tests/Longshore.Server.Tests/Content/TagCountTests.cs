using Longshore.Server.Content;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class TagCountTests
{
    private static readonly TestManifest Image = TestImage.Create(1, 10);
    private static readonly TestManifest Other = TestImage.Create(2, 10);

    [Fact]
    public async Task The_count_follows_pushes_moves_and_deletions()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("tags");
        await content.PushAsync(name, Image, Names(0, 199));
        await content.PushAsync(name, Other, "other");
        await CountedAsync(content, null);
        await content.PutAsync(name, Image, "t199");
        await CountedAsync(content, 200);
        await content.PutAsync(name, Image, Names(190, 30));
        await CountedAsync(content, 220);
        await content.PutAsync(name, Other, Names(0, 10));
        await CountedAsync(content, 210);
        await content.Images.RemoveTagAsync(Home, name, Tag("t10"), Token);
        await content.Images.DeleteAsync(Home, name, new ImageId(null, Tag("t11")), Caller, Token);
        await CountedAsync(content, 208);
        await content.PutAsync(name, Other, Names(12, 9));
        await CountedAsync(content, null);
        await content.PutAsync(name, Image, Names(0, 10));
        await CountedAsync(content, 209);
        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(Image.Digest), null), Caller, Token);
        Assert.Equal(0, await content.CountAsync("tag_counts"));
    }

    [Fact]
    public async Task The_limit_is_the_limit()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("tags");
        await content.PushAsync(name, Image, Names(0, 250));
        await content.Database.WriteAsync(Storage.Metadata.Durability.Synced, async s =>
        {
            var id = (await ImageRows.FindIdAsync(s, (await s.FindIdAsync(Home, name)).GetValueOrDefault(), new ImageId(null, Tag("t1"))))!.Id;
            Assert.False(await TagCounts.TryAddAsync(s, id, 250));
            Assert.True(await TagCounts.TryAddAsync(s, id, 251));
            Assert.False(await TagCounts.TryAddAsync(s, id, 251));
            return 0;
        }, Token);
    }

    private static string[] Names(int first, int count) => [.. Enumerable.Range(first, count).Select(i => $"t{i}")];

    private static async Task CountedAsync(ContentHarness content, long? tags)
    {
        if (tags is null)
        {
            Assert.Equal(0, await content.CountAsync("tag_counts"));
            return;
        }

        Assert.Equal(tags, await content.CountAsync("tags", "manifest_id = (SELECT manifest_id FROM tag_counts)"));
        Assert.Equal(1, await content.CountAsync("tag_counts", $"tags = {tags}"));
    }
}
