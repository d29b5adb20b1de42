using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Lifecycle;
using Longshore.Server.Tests.Content;
using Longshore.Server.Tests.TestSupport;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Lifecycle;

/// <summary>
/// Random graphs of images with shared layers, indexes, referrers and mounts into a second repository: what a plan says it frees is what the file
/// system gives back, to the byte, and what it says it keeps is there.
/// </summary>
public sealed class PlanGraphTests
{
    private const int Workers = 4;
    private static readonly int Graphs = TestStores.Scenes(2000);

    [Fact]
    public async Task What_a_plan_frees_is_what_the_file_system_gets_back()
    {
        var freed = await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WalkAsync(worker), Token)));
        Assert.True(freed.Sum(static f => f.Bytes) > 0);
        Assert.True(freed.Sum(static f => f.Acting) > Graphs / 4, "Too few graphs had anything to remove.");
    }

    private static async Task<(long Bytes, int Acting)> WalkAsync(int worker)
    {
        await using var lifecycle = new LifecycleHarness(new ContentOptions { BlobLease = TimeSpan.Zero, CollectionGrace = TimeSpan.Zero, RecycleBinLifecycle = TimeSpan.Zero });
        var (bytes, acting) = (0L, 0);
        for (var graph = worker; graph < Graphs; graph += Workers)
        {
            var done = await GraphAsync(lifecycle, graph);
            bytes += done;
            if (done > 0) acting++;
        }

        Assert.Empty(await lifecycle.Content.VerifyAsync());
        return (bytes, acting);
    }

    private static async Task<long> GraphAsync(LifecycleHarness lifecycle, int seed)
    {
        var random = new Random(seed);
        var content = lifecycle.Content;
        var name = await content.CreateAsync($"graph/{seed}");
        var other = await content.CreateAsync($"graph/{seed}/other");
        foreach (var image in MakeImages(random, seed))
        {
            // Tags of few names move from image to image.
            await content.PushAsync(name, image, random.Next(3) == 0 ? [] : [$"{(random.Next(2) == 0 ? "v" : "dev-")}{random.Next(4)}"]);
            if (random.Next(4) == 0) await content.PushAsync(other, image);
            content.Time.Step(TimeSpan.FromHours(random.Next(1, 72)));
        }

        var policy = random.Next(4) switch
        {
            0 => LifecycleHarness.Policy("imageCountMoreThan", random.Next(1, 4)),
            1 => LifecycleHarness.Policy("sinceImagePushed", random.Next(1, 8)),
            2 => LifecycleHarness.Policy("sinceImagePushed", 1, "untagged"),
            _ => LifecycleHarness.Policy("imageCountMoreThan", 1, "tagged", "dev-"),
        };
        await content.CollectAsync();
        var (diskBefore, rowsBefore) = await content.BytesAsync();
        Assert.Equal(rowsBefore, diskBefore);
        var billedBefore = await BilledAsync(content, name);

        var plan = await lifecycle.PlanAsync(name, text: policy);
        Assert.Equal(PlanStatus.Complete, plan.Status);
        var images = await lifecycle.ImagesAsync(plan.Id);
        Assert.Equal(plan.Totals.PhysicalBytes, images.Sum(static image => image.Bytes.Physical));
        Assert.Equal(plan.Totals.LogicalBytes, images.Sum(static image => image.Bytes.Logical));

        var applied = await lifecycle.ApplyAsync(plan.Id);
        content.Time.Step(TimeSpan.FromSeconds(1));
        await content.CollectAsync();
        var (diskAfter, rowsAfter) = await content.BytesAsync();
        Assert.Equal(rowsAfter, diskAfter);
        Assert.Equal(plan.Totals.PhysicalBytes, diskBefore - diskAfter);
        Assert.Equal(plan.Totals.LogicalBytes, billedBefore - await BilledAsync(content, name));

        applied = await lifecycle.FindAsync(plan.Id);
        Assert.Equal(PlanStatus.Applied, applied.Status);
        Assert.Equal(plan.Totals.PhysicalBytes, applied.Receipt.FreedBytes);
        Assert.Equal(plan.Totals.PhysicalBytes, applied.Receipt.PredictedBytes);
        Assert.Equal((plan.Totals.Expiring, 0L), (applied.Receipt.Done, applied.Receipt.NotDone));
        Assert.Equal(images.Where(static image => image.Action is null).Select(static image => image.Digest.Value).Order(), (await lifecycle.DigestsAsync(name)).Order());
        return applied.Receipt.FreedBytes;
    }

    /// <summary>What ECR bills: each body that an image of the repository names, once.</summary>
    private static async Task<long> BilledAsync(ContentHarness content, RepositoryName name) => await content.Database.ReadAsync(
        async session => await session.QueryFirstAsync(
            """
            SELECT COALESCE(SUM(b.size), 0) FROM blobs b
            WHERE EXISTS (SELECT 1 FROM manifest_blobs mb WHERE mb.blob_id = b.id AND mb.repository_id = (SELECT id FROM repositories WHERE name = @name))
            """,
            static row => row.GetInt64(0),
            ("@name", name.Value)),
        Token);

    private static List<TestManifest> MakeImages(Random random, int seed)
    {
        // Layers of this graph alone, and now and then one that all graphs share.
        var layers = Enumerable.Range(0, 4).Select(i => TestBlob.Random((seed * 10) + i, random.Next(1, 60), OciMediaTypes.Layer)).ToArray();
        var shared = TestBlob.Random(-1, 77, OciMediaTypes.Layer);
        var images = new List<TestManifest>();
        var count = random.Next(2, 6);
        for (var i = 0; i < count; i++)
        {
            var config = TestBlob.Random((seed * 10) + 5 + random.Next(3), 20 + random.Next(2), OciMediaTypes.ImageConfig);
            TestBlob[] chosen = [.. layers.Where(_ => random.Next(2) == 0), .. random.Next(10) == 0 ? [shared] : Array.Empty<TestBlob>()];
            var options = new TestImageOptions { Annotations = new Dictionary<string, string> { ["n"] = $"{seed}.{i}" } };
            if (images.Count > 0 && random.Next(5) == 0) options = options with { Subject = images[random.Next(images.Count)].Descriptor() };
            images.Add(TestImage.Manifest(options, config, chosen));
        }

        if (random.Next(3) == 0)
        {
            var children = images.Where(_ => random.Next(2) == 0).Take(2).ToList();
            if (children.Count > 0) images.Add(TestImage.Index(new TestImageOptions { Annotations = new Dictionary<string, string> { ["x"] = $"{seed}" } }, children));
        }

        return images;
    }
}
