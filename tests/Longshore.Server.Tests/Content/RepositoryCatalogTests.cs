using Longshore.Core;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class RepositoryCatalogTests
{
    [Fact]
    public async Task A_repository_with_indexes_of_indexes_and_more_images_than_a_batch_goes_whole_and_alone()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("doomed");
        var other = await content.CreateAsync("kept");
        var platforms = TestImage.MultiPlatform(new TestImageOptions { LayerSizes = [10] });
        var nested = TestImage.Index(new TestImageOptions { Annotations = new Dictionary<string, string> { ["k"] = "v" } }, [platforms]);
        await content.PushAsync(name, nested, "a", "b");
        await content.PushAsync(other, nested, "a");
        await content.Uploads.StartAsync(Home, name, Token);
        // Rows as a push makes them, without 1,200 pushes.
        await content.Database.WriteAsync(
            Durability.Relaxed,
            async s =>
            {
                for (var i = 0; i < 1200; i++)
                {
                    await s.ExecuteAsync(
                        """
                        INSERT INTO manifests (repository_id, digest, media_type, size, image_size, pushed_at, bytes)
                        SELECT id, @digest, 'a/b', 2, 0, 0, @bytes FROM repositories WHERE name = 'doomed'
                        """,
                        ("@bytes", "{}"u8.ToArray()),
                        ("@digest", Digest.Compute(BitConverter.GetBytes(i), Core.DigestAlgorithm.Sha256).Value));
                    await s.ExecuteAsync(
                        "INSERT INTO tags (repository_id, name, manifest_id, updated_at) SELECT repository_id, @tag, id, 0 FROM manifests WHERE id = (SELECT MAX(id) FROM manifests)",
                        ("@tag", $"t{i}"));
                }

                return 0;
            },
            Token);

        Assert.Equal(ErrorCode.RepositoryNotEmpty, (await content.Catalog.DeleteAsync(Home, name, force: false, Token)).Error?.Code);
        Assert.True((await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
        Assert.Equal(ErrorCode.RepositoryNotFound, (await content.Catalog.FindAsync(Home, name, Token)).Error?.Code);
        Assert.Equal(0, await content.CountAsync("uploads"));
        Assert.Equal(4, await content.CountAsync("manifests"));
        Assert.Equal(3, await content.CountAsync("manifest_children"));
        Assert.Equal(1, await content.CountAsync("tags"));
        Assert.True((await content.Images.GetAsync(Home, other, Core.Oci.Reference.TryParse("a", out var a) ? a : default, Token)).Succeeded);
    }

    [Fact]
    public async Task Deleting_a_repository_while_images_are_pushed_to_it_never_breaks_either()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("busy");
        var image = TestImage.MultiPlatform(new TestImageOptions { LayerSizes = [10] });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var pushers = Enumerable.Range(0, 3).Select(i => Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    foreach (var part in image.PushOrder)
                    {
                        foreach (var blob in part.Blobs) await content.Uploads.PutAsync(Home, name, DigestOf(blob.Digest), null, Body(blob.Content), Token);
                        await content.PutAsync(name, part, $"t{i}");
                    }
                }
            },
            Token)).ToArray();
        for (var i = 0; i < 30; i++)
        {
            Assert.True((await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
            await content.CreateAsync("busy");
        }

        await stop.CancelAsync();
        await Task.WhenAll(pushers);
        Assert.Empty(await content.Database.CheckStructureAsync(Token));
        Assert.Empty(content.UploadFiles());
    }
}
