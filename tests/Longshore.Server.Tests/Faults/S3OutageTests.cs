using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Longshore.Server.Tests.TestSupport;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Faults;

/// <summary>
/// The gateway behind a serving registry stands still or dies, and comes back: 10 seconds, or <c>LONGSHORE_TEST_OUTAGE</c> seconds. Clients push, resume and pull all the while.
/// </summary>
[Collection(StressCollection.Name)]
public sealed class S3OutageTests
{
    private const string Repository = "some/images";

    // The longest that a client waits for an answer; a call of the store is given up after less.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, byte[]> _acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly ConcurrentQueue<(TimeSpan Took, string What)> _refused = new();
    private long _pushedAfter;
    private long _resumed;
    private volatile bool _over;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("freeze", "thaw")]
    [InlineData("kill", "revive")]
    public async Task An_outage_is_told_in_bounded_time_loses_nothing_and_ends_without_a_restart(string away, string back)
    {
        TestStores.RequireBucket();
        var lasts = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("LONGSHORE_TEST_OUTAGE") ?? "10", CultureInfo.InvariantCulture));
        var gateway = await S3Gateway.StartAsync();
        try
        {
            var url = gateway.NewUrl();
            await using var registry = await LiveRegistry.StartAsync(Token, null, "--blobs", url);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            Task[] clients =
            [
                PushAsync(registry, 1, 20_000, stop.Token), PushAsync(registry, 2, 3_000_000, stop.Token), PushAsync(registry, 3, 12_000_000, stop.Token),
                ResumeAsync(registry, stop.Token), PullAsync(registry, 4, stop.Token), PullAsync(registry, 5, stop.Token),
            ];
            await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, Token);
            Assert.NotEmpty(_acknowledged);
            await gateway.DoAsync(away);
            var clock = Stopwatch.StartNew();
            Assert.Equal("not ready: blob store\n", await UntilReadyIsAsync(registry, HttpStatusCode.ServiceUnavailable, lasts));
            var told = clock.Elapsed;
            if (lasts > clock.Elapsed) await Task.Delay(lasts - clock.Elapsed, TimeProvider.System, Token);
            await gateway.DoAsync(back);
            clock.Restart();
            Assert.Equal("ok\n", await UntilReadyIsAsync(registry, HttpStatusCode.OK, TimeSpan.FromSeconds(30)));
            var ready = clock.Elapsed;
            _over = true;
            await Task.Delay(TimeSpan.FromSeconds(6), TimeProvider.System, Token);
            await stop.CancelAsync();
            await Task.WhenAll(clients);

            Assert.Empty(_wrong);
            Assert.True(Interlocked.Read(ref _pushedAfter) > 0, "Nothing was pushed after the outage.");
            Assert.All(_refused, static refused => Assert.True(refused.Took < Bound, $"{refused.What} took {refused.Took}"));
            foreach (var (digest, content) in _acknowledged)
                LiveRegistry.Same(content, (await registry.Client.ExpectAsync(HttpStatusCode.OK, HttpMethod.Get, $"/v2/{Repository}/blobs/{digest}", Token)).Body);
            registry.ExpectNoFailuresInLog();
            Assert.Equal(0, await registry.Server.StopAsync(Token));
            var summary = await registry.VerifyAsync(Token, "--blobs", url);
            TestContext.Current.SendDiagnosticMessage(string.Create(
                CultureInfo.InvariantCulture,
                $"{away} for {lasts.TotalSeconds:0} s: unready after {told.TotalSeconds:0.0} s, ready {ready.TotalSeconds:0.0} s after it; {_refused.Count} answers of 503, the slowest after {_refused.Select(static r => r.Took.TotalSeconds).DefaultIfEmpty().Max():0.0} s; {_acknowledged.Count} bodies acknowledged, {_resumed} uploads resumed; {summary.ToJsonString()}"));
        }
        finally
        {
            await gateway.StopAsync();
        }
    }

    private static async Task<string> UntilReadyIsAsync(LiveRegistry registry, HttpStatusCode wanted, TimeSpan limit)
    {
        using var http = new HttpClient { BaseAddress = registry.BaseAddress };
        for (var clock = Stopwatch.StartNew(); ;)
        {
            using var answer = await http.GetAsync(new Uri("readyz", UriKind.Relative), Token);
            if (answer.StatusCode == wanted) return await answer.Content.ReadAsStringAsync(Token);
            Assert.True(clock.Elapsed < limit, $"/readyz says {answer.StatusCode} after {clock.Elapsed}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token);
        }
    }

    private async Task PushAsync(LiveRegistry registry, int worker, int size, CancellationToken stop)
    {
        using var client = registry.NewClient();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var blob = TestBlob.Random((worker * 1_000_000) + i, size + i);
            if (await TryAsync(() => client.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/", Token)) is not { Status: HttpStatusCode.Accepted } begun) continue;
            if (await TryAsync(() => client.FinishUploadAsync(begun.Location, blob.Digest, Token, blob.Content)) is not { Status: HttpStatusCode.Created }) continue;
            _acknowledged[blob.Digest] = blob.Content;
            if (_over) Interlocked.Increment(ref _pushedAfter);
        }
    }

    // In chunks; what was refused is asked about and sent again from where the registry stands.
    private async Task ResumeAsync(LiveRegistry registry, CancellationToken stop)
    {
        using var client = registry.NewClient();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var blob = TestBlob.Random(9_000_000 + i, 40_000_000);
            var upload = await client.StartUploadAsync(Repository, Token);
            var (at, refused) = (0, false);
            while (at < blob.Content.Length)
            {
                var chunk = blob.Content[at..Math.Min(blob.Content.Length, at + 1_500_000)];
                if (await TryAsync(() => client.PatchChunkAsync(upload, at, chunk, Token)) is { Status: HttpStatusCode.Accepted } taken)
                {
                    (upload, at) = (taken.Location, at + chunk.Length);
                    // So that some are under way when it happens.
                    await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
                    continue;
                }

                refused = true;
                await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Token);
                var status = await TryAsync(() => client.SendAsync(HttpMethod.Get, upload.ToString(), Token));
                if (status is not { Status: HttpStatusCode.NoContent }) continue;
                var received = int.Parse(status.Header("Range")!["0-".Length..], CultureInfo.InvariantCulture);
                var has = received == 0 ? 0 : received + 1;
                if (has != at) _wrong.Enqueue($"{at} bytes were acknowledged, and {has} are there");
            }

            for (var ended = false; !ended;)
            {
                if (await TryAsync(() => client.FinishUploadAsync(upload, blob.Digest, Token)) is { } end)
                {
                    if (end.Status != HttpStatusCode.Created) _wrong.Enqueue(end.ToString());
                    ended = true;
                }
                else
                {
                    refused = true;
                    await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Token);
                }
            }

            _acknowledged[blob.Digest] = blob.Content;
            if (refused) Interlocked.Increment(ref _resumed);
        }
    }

    private async Task PullAsync(LiveRegistry registry, int seed, CancellationToken stop)
    {
        using var client = registry.NewClient();
        var random = new Random(seed);
        while (!stop.IsCancellationRequested)
        {
            var known = _acknowledged.ToArray();
            if (known.Length == 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
                continue;
            }

            var (digest, content) = known[random.Next(known.Length)];
            var answer = await TryAsync(() => client.GetBlobAsync(Repository, digest, Token), mayBreak: true);
            if (answer is not null && (answer.Status != HttpStatusCode.OK || !content.AsSpan().SequenceEqual(answer.Body))) _wrong.Enqueue($"{digest}: {answer.Status}, {answer.Body.Length} bytes of {content.Length}");
        }
    }

    // Null when the registry said 503 as it should, or cut what it had begun to send.
    private async Task<OciResponse?> TryAsync(Func<Task<OciResponse>> send, bool mayBreak = false)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            var answer = await send();
            if (answer.Status != HttpStatusCode.ServiceUnavailable) return answer;
            _refused.Enqueue((clock.Elapsed, $"{answer.Method} {answer.Uri.AbsolutePath}"));
            if (answer.Header("Retry-After") != "5" || answer.ErrorCodes is not ["UNKNOWN"]) _wrong.Enqueue(answer.ToString());
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        }
        catch (Exception e) when (mayBreak && e is HttpRequestException or IOException)
        {
            _refused.Enqueue((clock.Elapsed, e.Message));
        }

        return null;
    }
}
