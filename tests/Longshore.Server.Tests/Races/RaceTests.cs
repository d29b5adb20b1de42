using System.Net;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Races;

/// <summary>Many clients at one thing at once.</summary>
[Collection(StressCollection.Name)]
public sealed class RaceTests(LiveRegistryFixture fixture) : IClassFixture<LiveRegistryFixture>
{
    private readonly LiveRegistry _registry = fixture.Registry;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sixteen_clients_push_the_same_image_and_one_copy_is_kept()
    {
        var image = TestImage.Create(7, 4000, 2_000_000, 300_000);
        await AtOnceAsync(16, async (client, i) =>
        {
            // Without looking first, or the later ones would find the blobs of the earlier ones and race nobody.
            foreach (var blob in image.Blobs)
            {
                if (i % 2 == 0) await client.PushBlobAsync("same/push", blob, Token);
                else await client.PushBlobChunkedAsync("same/push", blob, 256 * 1024, Token);
            }

            await client.PushManifestAsync("same/push", "latest", image, Token);
            await client.VerifyImageAsync("same/push", image, "latest", Token);
        });
        Assert.Equal(["latest"], await _registry.Client.ListTagsAsync("same/push", Token));
        foreach (var blob in S3Gateway.IsAskedFor ? [] : image.Blobs)
        {
            var hex = blob.Digest["sha256:".Length..];
            var directory = Path.Combine(_registry.Server.DataDirectory, "blobs", "sha256", hex[..2]);
            Assert.Single(Directory.GetFiles(directory, hex + ".*"));
        }

        if (!S3Gateway.IsAskedFor) Assert.Empty(Directory.GetFiles(Path.Combine(_registry.Server.DataDirectory, "blobs", "uploads")));
        await EndAsync();
    }

    [Fact]
    public async Task Of_two_clients_that_race_one_upload_one_wins_each_chunk()
    {
        const int chunk = 200_000;
        var (won, lost) = (0, 0);
        for (var round = 0; round < 10; round++)
        {
            var blob = TestBlob.Random(round, 5 * chunk);
            var upload = await _registry.Client.StartUploadAsync("one/upload", Token);
            for (var offset = 0; offset < blob.Content.Length; offset += chunk)
            {
                var (at, bytes) = (offset, blob.Content.AsSpan(offset, chunk).ToArray());
                var answers = new HttpStatusCode[2];
                await AtOnceAsync(2, async (client, i) => answers[i] = (await client.PatchChunkAsync(upload, at, bytes, Token)).Status);
                Assert.Equal([HttpStatusCode.Accepted, HttpStatusCode.RequestedRangeNotSatisfiable], answers.Order());
                won++;
                lost++;
            }

            var ends = new HttpStatusCode[2];
            await AtOnceAsync(2, async (client, i) => ends[i] = (await client.FinishUploadAsync(upload, blob.Digest, Token)).Status);
            Assert.Contains(HttpStatusCode.Created, ends);
            // The other came while the first was at it, or after it.
            Assert.Contains(ends, status => status is HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.NotFound);
            var stored = await _registry.Client.GetBlobAsync("one/upload", blob.Digest, Token);
            Assert.True(blob.Content.AsSpan().SequenceEqual(stored.Body));
        }

        Assert.Equal((50, 50), (won, lost));
        await EndAsync();
    }

    [Fact]
    public async Task A_tag_that_is_overwritten_while_it_is_pulled_is_always_one_of_its_images()
    {
        var images = Enumerable.Range(0, 8).Select(i => TestImage.Create(100 + i, 2000 + (500 * i))).ToList();
        foreach (var image in images) await _registry.Client.PushImageAsync("moving/tag", image, null, Token);
        await _registry.Client.PushManifestAsync("moving/tag", "now", images[0], Token);
        using var done = new CancellationTokenSource();
        var (moves, pulls) = (0, 0);
        var pullers = Enumerable.Range(0, 4).Select(async _ =>
        {
            using var client = _registry.NewClient();
            while (!done.IsCancellationRequested)
            {
                var got = await client.GetManifestAsync("moving/tag", "now", Token);
                Assert.Equal(HttpStatusCode.OK, got.Status);
                var image = images.Single(image => image.Digest == got.Header("Docker-Content-Digest"));
                Assert.Equal(image.Content, got.Body);
                await client.VerifyImageAsync("moving/tag", image, image.Digest, Token);
                Interlocked.Increment(ref pulls);
            }
        }).ToList();
        await AtOnceAsync(2, async (client, i) =>
        {
            for (var n = 0; n < 150; n++)
            {
                await client.PushManifestAsync("moving/tag", "now", images[(n + (3 * i)) % images.Count], Token);
                Interlocked.Increment(ref moves);
            }
        });
        await done.CancelAsync();
        await Task.WhenAll(pullers);
        Assert.True(pulls > 20, $"Only {pulls} pulls beside {moves} moves.");
        await EndAsync();
    }

    [Fact]
    public async Task A_delete_during_a_pull_cuts_it_or_lets_it_finish_and_corrupts_nothing()
    {
        for (var round = 0; round < 6; round++)
        {
            var image = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(round, 200), [TestBlob.Random(1000 + round, 12_000_000)]);
            await _registry.Client.PushImageAsync("delete/pull", image, "it", Token);
            var layer = image.Blobs.Single(blob => blob.Content.Length > 1000);
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var pull = Task.Run(() => PullSlowlyAsync("delete/pull", layer, started), Token);
            await started.Task.WaitAsync(Token);
            Assert.Equal(HttpStatusCode.Accepted, (await _registry.Client.DeleteManifestAsync("delete/pull", image.Digest, Token)).Status);
            Assert.Equal(HttpStatusCode.Accepted, (await _registry.Client.DeleteBlobAsync("delete/pull", layer.Digest, Token)).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await _registry.Client.GetManifestAsync("delete/pull", "it", Token)).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await _registry.Client.GetManifestAsync("delete/pull", image.Digest, Token)).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await _registry.Client.GetBlobAsync("delete/pull", layer.Digest, Token)).Status);
            await pull;
            Assert.Equal(HttpStatusCode.NotFound, (await _registry.Client.HeadBlobAsync("delete/pull", layer.Digest, Token)).Status);
        }

        await EndAsync();
    }

    [Fact]
    public async Task Of_a_blobs_delete_and_a_manifest_that_names_it_one_is_refused()
    {
        var (kept, gone) = (0, 0);
        for (var round = 0; round < 60; round++)
        {
            var image = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(round, 100), [TestBlob.Random(5000 + round, 300)]);
            foreach (var blob in image.Blobs) await _registry.Client.PushBlobAsync("blob/race", blob, Token);
            var layer = image.Blobs[^1].Digest;
            var answers = new HttpStatusCode[2];
            await AtOnceAsync(2, async (client, i) => answers[i] = i == 0
                ? (await client.PutManifestAsync("blob/race", "it", image, Token)).Status
                : (await client.DeleteBlobAsync("blob/race", layer, Token)).Status);
            var blobThere = (await _registry.Client.HeadBlobAsync("blob/race", layer, Token)).Status == HttpStatusCode.OK;
            switch (answers)
            {
                case [HttpStatusCode.Created, HttpStatusCode.MethodNotAllowed]:
                    Assert.True(blobThere);
                    await _registry.Client.VerifyImageAsync("blob/race", image, "it", Token);
                    kept++;
                    break;
                case [HttpStatusCode.NotFound, HttpStatusCode.Accepted]:
                    Assert.False(blobThere);
                    gone++;
                    break;
                default:
                    Assert.Fail($"PUT manifest {answers[0]}, DELETE blob {answers[1]}");
                    break;
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"manifest first {kept}, delete first {gone}");
        await EndAsync();
    }

    [Fact]
    public async Task Of_eight_clients_that_set_an_immutable_tag_exactly_one_succeeds()
    {
        await _registry.CreateRepositoryAsync("immutable/tag", Token, "IMMUTABLE");
        for (var round = 0; round < 10; round++)
        {
            var images = Enumerable.Range(0, 8).Select(i => TestImage.Create((1000 * round) + i, 500)).ToList();
            foreach (var image in images) await _registry.Client.PushImageAsync("immutable/tag", image, null, Token);
            var answers = new OciResponse[8];
            await AtOnceAsync(8, async (client, i) => answers[i] = await client.PutManifestAsync("immutable/tag", $"v{round}", images[i], Token));
            var winner = Assert.Single(Enumerable.Range(0, 8), i => answers[i].Status == HttpStatusCode.Created);
            foreach (var loser in answers.Where((_, i) => i != winner))
            {
                Assert.Equal(HttpStatusCode.BadRequest, loser.Status);
                Assert.Equal(["TAG_INVALID"], loser.ErrorCodes);
            }

            await _registry.Client.VerifyImageAsync("immutable/tag", images[winner], $"v{round}", Token);
        }

        await EndAsync();
    }

    private async Task EndAsync()
    {
        _registry.ExpectNoFailuresInLog();
        await _registry.VerifyAsync(Token);
    }

    /// <summary>Runs clients, each with its own connection, from one starting signal.</summary>
    private async Task AtOnceAsync(int count, Func<OciClient, int, Task> work)
    {
        var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var clients = Enumerable.Range(0, count).Select(async i =>
        {
            using var client = _registry.NewClient();
            // Connected and authenticated before the signal, so that the work itself coincides.
            await client.SendAsync(HttpMethod.Get, "/v2/", Token);
            await signal.Task;
            await work(client, i);
        }).ToList();
        signal.SetResult();
        await Task.WhenAll(clients);
    }

    private async Task PullSlowlyAsync(string repository, TestBlob blob, TaskCompletionSource started)
    {
        using var client = _registry.NewClient();
        using var response = await client.Http.GetAsync(new Uri($"/v2/{repository}/blobs/{blob.Digest}", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await using var stream = await response.Content.ReadAsStreamAsync(Token);
        var body = new MemoryStream();
        var buffer = new byte[256 * 1024];
        try
        {
            var paused = 0L;
            int read;
            while ((read = await stream.ReadAsync(buffer, Token)) > 0)
            {
                body.Write(buffer, 0, read);
                started.TrySetResult();
                if (body.Length - paused < 1_000_000) continue;
                paused = body.Length;
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Token);
            }

            Assert.True(blob.Content.AsSpan().SequenceEqual(body.ToArray()));
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // Cut. What came before the cut is right all the same.
            Assert.True(blob.Content.AsSpan(0, (int)body.Length).SequenceEqual(body.ToArray()));
        }
    }
}
