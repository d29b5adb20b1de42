using Longshore.Core;
using Longshore.Server.Content;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class ImageDeletionTests
{
    private static readonly TestManifest Image = TestImage.Create(1, 10);

    [Fact]
    public async Task A_tag_goes_alone_until_it_is_the_last_and_takes_the_image_with_it()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("tags");
        await content.PushAsync(name, Image, "a", "b");
        var first = (await content.Images.DeleteAsync(Home, name, new ImageId(null, Tag("b")), Caller, Token)).Value;
        Assert.False(first.ImageDeleted);
        Assert.Equal(["b"], first.Tags);
        var last = (await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(Image.Digest), Tag("a")), Caller, Token)).Value;
        Assert.True(last.ImageDeleted);
        Assert.Equal(["a"], last.Tags);
        Assert.Equal(0, await content.CountAsync("manifests"));
    }

    [Fact]
    public async Task A_tag_of_another_image_or_of_none_does_not_match_the_digest()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("tags");
        await content.PushAsync(name, Image, "a");
        await content.PushAsync(name, TestImage.Create(2, 10), "b");
        foreach (var tag in new[] { "b", "c" })
            Assert.Equal(ErrorCode.ImageTagDoesNotMatchDigest, (await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(Image.Digest), Tag(tag)), Caller, Token)).Error?.Code);
        Assert.Equal(2, await content.CountAsync("tags"));
    }

    [Fact]
    public async Task By_digest_all_tags_go_and_are_told()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("tags");
        await content.PushAsync(name, Image, "b", "a", "c");
        Assert.Equal(["a", "b", "c"], (await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(Image.Digest), null), Caller, Token)).Value.Tags);
    }

    [Fact]
    public async Task The_last_tag_of_a_child_stays_with_the_index_that_lists_it()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("tags");
        await content.PushAsync(name, Image, "child");
        await content.PushAsync(name, TestImage.Index(new TestImageOptions(), [Image]), "index");
        Assert.Equal(ErrorCode.ContentReferenced, (await content.Images.DeleteAsync(Home, name, new ImageId(null, Tag("child")), Caller, Token)).Error?.Code);
        Assert.Equal(2, await content.CountAsync("tags"));
    }

    [Fact]
    public async Task Two_puts_race_for_an_immutable_tag_and_one_gets_it()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("fixed", new RepositorySettings(TagMutability.Immutable, [], false));
        var other = TestImage.Create(2, 10);
        await content.PushAsync(name, Image);
        await content.PushAsync(name, other);
        for (var i = 0; i < 20; i++)
        {
            var puts = await Task.WhenAll(new[] { Image, other }.Select(m => Task.Run(() => content.PutAsync(name, m, $"v{i}").AsTask(), Token)));
            Assert.Single(puts, p => p.Succeeded);
            Assert.Equal(ErrorCode.TagImmutable, puts.Single(p => !p.Succeeded).Error!.Code);
        }
    }

    [Fact]
    public async Task A_refused_tag_takes_the_new_image_back()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("fixed", new RepositorySettings(TagMutability.Immutable, [], false));
        await content.PushAsync(name, Image, "v1");
        var other = TestImage.Create(2, 10);
        foreach (var blob in other.Blobs) await content.PushAsync(name, blob);
        Assert.Equal(ErrorCode.TagImmutable, (await content.PutAsync(name, other, "new", "v1")).Error?.Code);
        Assert.Equal(1, await content.CountAsync("manifests"));
        Assert.Equal(1, await content.CountAsync("tags"));
    }

    [Fact]
    public async Task Deleting_a_blob_races_the_image_that_names_it_and_never_leaves_an_image_without_it()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("race");
        for (var i = 0; i < 30; i++)
        {
            var image = TestImage.Create(100 + i, 10);
            foreach (var blob in image.Blobs) await content.PushAsync(name, blob);
            var put = Task.Run(() => content.PutAsync(name, image).AsTask(), Token);
            var delete = Task.Run(() => content.Shelf.RemoveAsync(Home, name, DigestOf(image.Blobs[0].Digest), Token).AsTask(), Token);
            Assert.NotEqual((await put).Succeeded, (await delete).Succeeded);
        }
    }
}
