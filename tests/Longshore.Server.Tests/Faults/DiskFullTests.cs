using System.Net;
using Longshore.Server.Tests.TestSupport;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Faults;

/// <summary>A disk that runs full during pushes: clear errors, nothing acknowledged lost, and all is well when there is room again.</summary>
[Collection(StressCollection.Name)]
public sealed class DiskFullTests
{
    private const string Repository = "disk/full";

    private readonly List<TestBlob> _pushed = [];
    private readonly List<(TestManifest Image, string Tag)> _images = [];
    private readonly Dictionary<string, int> _refusals = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Uploads_to_a_full_disk_are_refused_and_work_again_when_there_is_room()
    {
        TestStores.RequireFiles("it fills the disk of the bodies");
        await using var disk = await SmallDisk.MountAsync(64, Token);
        await using var registry = await LiveRegistry.StartAsync(Token, Path.Combine(disk.Path, "data"));
        await PushImagesAsync(registry.Client, 3, 100_000);

        // Every way to push, until there is no room for any.
        disk.Fill(spare: 25_000_000);
        var seed = 0;
        for (var refused = 0; refused < 12;)
        {
            var blob = TestBlob.Random(++seed, 1_500_000);
            var response = await PushAsync(registry.Client, blob, seed % 4);
            if (response.Status == HttpStatusCode.Created) _pushed.Add(blob);
            else refused += ExpectFull(response);
            Assert.True(seed < 200, "The disk does not run full.");
        }

        await ExpectAllThereAsync(registry.Client);

        // Not one page left, for the database neither.
        disk.Fill();
        foreach (var way in Enumerable.Range(0, 4))
        {
            var blob = TestBlob.Random(++seed, 20_000);
            var response = await PushAsync(registry.Client, blob, way);
            if (response.Status == HttpStatusCode.Created) _pushed.Add(blob);
            else ExpectFull(response);
        }

        await ExpectAllThereAsync(registry.Client);
        await ExpectAliveAsync(registry);

        // Started anew on the full disk, it says what is wrong or serves; then room comes back.
        await registry.Server.KillAsync();
        await StartOnFullDiskAsync(registry, disk);
        await ExpectAllThereAsync(registry.Client);
        disk.Free();
        var late = TestBlob.Random(++seed, 300_000);
        await registry.Client.PushBlobAsync(Repository, late, Token);
        _pushed.Add(late);
        await PushImagesAsync(registry.Client, 3, 10_000);
        await EndAsync(registry);
    }

    [Fact]
    public async Task A_database_without_room_refuses_writes_serves_reads_and_goes_on_when_there_is_room()
    {
        TestDatabases.RequireSqlite("it fills the disk of the data directory");
        await using var disk = await SmallDisk.MountAsync(16, Token);
        using var elsewhere = new TemporaryDirectory("blobs");
        await using var registry = await LiveRegistry.StartAsync(Token, Path.Combine(disk.Path, "data"), "--blobs", elsewhere.Path);
        await PushImagesAsync(registry.Client, 3, 50_000);
        for (var round = 0; round < 2; round++)
        {
            // With some room, and with none at all.
            disk.Fill(round == 0 ? 2_000_000 : 0);
            var refused = 0;
            for (var seed = 0; refused < 20; seed++)
            {
                Assert.True(seed < 2000, "The disk does not run full.");
                var image = LargeManifest((1000 * round) + seed);
                foreach (var blob in image.Blobs.Where(blob => !_pushed.Contains(blob)))
                {
                    var pushed = await PushAsync(registry.Client, blob, seed % 4);
                    if (pushed.Status == HttpStatusCode.Created) _pushed.Add(blob);
                    else refused += ExpectFull(pushed);
                }

                var response = await registry.Client.PutManifestAsync(Repository, $"r{round}-{seed}", image, Token);
                if (response.Status == HttpStatusCode.Created) _images.Add((image, $"r{round}-{seed}"));
                // The config could not be pushed, so the manifest names a blob that is not there.
                else if (response.Status != HttpStatusCode.NotFound) refused += ExpectFull(response);
            }

            await ExpectAllThereAsync(registry.Client);
            await ExpectAliveAsync(registry);
            disk.Free();
            await PushImagesAsync(registry.Client, 2, 5_000);
            await ExpectAllThereAsync(registry.Client);
        }

        await EndAsync(registry, "--blobs", elsewhere.Path);
    }

    [Fact]
    public async Task Collection_makes_room_on_a_full_disk()
    {
        TestStores.RequireFiles("it fills the disk of the bodies");
        await using var disk = await SmallDisk.MountAsync(64, Token);
        await using var registry = await LiveRegistry.StartAsync(
            Token, Path.Combine(disk.Path, "data"), "--gc-interval", "1s", "--gc-grace", "0s", "--blob-lease", "3s");
        await PushImagesAsync(registry.Client, 3, 100_000);
        for (var seed = 0; seed < 15; seed++) await registry.Client.PushBlobAsync(Repository, TestBlob.Random(1000 + seed, 1_000_000), Token);
        disk.Fill();
        Assert.True(disk.FreeSpace < 1_000_000);
        // No image names the blobs, and nobody does anything about it.
        for (var i = 0; i < 600 && disk.FreeSpace < 14_000_000; i++) await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        Assert.InRange(disk.FreeSpace, 14_000_000, long.MaxValue);
        await ExpectAllThereAsync(registry.Client);
        await PushImagesAsync(registry.Client, 3, 10_000);
        await EndAsync(registry);
    }

    private async Task EndAsync(LiveRegistry registry, params string[] verifyArguments)
    {
        await ExpectAllThereAsync(registry.Client);
        registry.ExpectNoFailuresInLog();
        Assert.Equal(0, await registry.Server.StopAsync(Token));
        await registry.VerifyAsync(Token, verifyArguments);
        await registry.Server.RestartAsync(samePort: true, Token);
        await ExpectAllThereAsync(registry.Client);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{_pushed.Count} blobs and {_images.Count} images kept; refusals: {string.Join(", ", _refusals.Select(refusal => $"{refusal.Value} of {refusal.Key}"))}");
    }

    private static async Task StartOnFullDiskAsync(LiveRegistry registry, SmallDisk disk)
    {
        try
        {
            await registry.Server.RestartAsync(samePort: true, Token);
        }
        catch (InvalidOperationException failure)
        {
            Assert.Equal(1, registry.Server.ExitCode);
            Assert.Matches("(?i)no space left|no room", failure.Message);
            Assert.DoesNotContain("Unhandled", failure.Message, StringComparison.Ordinal);
            disk.Free();
            await registry.Server.RestartAsync(samePort: true, Token);
        }
    }

    private int ExpectFull(OciResponse response)
    {
        Assert.True(response.Status == HttpStatusCode.InsufficientStorage, response.ToString());
        Assert.True(response.ErrorCodes is ["UNKNOWN"], response.ToString());
        var request = $"{response.Method} {(response.Uri.AbsolutePath.Contains("/manifests/", StringComparison.Ordinal) ? "manifest" : "upload")}";
        _refusals[request] = _refusals.GetValueOrDefault(request) + 1;
        return 1;
    }

    private static async Task ExpectAliveAsync(LiveRegistry registry)
    {
        foreach (var path in (string[])["/healthz", "/readyz", "/v2/", "/v2/_catalog", $"/v2/{Repository}/tags/list"])
        {
            var response = await registry.Client.SendAsync(HttpMethod.Get, path, Token);
            Assert.True(response.Status == HttpStatusCode.OK, response.ToString());
        }
    }

    private async Task ExpectAllThereAsync(OciClient client)
    {
        foreach (var blob in _pushed)
        {
            var got = await client.GetBlobAsync(Repository, blob.Digest, Token);
            Assert.True(got.Status == HttpStatusCode.OK, got.ToString());
            Assert.True(blob.Content.AsSpan().SequenceEqual(got.Body), $"Blob {blob.Digest} differs.");
        }

        foreach (var (image, tag) in _images) await client.VerifyImageAsync(Repository, image, tag, Token);
    }

    private async Task PushImagesAsync(OciClient client, int count, int size)
    {
        for (var i = 0; i < count; i++)
        {
            var (image, tag) = (TestImage.Create(9000 + _images.Count, size), $"image-{_images.Count}");
            await client.PushImageAsync(Repository, image, tag, Token);
            _images.Add((image, tag));
        }
    }

    /// <summary>Pushes a blob; the first answer that is not the one of a success, else the last.</summary>
    private static async Task<OciResponse> PushAsync(OciClient client, TestBlob blob, int way)
    {
        if (way == 0)
            return await client.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/?digest={blob.Digest}", Token, blob.Content, OciMediaTypes.OctetStream);
        var response = await client.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/", Token, []);
        if (response.Status != HttpStatusCode.Accepted) return response;
        if (way == 1) return await client.FinishUploadAsync(response.Location, blob.Digest, Token, blob.Content);
        var upload = response.Location;
        var chunk = way == 2 ? 500_000 : blob.Content.Length;
        for (var offset = 0; offset < blob.Content.Length; offset += chunk)
        {
            response = await client.PatchChunkAsync(upload, offset, blob.Content.AsSpan(offset, Math.Min(chunk, blob.Content.Length - offset)).ToArray(), Token);
            if (response.Status != HttpStatusCode.Accepted)
            {
                // As docker does not: without this the room would only come back when the upload expires.
                var cancelled = await client.SendAsync(HttpMethod.Delete, upload.AbsoluteUri, Token);
                Assert.Contains(cancelled.Status, (HttpStatusCode[])[HttpStatusCode.NoContent, HttpStatusCode.InsufficientStorage]);
                return response;
            }
        }

        return await client.FinishUploadAsync(upload, blob.Digest, Token);
    }

    /// <summary>A manifest of about 100 KiB, which the database keeps.</summary>
    private static TestManifest LargeManifest(int seed) => TestImage.Manifest(
        new TestImageOptions { Annotations = new Dictionary<string, string> { ["noise"] = Convert.ToBase64String(TestBlob.Random(seed, 75_000).Content) } },
        TestBlob.Random(50_000 + (seed / 10), 100),
        []);
}
