using System.Net;
using System.Text.Json;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Cluster;

/// <summary>Real servers on one database and one store: what one does, the others know.</summary>
[Collection(StressCollection.Name)]
public sealed class ClusterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_one_server_was_told_all_others_heed_with_their_next_request()
    {
        await using var cluster = await LiveCluster.StartAsync(3, TimeSpan.FromSeconds(20), Token);
        var (a, b, c) = (cluster.Servers[0].BaseAddress, cluster.Servers[1].BaseAddress, cluster.Servers[2].BaseAddress);
        using var ociA = cluster.NewOci(a);
        using var ociB = cluster.NewOci(b);
        using var ociC = cluster.NewOci(c);
        using var ecrA = cluster.NewEcr(a);
        using var ecrB = cluster.NewEcr(b);

        // Again and again: a cache that lives for a while would be warm.
        for (var i = 0; i < 10; i++)
        {
            var image = TestImage.Create(i, 2000);
            await ociA.PushImageAsync("seen/by-all", image, "moving", Token);
            foreach (var oci in new[] { ociA, ociB, ociC })
            {
                Assert.Equal(image.Digest, (await oci.HeadManifestAsync("seen/by-all", "moving", Token)).Header("Docker-Content-Digest"));
                await oci.VerifyImageAsync("seen/by-all", image, image.Digest, Token);
            }

            // Settings: tags become immutable at A, and B refuses to move one.
            await ecrA.InvokeAsync("PutImageTagMutability", """{"repositoryName":"seen/by-all","imageTagMutability":"IMMUTABLE"}""", Token);
            var other = TestImage.Create(1000 + i, 1000);
            foreach (var blob in other.Blobs) await ociB.PushBlobAsync("seen/by-all", blob, Token);
            Assert.Equal(HttpStatusCode.BadRequest, (await ociB.PutManifestAsync("seen/by-all", "moving", other, Token)).Status);
            await ecrB.InvokeAsync("PutImageTagMutability", """{"repositoryName":"seen/by-all","imageTagMutability":"MUTABLE"}""", Token);

            // Deletion: gone everywhere.
            await ecrB.InvokeAsync("BatchDeleteImage", JsonSerializer.Serialize(new { repositoryName = "seen/by-all", imageIds = new[] { new { imageDigest = image.Digest } } }), Token);
            foreach (var oci in new[] { ociA, ociB, ociC }) Assert.Equal(HttpStatusCode.NotFound, (await oci.HeadManifestAsync("seen/by-all", image.Digest, Token)).Status);

            // Settings of the registry, which servers keep in memory.
            await ecrA.InvokeAsync("PutAccountSetting", JsonSerializer.Serialize(new { name = "BLOB_MOUNTING", value = i % 2 == 0 ? "DISABLED" : "ENABLED" }), Token);
            await ociA.PushBlobAsync("seen/source", TestBlob.Random(5000 + i, 100), Token);
            var digest = TestBlob.Random(5000 + i, 100).Digest;
            Assert.Equal(i % 2 == 0 ? HttpStatusCode.Accepted : HttpStatusCode.Created, await MountAsync(ociB, digest));
        }

        async Task<HttpStatusCode> MountAsync(OciClient oci, string digest)
        {
            // ECR mounts what an image names.
            var image = TestImage.Manifest(new TestImageOptions(), TestBlob.Of("{}"u8.ToArray(), OciMediaTypes.ImageConfig), [TestBlob.Random(0, 1)]);
            foreach (var blob in image.Blobs) await oci.PushBlobAsync("seen/source", blob, Token);
            await oci.PushManifestAsync("seen/source", "it", image, Token);
            await oci.PushManifestAsync("seen/target", "it", await EmptyAsync(oci), Token);
            return (await oci.MountBlobAsync("seen/target", image.Blobs[1].Digest, "seen/source", Token)).Status;
        }

        async Task<TestManifest> EmptyAsync(OciClient oci)
        {
            var image = TestImage.Manifest(new TestImageOptions(), TestBlob.Of("{ }"u8.ToArray(), OciMediaTypes.ImageConfig), []);
            foreach (var blob in image.Blobs) await oci.PushBlobAsync("seen/target", blob, Token);
            return image;
        }
    }

    [Fact]
    public async Task Who_may_no_longer_is_refused_by_every_server_at_once()
    {
        await using var cluster = await LiveCluster.StartAsync(2, TimeSpan.FromSeconds(20), Token);
        var (a, b) = (cluster.Servers[0].BaseAddress, cluster.Servers[1].BaseAddress);
        using var root = cluster.NewEcr(a);
        await root.CreateRepositoryAsync("guarded", Token);
        for (var i = 0; i < 5; i++)
        {
            var user = $"user-{i}";
            await IamAsync("create-user", "--user-name", user);
            await IamAsync("put-user-policy", "--user-name", user, "--policy-name", "p", "--policy-document", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}""");
            var key = JsonDocument.Parse(await IamAsync("create-access-key", "--user-name", user)).RootElement.GetProperty("AccessKey");
            using var atA = new EcrClient(a, key.GetProperty("AccessKeyId").GetString()!, key.GetProperty("SecretAccessKey").GetString()!);
            using var atB = new EcrClient(b, key.GetProperty("AccessKeyId").GetString()!, key.GetProperty("SecretAccessKey").GetString()!);
            var (_, password) = await atA.GetLoginAsync(Token);
            // A token of one server is good at the other, whose caches are warm then.
            using var oci = new OciClient(b, "AWS", password);
            Assert.Equal(HttpStatusCode.OK, (await oci.SendAsync(HttpMethod.Get, "/v2/", Token)).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await oci.GetManifestAsync("guarded", "x", Token)).Status);
            await atB.InvokeAsync("DescribeRepositories", "{}", Token);

            await IamAsync("delete-user-policy", "--user-name", user, "--policy-name", "p");
            using (var denied = await atB.CallAsync("DescribeRepositories", "{}", Token)) Assert.Equal(HttpStatusCode.BadRequest, denied.Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await oci.GetManifestAsync("guarded", "x", Token)).Status);
            await IamAsync("update-access-key", "--user-name", user, "--access-key-id", key.GetProperty("AccessKeyId").GetString()!, "--status", "Inactive");
            Assert.Equal(HttpStatusCode.Unauthorized, (await oci.SendAsync(HttpMethod.Get, "/v2/", Token)).Status);
        }

        async Task<string> IamAsync(params string[] arguments) => (await Longshore.TestSupport.Processes.CommandRunner.RunAsync(
            "/usr/bin/aws", ["--endpoint-url", a.ToString(), "--output", "json", "iam", .. arguments], Token, cluster.AwsEnvironment)).StandardOutput;
    }

    [Fact]
    public async Task An_upload_goes_on_at_other_servers_by_either_protocol()
    {
        await using var cluster = await LiveCluster.StartAsync(3, TimeSpan.FromSeconds(20), Token);
        var (a, b, c) = (cluster.Servers[0].BaseAddress, cluster.Servers[1].BaseAddress, cluster.Servers[2].BaseAddress);
        using var ociA = cluster.NewOci(a);
        using var ociB = cluster.NewOci(b);
        using var ociC = cluster.NewOci(c);
        await ociA.PushImageAsync("roaming", TestImage.Create(1, 10), "it", Token);
        var blob = TestBlob.Random(2, 3_000_000);
        var upload = await ociA.StartUploadAsync("roaming", Token);
        Assert.Equal(HttpStatusCode.Accepted, (await ociA.PatchChunkAsync(At(a, upload), 0, blob.Content[..1_000_000], Token)).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await ociB.PatchChunkAsync(At(b, upload), 1_000_000, blob.Content[1_000_000..2_000_000], Token)).Status);
        Assert.Equal("0-1999999", (await ociC.SendAsync(HttpMethod.Get, At(c, upload).AbsoluteUri, Token)).Header("Range"));
        Assert.Equal(HttpStatusCode.Created, (await ociC.FinishUploadAsync(At(c, upload), blob.Digest, Token, blob.Content[2_000_000..])).Status);
        LiveRegistry.Same(blob.Content, (await ociA.GetBlobAsync("roaming", blob.Digest, Token)).Body);

        using var ecrA = cluster.NewEcr(a);
        using var ecrB = cluster.NewEcr(b);
        using var ecrC = cluster.NewEcr(c);
        var layer = TestBlob.Random(3, 7_000_000);
        var id = (await ecrA.InvokeAsync("InitiateLayerUpload", """{"repositoryName":"roaming"}""", Token)).GetProperty("uploadId").GetString()!;
        const int Part = 5 << 20;
        await PartAsync(ecrB, 0, Part);
        await PartAsync(ecrC, Part, layer.Content.Length);
        await ecrA.InvokeAsync("CompleteLayerUpload", JsonSerializer.Serialize(new { repositoryName = "roaming", uploadId = id, layerDigests = new[] { layer.Digest } }), Token);
        LiveRegistry.Same(layer.Content, (await ociB.GetBlobAsync("roaming", layer.Digest, Token)).Body);

        // A server that is killed in the middle of a chunk leaves nothing that the next one cannot go on from.
        var rest = TestBlob.Random(4, 2_000_000);
        upload = await ociA.StartUploadAsync("roaming", Token);
        Assert.Equal(HttpStatusCode.Accepted, (await ociA.PatchChunkAsync(At(a, upload), 0, rest.Content[..500_000], Token)).Status);
        using (var slow = await Hosting.RawHttp.ConnectAsync(a, Token))
        {
            var credentials = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes("AWS:" + cluster.Password));
            await slow.SendAsync(FormattableString.Invariant($"PATCH {upload.PathAndQuery} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n"), Token);
            await slow.SendAsync(new byte[300_000], Token);
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Token);
            await cluster.Servers[0].KillAsync();
        }

        Assert.Equal("0-499999", (await ociB.SendAsync(HttpMethod.Get, At(b, upload).AbsoluteUri, Token)).Header("Range"));
        Assert.Equal(HttpStatusCode.Accepted, (await ociB.PatchChunkAsync(At(b, upload), 500_000, rest.Content[500_000..], Token)).Status);
        Assert.Equal(HttpStatusCode.Created, (await ociC.FinishUploadAsync(At(c, upload), rest.Digest, Token)).Status);
        LiveRegistry.Same(rest.Content, (await ociB.GetBlobAsync("roaming", rest.Digest, Token)).Body);
        await cluster.VerifyAsync(Token);

        Task PartAsync(EcrClient ecr, int from, int to) => ecr.InvokeAsync(
            "UploadLayerPart",
            JsonSerializer.Serialize(new { repositoryName = "roaming", uploadId = id, partFirstByte = from, partLastByte = to - 1, layerPartBlob = layer.Content.AsSpan(from, to - from).ToArray() }),
            Token);
    }

    [Fact]
    public async Task A_paused_servers_job_is_taken_over_and_it_does_not_go_on_when_it_wakes_up()
    {
        await using var cluster = await LiveCluster.StartAsync(
            2, TimeSpan.FromSeconds(20), Token, "--job-lease", "2s", "--gc-interval", "1h", "--gc-grace", "0s", "--blob-lease", "1s", "--gc-rate", "40");
        using var oci = cluster.NewOci(cluster.Servers[0].BaseAddress);
        var kept = TestImage.Create(1, 1000);
        await oci.PushImageAsync("jobs", kept, "kept", Token);
        await Parallel.ForAsync(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (i, t) => await oci.PushBlobAsync("jobs", TestBlob.Random(100 + i, 50), t));
        await Task.Delay(TimeSpan.FromSeconds(1.5), TimeProvider.System, Token);
        var started = await oci.SendAsync(HttpMethod.Post, "/longshore/v1/collection", Token, "{}"u8.ToArray(), "application/json");
        Assert.True(started.Status == HttpStatusCode.OK || started.Status == HttpStatusCode.Accepted, started.ToString());

        // Whoever runs it stands still. Not known from outside: so one after the other.
        var (holder, other) = (-1, -1);
        for (var i = 0; i < 6 && holder < 0; i++)
        {
            var (paused, awake) = (cluster.Servers[i % 2], cluster.Servers[1 - (i % 2)]);
            paused.Pause();
            for (var j = 0; j < 60 && holder < 0; j++)
            {
                if (awake.Output.Contains("Job collection '' is taken over", StringComparison.Ordinal)) (holder, other) = (i % 2, 1 - (i % 2));
                else await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
            }

            if (holder < 0) paused.Resume();
        }

        Assert.True(holder >= 0, "No job was taken over.");
        using var ociOther = cluster.NewOci(cluster.Servers[other].BaseAddress);
        cluster.Servers[holder].Resume();
        await UntilAsync(() => Task.FromResult(cluster.Servers[holder].Output.Contains("was taken over by another server, or removed, while it ran here", StringComparison.Ordinal)));
        await UntilAsync(async () => (await StateAsync()) is { Running: false, Freed: > 0 });
        // Batches that stood still between their commit and their count are done, and not counted; nothing is counted twice.
        Assert.InRange((await StateAsync()).Freed, 1, 500);
        Assert.Equal(HttpStatusCode.NotFound, (await ociOther.HeadBlobAsync("jobs", TestBlob.Random(100, 50).Digest, Token)).Status);
        await ociOther.VerifyImageAsync("jobs", kept, "kept", Token);
        var verified = await cluster.VerifyAsync(Token);
        Assert.Equal(kept.Blobs.Count, (int)verified["blobs"]!);

        async Task<(bool Running, long Freed)> StateAsync()
        {
            var answer = await ociOther.ExpectAsync(HttpStatusCode.OK, HttpMethod.Get, "/longshore/v1/collection", Token);
            var job = answer.Json["jobs"]!.AsArray().Single(job => (string)job!["name"]! == "collection")!;
            return ((bool)job["running"]!, (long)job["total"]!["freedBodies"]!);
        }
    }

    [Fact]
    public async Task Trails_of_all_servers_are_put_together_by_time()
    {
        await using var cluster = await LiveCluster.StartAsync(3, TimeSpan.FromSeconds(20), Token);
        var images = Enumerable.Range(0, 6).Select(static i => TestImage.Create(i, 100)).ToList();
        for (var i = 0; i < images.Count; i++)
        {
            using var oci = cluster.NewOci(cluster.Servers[i % 3].BaseAddress);
            await oci.PushImageAsync("told", images[i], "moving", Token);
        }

        using (var oci = cluster.NewOci(cluster.Servers[1].BaseAddress)) await oci.GetManifestAsync("told", "moving", Token);
        var pushed = (await TrailAsync("search", "--repository", "told", "--event", "PutImage", "--oldest-first", "--json")).TrimEnd().Split('\n')
            .Select(static line => JsonDocument.Parse(line).RootElement.GetProperty("additionalEventData").GetProperty("digest").GetString()).ToList();
        Assert.Equal(images.Select(static image => image.Digest), pushed);
        var last = JsonDocument.Parse((await TrailAsync("search", "--repository", "told", "--event", "PutImage", "--limit", "1", "--json")).Trim()).RootElement;
        Assert.Equal(images[^1].Digest, last.GetProperty("additionalEventData").GetProperty("digest").GetString());
        var history = JsonDocument.Parse(await TrailAsync("history", "--repository", "told", "--tag", "moving", "--json")).RootElement;
        Assert.Equal(images[^1].Digest, history.GetProperty("digest").GetString());
        Assert.Equal(1, history.GetProperty("pulls").GetArrayLength());

        async Task<string> TrailAsync(string command, params string[] arguments)
        {
            var binary = Longshore.TestSupport.Processes.LongshoreProcess.BinaryPath();
            string[] all = ["trail", command, .. cluster.Servers.SelectMany(static server => new[] { "--server", server.BaseAddress.ToString() }), .. arguments];
            return (binary.EndsWith(".dll", StringComparison.Ordinal)
                ? await Longshore.TestSupport.Processes.CommandRunner.RunAsync("dotnet", [binary, .. all], Token, cluster.AwsEnvironment)
                : await Longshore.TestSupport.Processes.CommandRunner.RunAsync(binary, all, Token, cluster.AwsEnvironment)).StandardOutput;
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 600; i++)
        {
            if (await holds()) return;
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        }

        Assert.Fail("It did not come to that within a minute.");
    }

    private static Uri At(Uri server, Uri upload) => new(server, upload.PathAndQuery);
}
