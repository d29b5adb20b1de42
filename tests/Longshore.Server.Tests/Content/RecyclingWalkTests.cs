using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Recycling;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

/// <summary>Random pushes, removals, restores and collections over images that share layers: nothing dangles, and in the end nothing is left.</summary>
public sealed class RecyclingWalkTests
{
    private const int Steps = 120;

    // Six images over five layers, an index over two of them, an index of that index, a referrer.
    private static readonly TestManifest[] Images = MakeImages();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Whatever_happens_in_whatever_order_every_image_is_whole_and_every_byte_goes(int seed)
    {
        var random = new Random(seed);
        await using var content = new ContentHarness(new ContentOptions { RecycleBinDelete = TimeSpan.FromHours(random.Next(0, 3) * 4), RecycleBinLifecycle = TimeSpan.FromHours(8) });
        RepositoryName[] names = [await content.CreateAsync("walk/a"), await content.CreateAsync("walk/b")];
        var restored = 0;
        for (var step = 0; step < Steps; step++)
        {
            if (await StepAsync(content, names, random)) restored++;
            if (step % 10 == 9) Assert.Empty(await content.VerifyAsync());
        }

        Assert.NotEqual(0, restored);
        await EmptyAsync(content, names);
    }

    [Fact]
    public async Task Two_servers_walk_at_the_same_time()
    {
        await using var content = new ContentHarness(new ContentOptions { RecycleBinDelete = TimeSpan.FromHours(4), RecycleBinLifecycle = TimeSpan.FromHours(8) });
        await using var second = content.Second();
        RepositoryName[] names = [await content.CreateAsync("walk/a"), await content.CreateAsync("walk/b")];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(
            async () =>
            {
                var random = new Random(worker);
                for (var step = 0; step < Steps; step++) await StepAsync(worker % 2 == 0 ? content : second, names, random, alone: false);
            },
            Token)));
        Assert.Empty(await content.VerifyAsync());
        await EmptyAsync(content, names);
    }

    /// <summary>One step of chance. Whether it was a restore that brought something back.</summary>
    private static async Task<bool> StepAsync(ContentHarness content, RepositoryName[] names, Random random, bool alone = true)
    {
        var name = names[random.Next(names.Length)];
        var image = Images[random.Next(Images.Length)];
        switch (random.Next(7))
        {
            case 0 or 1 when alone:
                await content.PushAsync(name, image, $"t{random.Next(4)}");
                return false;
            case 0 or 1:
                // Children may go between their push and the index's, as anywhere.
                await PushOverAsync(content, name, image, $"t{random.Next(4)}");
                return false;
            case 2:
                await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(image.Digest), null), Caller, Token);
                return false;
            case 3:
                await RemoveAsync(content, name, image, $"plan-{random.Next(3)}");
                return false;
            case 4:
                return (await content.Bin.RestoreAsync(Home, name, DigestOf(image.Digest), Token)).Succeeded;
            case 5 when random.Next(4) == 0:
                await content.Bin.PurgeAsync(Home, name, DigestOf(image.Digest), Token);
                return false;
            default:
                content.Time.Step(TimeSpan.FromMinutes(random.Next(300)));
                if (alone) await content.RunJobAsync(new RecycleBinJob(content.Database, content.Time));
                await content.CollectAsync();
                return false;
        }
    }

    private static async Task PushOverAsync(ContentHarness content, RepositoryName name, TestManifest image, params string[] tags)
    {
        foreach (var child in image.Children) await PushOverAsync(content, name, child);
        foreach (var blob in image.Blobs) await content.PushAsync(name, blob);
        var error = (await content.PutAsync(name, image, tags)).Error;
        if (error is not null) Assert.True(error.Code is ErrorCode.ManifestChildUnknown or ErrorCode.ManifestBlobUnknown, error.ToString());
    }

    private static async Task EmptyAsync(ContentHarness content, RepositoryName[] names)
    {
        foreach (var name in names)
            foreach (var image in Images.Reverse()) await RemoveAsync(content, name, image, null);
        Assert.Equal(0, await content.CountAsync("manifests"));
        for (var i = 0; i < 4; i++)
        {
            content.Time.Step(TimeSpan.FromDays(2));
            await content.RunJobAsync(new RecycleBinJob(content.Database, content.Time));
            await content.CollectAsync();
        }

        Assert.Empty(await content.VerifyAsync());
        Assert.Empty(content.Bodies());
        foreach (var table in new[] { "recycled_images", "recycled_blobs", "released_blobs", "repository_blobs", "blobs", "tags", "tag_counts" }) Assert.Equal(0, await content.CountAsync(table));
    }

    private static ValueTask<RemovalResult> RemoveAsync(ContentHarness content, RepositoryName name, TestManifest image, string? plan) => content.Database.WriteAsync(
        Durability.Synced,
        async session =>
        {
            var repository = (await session.FindAsync(Home, name))!;
            var found = await ImageRows.FindIdAsync(session, repository.Id, new ImageId(DigestOf(image.Digest), null));
            var context = new RemovalContext("lifecycle", plan, (await content.RecycleSettings.GetAsync(session, Home)).Lifecycle, content.Time.GetUtcNow());
            return await content.Remover.RemoveAsync(session, repository, found?.Id ?? 0, context);
        },
        Token);

    private static TestManifest[] MakeImages()
    {
        var config = TestImage.Create(1, 10).Blobs[0];
        var layers = Enumerable.Range(0, 5).Select(i => TestImage.Create(100 + i, 50 + i).Blobs[1]).ToArray();
        var plain = Enumerable.Range(0, 6).Select(i => TestImage.Manifest(
            new TestImageOptions { Annotations = new Dictionary<string, string> { ["n"] = $"{i}" } }, config, [layers[i % 5], layers[(i + 2) % 5]])).ToArray();
        var index = TestImage.Index(new TestImageOptions(), [plain[0], plain[1]]);
        var outer = TestImage.Index(new TestImageOptions(), [index, plain[2]]);
        var referrer = TestImage.Artifact(new TestImageOptions { LayerSizes = [7], ArtifactType = "application/vnd.example+json", Subject = plain[0].Descriptor() }, "text/plain");
        return [.. plain, index, outer, referrer];
    }
}
