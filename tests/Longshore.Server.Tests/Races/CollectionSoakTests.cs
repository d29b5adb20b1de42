using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Longshore.Server.Tests.Faults;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Races;

/// <summary>
/// Pushes, pulls, deletes and lifecycle runs while collection runs every second without any grace period, on a server that is killed now and then.
/// </summary>
/// <remarks><c>LONGSHORE_SOAK_SECONDS</c> sets how long, <c>LONGSHORE_SOAK_KILL_SECONDS</c> how often it is killed (0: never).</remarks>
[Collection(StressCollection.Name)]
public sealed class CollectionSoakTests
{
    private const int Clients = 5;

    private readonly byte[] noise = Bytes(1, 2_000_000);
    private long uploads;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Images_stay_whole_while_collection_runs_and_the_disk_is_what_the_database_says_at_the_end()
    {
        var seconds = Setting("LONGSHORE_SOAK_SECONDS", 15);
        var killEvery = Setting("LONGSHORE_SOAK_KILL_SECONDS", 4);
        await using var registry = await LiveRegistry.StartAsync(
            Token, null, "--gc-interval", "1s", "--gc-grace", "0s", "--blob-lease", "2s", "--gc-rate", "0", "--recycle-bin-lifecycle", "0s", "--shutdown-timeout", "2");
        var clients = Enumerable.Range(0, Clients).Select(i => new SoakClient(this, i)).ToList();
        var keeper = new LifecycleClient(this);
        await LifecycleClient.SetUpAsync(registry);
        var clock = Stopwatch.StartNew();
        var kills = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            using var pause = new CancellationTokenSource();
            var load = clients.Select(client => client.RunAsync(registry, pause)).Append(keeper.RunAsync(registry, pause)).ToList();
            var until = killEvery > 0 ? Math.Min(killEvery, seconds - clock.Elapsed.TotalSeconds) : seconds;
            await Task.WhenAny(Task.WhenAll(load), Task.Delay(TimeSpan.FromSeconds(Math.Max(0.1, until)), TimeProvider.System, Token));
            await pause.CancelAsync();
            if (killEvery > 0)
            {
                await registry.Server.KillAsync();
                kills++;
            }

            await Task.WhenAll(load);
            if (killEvery > 0) await registry.Server.RestartAsync(samePort: true, Token);
            using var check = registry.NewClient();
            foreach (var client in clients) await client.SettleAsync(check);
        }

        using (var check = registry.NewClient())
        {
            foreach (var client in clients) await client.CheckAllAsync(check);
            await keeper.CheckAllAsync(registry, check);
        }

        await using (var database = TestDatabases.OpenForReading(registry.Server.DataDirectory))
        {
            // Leases end after two seconds; then only what images name is left.
            var patience = Stopwatch.StartNew();
            while (await GarbageAsync(database) > 0 && patience.Elapsed.TotalSeconds < 60) await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token);
            Assert.Equal(0, await GarbageAsync(database));
        }

        Assert.Equal(0, await registry.Server.StopAsync(Token));
        var verified = await registry.VerifyAsync(Token);
        registry.ExpectNoFailuresInLog();
        // What a kill left between a body's name and its row is younger than the scrub looks at.
        await registry.VerifyAsync(Token, "--repair");
        long rows;
        await using (var database = TestDatabases.OpenForReading(registry.Server.DataDirectory))
            rows = await database.ReadAsync(s => s.QueryFirstAsync("SELECT COALESCE(SUM(size), 0) FROM blobs", static r => r.GetInt64(0)), Token);
        // Uploads that a kill cut have their own end, after a day.
        var uploading = Path.Combine(registry.Server.DataDirectory, "blobs", "uploads") + Path.DirectorySeparatorChar;
        var disk = S3Gateway.IsAskedFor ? rows : Directory.EnumerateFiles(Path.Combine(registry.Server.DataDirectory, "blobs"), "*", SearchOption.AllDirectories)
            .Where(f => !f.StartsWith(uploading, StringComparison.Ordinal) && Path.GetFileName(f) != IMarkedStore.MarkName).Sum(f => new FileInfo(f).Length);
        var report = string.Create(
            CultureInfo.InvariantCulture,
            $"{clock.Elapsed.TotalSeconds:0} s, {kills} kills, {clients.Sum(c => c.Pushed)} pushes ({clients.Sum(c => c.Repeated)} begun anew because the collector came first), {clients.Sum(c => c.Pulled)} pulls, {clients.Sum(c => c.Deleted)} deletes; " +
            $"{keeper.Pushed} pushes under a policy and {keeper.Runs} runs of it; {Interlocked.Read(ref uploads) >> 20} MiB pushed, {disk} bytes on disk, {rows} in the database; verify: {verified.ToJsonString()}");
        TestContext.Current.TestOutputHelper?.WriteLine(report);
        Console.WriteLine(report);
        Assert.True(disk == rows, report);
        Assert.True(clients.Sum(c => c.Deleted) > seconds && clients.Sum(c => c.Pulled) > seconds, report);
    }

    // Bodies that are on their way out, links that only a lease keeps, and notes of bodies to be unlinked.
    private static ValueTask<long> GarbageAsync(IDatabase database) => database.ReadAsync(
        s => s.QueryFirstAsync(
            """
            SELECT (SELECT COUNT(*) FROM blobs WHERE state = 1) + (SELECT COUNT(*) FROM repository_blobs WHERE leased_until IS NOT NULL)
                + (SELECT COUNT(*) FROM loose_bodies WHERE doomed_at IS NOT NULL)
            """,
            static row => row.GetInt64(0)),
        Token);

    private static byte[] Bytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;

    /// <summary>Pushes into a repository whose policy keeps three images, and runs the policy again and again.</summary>
    private sealed class LifecycleClient(CollectionSoakTests soak)
    {
        private const string Repository = "soak/policy";
        private const string Policy =
            """
            {"rules":[{"rulePriority":1,"description":"three","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":3},"action":{"type":"expire"}}]}
            """;

        private readonly Random random = new(77);
        private readonly List<TestManifest> pushed = [];

        public int Pushed { get; private set; }

        public int Runs { get; private set; }

        public static async Task SetUpAsync(LiveRegistry registry)
        {
            var (server, options) = (registry.Server, registry.Server.Options);
            using var ecr = new EcrClient(server.BaseAddress, options.AccessKeyId, options.SecretAccessKey);
            await ecr.InvokeAsync("CreateRepository", $$"""{"repositoryName":"{{Repository}}"}""", Token);
            await ecr.InvokeAsync("PutLifecyclePolicy", System.Text.Json.JsonSerializer.Serialize(new { repositoryName = Repository, lifecyclePolicyText = Policy }), Token);
        }

        public async Task RunAsync(LiveRegistry registry, CancellationTokenSource pause)
        {
            using var client = registry.NewClient();
            try
            {
                using var http = await NewHttpAsync(registry);
                while (!pause.IsCancellationRequested)
                {
                    var own = TestBlob.Of(soak.noise.AsSpan(random.Next(1_000_000), random.Next(1, 200_000)).ToArray(), OciMediaTypes.Layer);
                    var shared = TestBlob.Of(soak.noise.AsSpan(0, 100_000 + (1000 * random.Next(8))).ToArray(), OciMediaTypes.Layer);
                    var image = TestImage.Manifest(new TestImageOptions(), TestBlob.Random(50_000_000 + Pushed, 300), [own, shared]);
                    foreach (var blob in image.Blobs) await client.PushBlobAsync(Repository, blob, Token);
                    if ((await client.PutManifestAsync(Repository, $"t{Pushed}", image, Token)).Status != HttpStatusCode.Created) continue;
                    Pushed++;
                    pushed.Add(image);
                    await client.VerifyImageAsync(Repository, image, image.Digest, Token);
                    if (Pushed % 3 != 0) continue;
                    using var answer = await http.PostAsync(new Uri($"longshore/v1/lifecycle-run?repository={Uri.EscapeDataString(Repository)}", UriKind.Relative), null, Token);
                    Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                    Runs++;
                }
            }
            catch (Exception e) when (pause.IsCancellationRequested && e is HttpRequestException { StatusCode: null } or IOException)
            {
                // Cut by the kill.
            }
        }

        /// <summary>The youngest three are whole, and what the policy took is gone.</summary>
        public async Task CheckAllAsync(LiveRegistry registry, OciClient client)
        {
            using var http = await NewHttpAsync(registry);
            var path = new Uri($"longshore/v1/lifecycle-run?repository={Uri.EscapeDataString(Repository)}", UriKind.Relative);
            using var answer = await http.PostAsync(path, null, Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var patience = Stopwatch.StartNew();
            // On a shared database the run that a kill cut goes on when its lease has gone without renewal for 45 seconds.
            while (await IsRunningAsync(http, path) && patience.Elapsed.TotalSeconds < (TestDatabases.IsPostgres ? 80 : 30)) await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token);
            Assert.False(await IsRunningAsync(http, path));
            var gone = pushed.Count > 8 ? pushed[0] : null;
            if (gone is not null) Assert.Equal(HttpStatusCode.NotFound, (await client.HeadManifestAsync(Repository, gone.Digest, Token)).Status);
            // An image whose push a kill cut may be among the three.
            foreach (var image in pushed.TakeLast(2)) await client.VerifyImageAsync(Repository, image, image.Digest, Token);
        }

        // Runs, or is about to.
        private static async Task<bool> IsRunningAsync(HttpClient http, Uri path)
        {
            using var document = System.Text.Json.JsonDocument.Parse(await http.GetStringAsync(path, Token));
            return document.RootElement.GetProperty("running").GetBoolean() || document.RootElement.GetProperty("dueAt").GetDateTimeOffset() <= TimeProvider.System.GetUtcNow();
        }

        private static async Task<HttpClient> NewHttpAsync(LiveRegistry registry)
        {
            var (server, options) = (registry.Server, registry.Server.Options);
            using var ecr = new EcrClient(server.BaseAddress, options.AccessKeyId, options.SecretAccessKey);
            var (user, password) = await ecr.GetLoginAsync(Token);
            var http = new HttpClient { BaseAddress = server.BaseAddress };
            http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{user}:{password}")));
            return http;
        }
    }

    /// <summary>One client with a repository and images of its own; its layers are others' too.</summary>
    private sealed class SoakClient(CollectionSoakTests soak, int number)
    {
        private readonly Random random = new(number);
        private readonly string repository = $"soak/r{number}";
        private readonly List<TestManifest> images = [];
        private readonly ConcurrentQueue<TestManifest> uncertain = new();
        private int made;

        public int Pushed { get; private set; }

        public int Repeated { get; private set; }

        public int Pulled { get; private set; }

        public int Deleted { get; private set; }

        /// <summary>Works until it is told to pause, or until the server is killed.</summary>
        public async Task RunAsync(LiveRegistry registry, CancellationTokenSource pause)
        {
            using var client = registry.NewClient();
            TestManifest? under = null;
            try
            {
                while (!pause.IsCancellationRequested)
                {
                    under = null;
                    switch (images.Count > 12 ? 2 : images.Count == 0 ? 0 : random.Next(3))
                    {
                        case 0:
                            under = NewImage();
                            await PushAsync(client, under);
                            images.Add(under);
                            Pushed++;
                            break;
                        case 1:
                            var image = images[random.Next(images.Count)];
                            await client.VerifyImageAsync(repository, image, image.Digest, Token);
                            Pulled++;
                            break;
                        default:
                            under = images[random.Next(images.Count)];
                            images.Remove(under);
                            Assert.Equal(HttpStatusCode.Accepted, (await client.DeleteManifestAsync(repository, under.Digest, Token)).Status);
                            Deleted++;
                            break;
                    }
                }
            }
            catch (Exception e) when (pause.IsCancellationRequested && e is HttpRequestException { StatusCode: null } or IOException)
            {
                // Cut by the kill: done or not.
                if (under is not null) uncertain.Enqueue(under);
            }
        }

        /// <summary>Finds out what became of the requests that a kill cut.</summary>
        public async Task SettleAsync(OciClient client)
        {
            while (uncertain.TryDequeue(out var image))
            {
                images.Remove(image);
                if ((await client.HeadManifestAsync(repository, image.Digest, Token)).Status == HttpStatusCode.OK) images.Add(image);
            }
        }

        public async Task CheckAllAsync(OciClient client)
        {
            foreach (var image in images) await client.VerifyImageAsync(repository, image, image.Digest, Token);
        }

        // As clients do: asks for each blob first. Without a grace period what was there may be gone when the manifest comes.
        private async Task PushAsync(OciClient client, TestManifest image)
        {
            for (var attempt = 0; ; attempt++)
            {
                foreach (var blob in image.Blobs)
                {
                    if ((await client.HeadBlobAsync(repository, blob.Digest, Token)).Status == HttpStatusCode.OK) continue;
                    if (random.Next(3) == 0)
                    {
                        var mounted = await client.MountBlobAsync(repository, blob.Digest, $"soak/r{random.Next(Clients)}", Token);
                        if (mounted.Status == HttpStatusCode.Created) continue;
                    }

                    await client.PushBlobAsync(repository, blob, Token);
                    Interlocked.Add(ref soak.uploads, blob.Content.Length);
                }

                var put = await client.PutManifestAsync(repository, $"v{random.Next(3)}", image, Token);
                if (put.Status == HttpStatusCode.Created) return;
                Assert.Contains("MANIFEST_BLOB_UNKNOWN", put.ErrorCodes);
                Assert.True(attempt < 20, "Twenty pushes in a row met the collector.");
                Repeated++;
            }
        }

        private TestManifest NewImage()
        {
            var own = TestBlob.Of(soak.noise.AsSpan(random.Next(1_000_000), random.Next(1, 400_000)).ToArray(), OciMediaTypes.Layer);
            var shared = TestBlob.Of(soak.noise.AsSpan(0, 100_000 + (1000 * random.Next(8))).ToArray(), OciMediaTypes.Layer);
            return TestImage.Manifest(new TestImageOptions(), TestBlob.Random((number * 1_000_000) + made++, 300), [own, shared]);
        }
    }
}
