using System.Collections.Concurrent;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content.Collection;

/// <summary>Two servers on one database push, pull, mount and delete while both collect, on a clock that runs a thousand times as fast.</summary>
public sealed class CollectionRaceTests
{
    private readonly ConcurrentDictionary<string, TestManifest> pool = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Nothing_that_an_image_names_is_ever_missing_and_the_disk_is_what_the_database_says(int seed)
    {
        await using var first = new ContentHarness(new ContentOptions { BlobLease = TimeSpan.FromMinutes(30), CollectionGrace = TimeSpan.FromMinutes(5) });
        await using var second = first.Second();
        var servers = new[] { first, second };
        var names = new List<RepositoryName>();
        for (var i = 0; i < 3; i++) names.Add(await first.CreateAsync($"repo{i}"));
        using var end = new CancellationTokenSource();
        var (pushes, pulls, deletes, freedSoFar) = (0, 0, 0, 0L);
        var collectors = servers.Select(server => Task.Run(
            async () =>
            {
                var sum = new CollectionCounts();
                while (!end.IsCancellationRequested)
                {
                    var step = await server.CollectAsync();
                    sum += step;
                    Interlocked.Add(ref freedSoFar, step.FreedBodies);
                    await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Token);
                }

                return sum;
            },
            Token)).ToList();
        var clock = Task.Run(
            async () =>
            {
                // Some seconds; longer on a machine on which too little has happened by then.
                for (var i = 0; i < 6000 && (i < 300 || pushes < 20 || pulls < 20 || deletes < 20 || Interlocked.Read(ref freedSoFar) == 0); i++)
                {
                    first.Time.Step(TimeSpan.FromSeconds(10));
                    await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Token);
                }

                await end.CancelAsync();
            },
            Token);
        var clients = Enumerable.Range(0, 6).Select(i => Task.Run(
            async () =>
            {
                var random = new Random((seed * 100) + i);
                var server = servers[i % 2];
                while (!end.IsCancellationRequested)
                {
                    var name = names[random.Next(names.Count)];
                    var image = Image(random.Next(1000));
                    var there = (await server.Images.ListAsync(Home, name, TagStatus.Any, null, 100, Token)).Value;
                    var one = there.Count == 0 ? DigestOf(image.Digest) : there[random.Next(there.Count)].Digest;
                    switch (random.Next(6))
                    {
                        case 0:
                            await PushAsync(server, name, image, random);
                            Interlocked.Increment(ref pushes);
                            break;
                        case 1 or 2:
                            if (await PullAsync(server, name, pool[one.Value])) Interlocked.Increment(ref pulls);
                            break;
                        default:
                            if ((await server.Images.DeleteAsync(Home, name, new ImageId(one, null), Caller, Token)).Succeeded) Interlocked.Increment(ref deletes);
                            break;
                    }

                    await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Token);
                }
            },
            Token)).ToList();
        await Task.WhenAll([.. clients, clock, .. collectors]);
        Assert.True(pushes >= 20 && pulls >= 20 && deletes >= 20, $"{pushes} pushes, {pulls} pulls, {deletes} deletes");
        Assert.Empty(await first.VerifyAsync());
        await SettleAsync(first);
        var freed = await collectors[0] + await collectors[1];
        Assert.True(freed.FreedBodies > 0 && freed.LinksEnded > 0, freed.ToString());
        // Everything goes with the images.
        foreach (var name in names) Assert.True((await first.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
        await SettleAsync(second);
        Assert.Empty(first.Bodies());
        Assert.Equal(0, await first.CountAsync("blobs"));
    }

    // A config and a layer of its own, and layers that several others have too.
    private TestManifest Image(int i)
    {
        var image = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(1000 + i, 200), [TestBlob.Random(i, 3000), TestBlob.Random(-1 - (i % 7), 3000), TestBlob.Random(-1 - (i % 50), 3000)]);
        return pool.GetOrAdd(image.Digest, image);
    }

    /// <summary>As a client pushes: asks first, mounts what it can, uploads the rest, and begins anew when the registry says that a blob is gone.</summary>
    private static async Task PushAsync(ContentHarness server, RepositoryName name, TestManifest image, Random random)
    {
        for (var attempt = 0; ; attempt++)
        {
            foreach (var blob in image.Blobs)
            {
                if ((await server.Shelf.FindAsync(Home, name, DigestOf(blob.Digest), Token)).Succeeded) continue;
                if (random.Next(2) == 0 && (await server.Uploads.MountAsync(Home, name, DigestOf(blob.Digest), null, false, _ => new(true), Token)).Value is not null) continue;
                await server.PushAsync(name, blob);
            }

            var put = await server.PutAsync(name, image, $"v{random.Next(4)}");
            if (put.Succeeded) return;
            Assert.Equal(ErrorCode.ManifestBlobUnknown, put.Error!.Code);
            Assert.True(attempt < 50, "Fifty pushes in a row met the collector.");
        }
    }

    /// <summary>Reads an image with all its layers; false when it is not there, or was deleted meanwhile. What images name must be there as long as they are.</summary>
    private static async Task<bool> PullAsync(ContentHarness server, RepositoryName name, TestManifest image)
    {
        var missing = await server.Database.ReadAsync(
            s => s.QueryFirstAsync(
                """
                SELECT COUNT(*) FROM manifest_blobs mb JOIN blobs b ON b.id = mb.blob_id
                LEFT JOIN repository_blobs l ON l.blob_id = mb.blob_id AND l.repository_id = mb.repository_id
                WHERE b.state <> 0 OR l.blob_id IS NULL
                """,
                static row => row.GetInt64(0)),
            Token);
        Assert.Equal(0, missing);
        if (!(await server.Images.DescribeAsync(Home, name, new ImageId(DigestOf(image.Digest), null), Token)).Succeeded) return false;
        foreach (var blob in image.Blobs)
        {
            var found = await server.Shelf.FindAsync(Home, name, DigestOf(blob.Digest), Token);
            if (!found.Succeeded) return false;
            var opened = await server.Shelf.OpenAsync(found.Value, 0, found.Value.Size, Token);
            if (!opened.Succeeded) return false;
            await using var reader = opened.Value;
            var bytes = new byte[reader.Length];
            await reader.ReadAsync(bytes, 0, Token);
            Assert.Equal(blob.Content, bytes);
        }

        return true;
    }

    private static async Task SettleAsync(ContentHarness content)
    {
        for (var i = 0; i < 3; i++)
        {
            content.Time.Step(TimeSpan.FromHours(1));
            await content.CollectAsync();
        }

        Assert.Empty(await content.VerifyAsync());
        Assert.Equal(0, await content.CountAsync("blobs", "state <> 0"));
        var (disk, rows) = await content.BytesAsync();
        Assert.Equal(rows, disk);
    }
}
