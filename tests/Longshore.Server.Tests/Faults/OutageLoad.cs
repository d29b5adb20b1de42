using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Longshore.Server.Tests.Iam;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Faults;

/// <summary>Clients of each face that go on through an outage, and note what they were answered, and after how long.</summary>
internal sealed class OutageLoad : IAsyncDisposable
{
    private const string Repository = "outage/app";
    private const string Status503 = "503";

    private readonly LongshoreProcess server;
    private readonly OciClient oci;
    private readonly EcrClient ecr;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(60) };
    private readonly CancellationTokenSource end = new();
    private readonly ConcurrentDictionary<string, TestManifest> acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> answers = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> faults = new();
    private readonly Lock gate = new();
    private List<Task> clients = [];
    private int serial;
    private int good;
    private int failedReads;
    private bool ended;

    private OutageLoad(LongshoreProcess server, string password)
    {
        this.server = server;
        oci = new OciClient(server.BaseAddress, "AWS", password);
        ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
    }

    /// <summary>Answers that were none of a working server and none of one that knows what is wrong.</summary>
    public IReadOnlyCollection<string> Faults => faults;

    /// <summary>How long the slowest request took.</summary>
    public double LongestSeconds { get; private set; }

    /// <summary>Pulls that were answered with 503.</summary>
    public int FailedReads => Volatile.Read(ref failedReads);

    public static async Task<OutageLoad> StartAsync(LongshoreProcess server, CancellationToken cancellationToken)
    {
        using var client = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var load = new OutageLoad(server, (await client.GetLoginAsync(cancellationToken)).Password);
        var first = TestImage.Create(1_000_000, 3_000);
        await load.oci.PushImageAsync(Repository, first, "first", cancellationToken);
        load.acknowledged["first"] = first;
        load.clients = [Task.Run(load.PushAsync, cancellationToken), Task.Run(load.PushAsync, cancellationToken), Task.Run(load.PullAsync, cancellationToken), Task.Run(load.CallAsync, cancellationToken)];
        return load;
    }

    public static Task RunForAsync(TimeSpan time) => Task.Delay(time, TimeProvider.System, CancellationToken.None);

    /// <summary>Waits until the outage was felt.</summary>
    public async Task OutageAsync()
    {
        var before = Failures;
        var patience = Stopwatch.GetTimestamp();
        while (Failures == before)
        {
            Assert.True(Stopwatch.GetElapsedTime(patience).TotalSeconds < 20, "Nothing fails without a database.");
            await RunForAsync(TimeSpan.FromMilliseconds(50));
        }
    }

    /// <summary>Waits until requests succeed again. How long that took.</summary>
    public async Task<TimeSpan> RecoverAsync(TimeSpan limit)
    {
        var began = Stopwatch.GetTimestamp();
        var before = Volatile.Read(ref good);
        while (Volatile.Read(ref good) < before + 5)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < limit, $"Nothing succeeds {limit.TotalSeconds} s after the database's return. {this}");
            await RunForAsync(TimeSpan.FromMilliseconds(20));
        }

        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Lets the requests under way end.</summary>
    public async Task EndAsync()
    {
        if (ended) return;
        ended = true;
        await end.CancelAsync();
        await Task.WhenAll(clients);
    }

    /// <summary>Every image whose push was acknowledged is there, each byte of it.</summary>
    public async Task VerifyAllAsync(CancellationToken cancellationToken)
    {
        foreach (var (tag, image) in acknowledged) await oci.VerifyImageAsync(Repository, image, tag, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        oci.Dispose();
        ecr.Dispose();
        http.Dispose();
        end.Dispose();
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{acknowledged.Count} images acknowledged, answers {string.Join(", ", answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}: {a.Value}"))}, slowest {LongestSeconds:F1} s");

    private int Failures => answers.Where(a => a.Key.EndsWith(Status503, StringComparison.Ordinal)).Sum(a => a.Value);

    private async Task PushAsync()
    {
        while (!end.IsCancellationRequested)
        {
            var number = Interlocked.Increment(ref serial);
            var image = TestImage.Create(number, 2_000, 20_000);
            var done = true;
            foreach (var blob in image.Blobs)
                done &= await OciAsync("push", () => oci.SendAsync(HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/?digest={blob.Digest}", CancellationToken.None, blob.Content)) == HttpStatusCode.Created;
            if (!done) continue;
            var tag = string.Create(CultureInfo.InvariantCulture, $"t{number}");
            if (await OciAsync("push", () => oci.PutManifestAsync(Repository, tag, image, CancellationToken.None)) == HttpStatusCode.Created) acknowledged[tag] = image;
        }
    }

    private async Task PullAsync()
    {
        while (!end.IsCancellationRequested)
        {
            foreach (var (tag, image) in acknowledged.Take(3))
            {
                if (await OciAsync("pull", () => oci.GetManifestAsync(Repository, tag, CancellationToken.None)) == HttpStatusCode.ServiceUnavailable) Interlocked.Increment(ref failedReads);
                if (await OciAsync("pull", () => oci.GetBlobAsync(Repository, image.Blobs[0].Digest, CancellationToken.None)) == HttpStatusCode.ServiceUnavailable) Interlocked.Increment(ref failedReads);
            }
        }
    }

    private async Task CallAsync()
    {
        while (!end.IsCancellationRequested)
        {
            await TimeAsync("ecr", async () =>
            {
                using var answer = await ecr.CallAsync("DescribeRepositories", "{}", CancellationToken.None);
                return (answer.Status, answer.ErrorType == "ServerException", answer.Text);
            });
            await TimeAsync("iam", async () =>
            {
                var answer = await IamFixture.SendAsync(server, http, (server.Options.AccessKeyId, server.Options.SecretAccessKey), "ListUsers");
                return (answer.Status, answer.Error == "ServiceUnavailable", answer.ToString());
            });
            await TimeAsync("own", async () =>
            {
                using var answer = await http.GetAsync(new Uri(server.BaseAddress, "longshore/v1/usage"), CancellationToken.None);
                var text = await answer.Content.ReadAsStringAsync(CancellationToken.None);
                // Without credentials: 401 from a server whose database is there.
                return (answer.StatusCode == HttpStatusCode.ServiceUnavailable ? answer.StatusCode : HttpStatusCode.OK, text.Contains("\"ServerError\"", StringComparison.Ordinal), text);
            });
        }
    }

    private Task<HttpStatusCode> OciAsync(string kind, Func<Task<OciResponse>> send) => TimeAsync(kind, async () =>
    {
        var answer = await send();
        var error = (int)answer.Status < 500 ? null : JsonDocument.Parse(answer.Body).RootElement.GetProperty("errors")[0].GetProperty("code").GetString();
        return (answer.Status, error == "UNKNOWN", answer.ToString());
    });

    private async Task<HttpStatusCode> TimeAsync(string kind, Func<Task<(HttpStatusCode Status, bool IsKnownError, string Text)>> send)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            var (status, known, text) = await send();
            answers.AddOrUpdate($"{kind} {(int)status}", 1, static (_, count) => count + 1);
            if ((int)status < 300) Interlocked.Increment(ref good);
            else if (status != HttpStatusCode.ServiceUnavailable || !known) faults.Enqueue($"{kind} {text}");
            // A client that is told to come again does not come at once; and other tests want the machine too.
            await RunForAsync(TimeSpan.FromMilliseconds((int)status >= 500 ? 100 : 10));
            return status;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException or System.Xml.XmlException)
        {
            faults.Enqueue($"{kind}: {e.Message}");
            return 0;
        }
        finally
        {
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            lock (gate) LongestSeconds = Math.Max(LongestSeconds, seconds);
        }
    }
}
