using System.Globalization;
using System.Net;
using System.Text.Json;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Cluster;

/// <summary>What clients of a cluster do all the time, through its balancer. Each method runs until it is told to stop; what must not happen goes to the ledger.</summary>
internal sealed class ClusterWorkers(LiveCluster cluster, Ledger ledger, byte[] noise, Func<bool> stopping, CancellationToken cancellationToken)
{
    private const string Aws = "/usr/bin/aws";

    /// <summary>Pushes images, and moves a tag.</summary>
    public async Task PushAsync(int worker, int seed)
    {
        using var client = new RetryingClient(cluster.NewOci(), ledger);
        var random = new Random(seed);
        var repository = string.Create(CultureInfo.InvariantCulture, $"cluster/app-{worker}");
        // What the moving tag may name: the last that was acknowledged, and what was tried since.
        var latest = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; !stopping(); i++)
        {
            var image = NewImage(random);
            if (!await PushAsync(client, repository, image, random)) continue;
            var tag = string.Create(CultureInfo.InvariantCulture, $"v{i}");
            var put = await client.SendAsync((c, t) => c.PutManifestAsync(repository, tag, image, t), cancellationToken);
            if (put is null) continue;
            if (put.Status != HttpStatusCode.Created)
            {
                ledger.Failures.Enqueue($"A manifest whose blobs were acknowledged was refused: {put}");
                continue;
            }

            ledger.Acknowledge(new AcknowledgedImage(repository, tag, image.Digest, [.. image.Blobs.Select(static blob => blob.Digest)]));
            latest.Add(image.Digest);
            if (await client.SendAsync((c, t) => c.PutManifestAsync(repository, "latest", image, t), cancellationToken) is { Status: HttpStatusCode.Created })
            {
                latest.Clear();
                latest.Add(image.Digest);
                ledger.Count("tags moved");
            }

            var moved = await client.SendAsync((c, t) => c.HeadManifestAsync(repository, "latest", t), cancellationToken);
            if (moved is { Status: HttpStatusCode.OK } && !latest.Contains(moved.Header("Docker-Content-Digest")!))
                ledger.Failures.Enqueue($"The tag {repository}:latest names {moved.Header("Docker-Content-Digest")}, and was last moved to {string.Join(" or ", latest)}.");
        }
    }

    /// <summary>Pulls what was acknowledged, whole, and looks at every byte.</summary>
    public async Task PullAsync(int seed)
    {
        using var client = new RetryingClient(cluster.NewOci(), ledger);
        var random = new Random(seed);
        while (!stopping())
        {
            if (ledger.Pick(random) is not { } image)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
                continue;
            }

            var reference = random.Next(2) == 0 ? image.Reference : image.Digest;
            if (!await IsThereAsync(client, image, reference)) continue;
            foreach (var blob in image.Blobs)
            {
                // A body that breaks off is an exception, and tried again.
                var got = await client.SendAsync((c, t) => c.GetBlobAsync(image.Repository, blob, t), cancellationToken);
                if (got is { Status: HttpStatusCode.OK } && DigestAlgorithm.Sha256.Compute(got.Body) == blob) continue;
                ledger.Failures.Enqueue(got is null ? $"The pull of {image.Repository}@{blob} failed five times." : $"The body {image.Repository}@{blob} of an acknowledged image came as {got}");
            }

            ledger.Count("images pulled");
        }
    }

    /// <summary>Pushes images and deletes them again: what was acknowledged as deleted is never seen again.</summary>
    public async Task DeleteAsync(int seed)
    {
        using var client = new RetryingClient(cluster.NewOci(), ledger);
        using var ecr = cluster.NewEcr();
        var random = new Random(seed);
        const string Repository = "cluster/gone";
        while (!stopping())
        {
            var image = NewImage(random);
            if (!await PushAsync(client, Repository, image, random)) continue;
            if (await client.SendAsync((c, t) => c.PutManifestAsync(Repository, image.Digest, image, t), cancellationToken) is not { Status: HttpStatusCode.Created }) continue;
            var body = JsonSerializer.Serialize(new { repositoryName = Repository, imageIds = new[] { new { imageDigest = image.Digest } } });
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(TimeSpan.FromSeconds(20));
                using var answer = await ecr.CallAsync("BatchDeleteImage", body, patience.Token);
                if (answer.Status != HttpStatusCode.OK || answer.Root.GetProperty("imageIds").GetArrayLength() == 0) continue;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
            {
                continue;
            }

            ledger.Count("images deleted");
            for (var i = 0; i < 4; i++)
            {
                if (await client.TryAsync((c, t) => c.HeadManifestAsync(Repository, image.Digest, t), cancellationToken) is { Status: HttpStatusCode.OK })
                    ledger.Failures.Enqueue($"The image {image.Digest} is seen after its deletion was acknowledged.");
            }
        }
    }

    /// <summary>ECR's way to push a layer: parts, at whichever server takes them.</summary>
    public async Task PushPartsAsync(int seed)
    {
        using var ecr = cluster.NewEcr();
        var random = new Random(seed);
        const string Repository = "cluster/parts";
        while (!stopping())
        {
            // Parts but the last have 5 MiB at least.
            var layer = noise.AsSpan(random.Next(noise.Length - 7_000_000), 6_000_000 + random.Next(1_000_000)).ToArray();
            var digest = DigestAlgorithm.Sha256.Compute(layer);
            if (await CallAsync(ecr, "InitiateLayerUpload", new { repositoryName = Repository }) is not { } begun)
            {
                // The repository is made by the first push, and not by this.
                await CallAsync(ecr, "CreateRepository", new { repositoryName = Repository });
                continue;
            }

            var upload = begun.GetProperty("uploadId").GetString()!;
            const int Part = 5 << 20;
            var first = await CallAsync(ecr, "UploadLayerPart", new { repositoryName = Repository, uploadId = upload, partFirstByte = 0, partLastByte = Part - 1, layerPartBlob = layer.AsSpan(0, Part).ToArray() });
            if (first is null) continue;
            var second = await CallAsync(ecr, "UploadLayerPart", new { repositoryName = Repository, uploadId = upload, partFirstByte = Part, partLastByte = layer.Length - 1, layerPartBlob = layer.AsSpan(Part).ToArray() });
            if (second is null) continue;
            if (await CallAsync(ecr, "CompleteLayerUpload", new { repositoryName = Repository, uploadId = upload, layerDigests = new[] { digest } }) is not { } ended) continue;
            if (ended.GetProperty("layerDigest").GetString() != digest) ledger.Failures.Enqueue($"A layer of parts has another digest: {ended}");
            ledger.Count("layers by parts");
            using var client = new RetryingClient(cluster.NewOci(), ledger);
            if (await client.SendAsync((c, t) => c.HeadBlobAsync(Repository, digest, t), cancellationToken) is not { Status: HttpStatusCode.OK })
                ledger.Failures.Enqueue($"The layer {digest}, whose upload was acknowledged, is not there.");
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>The AWS CLI: what was acknowledged is described, and gets further tags.</summary>
    public async Task AwsAsync(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; !stopping(); i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellationToken);
            if (ledger.Pick(random) is not { } image) continue;
            string[] common = ["ecr", "--endpoint-url", cluster.BaseAddress.ToString(), "--repository-name", image.Repository, "--output", "json"];
            var told = await RunAsync(Aws, [.. common[..3], "describe-images", .. common[3..], "--image-ids", "imageDigest=" + image.Digest]);
            if (told.ExitCode == 0) ledger.Count("aws describe-images");
            else ledger.Failures.Enqueue($"The AWS CLI does not find an acknowledged image: {told}");
            var found = await RunAsync(Aws, [.. common[..3], "batch-get-image", .. common[3..], "--image-ids", "imageTag=" + image.Reference, "--query", "images[0].imageManifest"]);
            if (found.ExitCode != 0)
            {
                ledger.Failures.Enqueue($"The AWS CLI does not get an acknowledged image: {found}");
                continue;
            }

            var tag = string.Create(CultureInfo.InvariantCulture, $"aws{seed}-{i}");
            var manifest = JsonSerializer.Deserialize<string>(found.StandardOutput)!;
            var put = await RunAsync(Aws, [.. common[..3], "put-image", .. common[3..], "--image-tag", tag, "--image-manifest", manifest]);
            // A put whose answer was lost and that was sent again finds what it did itself.
            if (put.ExitCode == 0 || put.StandardError.Contains("ImageAlreadyExistsException", StringComparison.Ordinal)) ledger.Acknowledge(image with { Reference = tag });
            else ledger.Count("aws put-image given up");
        }
    }

    /// <summary>skopeo: pulls what was acknowledged, and pushes it somewhere else.</summary>
    public async Task SkopeoAsync(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; !stopping(); i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellationToken);
            if (ledger.Pick(random) is not { } image) continue;
            using var directory = new TemporaryDirectory("skopeo");
            string[] retries = ["--retry-times", "5"];
            var pulled = await SkopeoAsync(
                ["copy", .. retries, "--src-tls-verify=false", "--src-creds", "AWS:" + cluster.Password, $"docker://{cluster.Registry}/{image.Repository}:{image.Reference}", "dir:" + directory.Combine("image")]);
            if (pulled.ExitCode != 0)
            {
                ledger.Failures.Enqueue($"skopeo does not pull an acknowledged image: {pulled.ToString().Replace(cluster.Password, "…", StringComparison.Ordinal)}");
                continue;
            }

            ledger.Count("skopeo pulls");
            var tag = string.Create(CultureInfo.InvariantCulture, $"s{i}");
            var pushed = await SkopeoAsync(
                ["copy", .. retries, "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", "AWS:" + cluster.Password, "dir:" + directory.Combine("image"), $"docker://{cluster.Registry}/cluster/skopeo:{tag}"]);
            if (pushed.ExitCode == 0) ledger.Acknowledge(image with { Repository = "cluster/skopeo", Reference = tag });
            else ledger.Count("skopeo pushes given up");
        }
    }

    /// <summary>Asks one server for everything that was acknowledged.</summary>
    public async Task CheckAllAsync(Uri server)
    {
        using var client = new RetryingClient(cluster.NewOci(server), ledger);
        var blobs = new HashSet<(string, string)>();
        await Parallel.ForEachAsync(ledger.Images, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (image, _) =>
        {
            await IsThereAsync(client, image, image.Reference);
            foreach (var blob in image.Blobs)
            {
                lock (blobs)
                    if (!blobs.Add((image.Repository, blob))) continue;
                if (await client.SendAsync((c, t) => c.HeadBlobAsync(image.Repository, blob, t), cancellationToken) is not { Status: HttpStatusCode.OK })
                    ledger.Failures.Enqueue($"The body {blob} of {image.Repository}:{image.Reference} is lost at {server}.");
            }
        });
    }

    private async Task<bool> IsThereAsync(RetryingClient client, AcknowledgedImage image, string reference)
    {
        var got = await client.SendAsync((c, t) => c.GetManifestAsync(image.Repository, reference, t), cancellationToken);
        if (got is { Status: HttpStatusCode.OK } && DigestAlgorithm.Sha256.Compute(got.Body) == image.Digest) return true;
        ledger.Failures.Enqueue(got is null ? $"The pull of {image.Repository}:{reference} failed five times." : $"The acknowledged image {image.Repository}:{reference} came as {got}");
        return false;
    }

    private async Task<bool> PushAsync(RetryingClient client, string repository, TestManifest image, Random random)
    {
        foreach (var blob in image.Blobs)
        {
            if (await client.PushBlobAsync(repository, blob, random.Next(2) == 0 ? int.MaxValue : Math.Max(1, blob.Content.Length / 3), cancellationToken)) continue;
            ledger.Count("pushes given up");
            return false;
        }

        return true;
    }

    private async Task<JsonElement?> CallAsync(Longshore.TestSupport.Aws.EcrClient ecr, string operation, object input)
    {
        // SDKs try three times.
        for (var attempt = 0; attempt < 3; attempt++)
        {
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(TimeSpan.FromSeconds(20));
                using var answer = await ecr.CallAsync(operation, JsonSerializer.Serialize(input), patience.Token);
                if (answer.Status == HttpStatusCode.OK) return answer.Root.Clone();
                if ((int)answer.Status < 500) return null;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
            {
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200 << attempt), TimeProvider.System, cancellationToken);
        }

        return null;
    }

    // Its own retries leave out a 502 or 504 that a proxy answers to its first request and to some others: a script that uses it begins again.
    private async Task<CommandResult> SkopeoAsync(string[] arguments)
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = await RunAsync("skopeo", arguments);
            if (result.ExitCode == 0 || attempt == 3 || !result.StandardError.Contains("invalid status code from registry 50", StringComparison.Ordinal)) return result;
            ledger.Count("skopeo runs repeated");
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellationToken);
        }
    }

    private Task<CommandResult> RunAsync(string program, string[] arguments) =>
        CommandRunner.TryRunAsync(program, arguments, cancellationToken, cluster.AwsEnvironment, timeout: TimeSpan.FromMinutes(5));

    // Mostly small, now and then one that takes a while.
    private TestManifest NewImage(Random random)
    {
        var layers = new int[random.Next(1, 4)];
        for (var i = 0; i < layers.Length; i++) layers[i] = random.Next(12) == 0 ? random.Next(1_000_000, 8_000_000) : random.Next(1_000, 200_000);
        var blobs = layers.Select(size => TestBlob.Of(Unique(random, size), OciMediaTypes.Layer)).ToList();
        var config = TestBlob.Of(JsonSerializer.SerializeToUtf8Bytes(new { architecture = "amd64", os = "linux", author = random.NextInt64(), rootfs = new { type = "layers", diff_ids = blobs.Select(static blob => blob.Digest) } }), OciMediaTypes.ImageConfig);
        return TestImage.Manifest(new TestImageOptions(), config, blobs);
    }

    private byte[] Unique(Random random, int size)
    {
        var bytes = noise.AsSpan(random.Next(noise.Length - size), size).ToArray();
        BitConverter.TryWriteBytes(bytes, random.NextInt64());
        return bytes;
    }
}
