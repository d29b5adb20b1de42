using System.Globalization;
using System.Net;
using System.Text;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.BadInput;

/// <summary>What no HTTP library sends: paths that climb, bodies that break off, headers without end, strange credentials, random damage.</summary>
[Collection(StressCollection.Name)]
public sealed class BadConnectionTests(LiveRegistryFixture fixture) : IClassFixture<LiveRegistryFixture>, IAsyncDisposable
{
    private const string Repository = "bad/wire";

    private readonly LiveRegistry _registry = fixture.Registry;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Authorization => "Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + _registry.Password)) + "\n";

    public async ValueTask DisposeAsync()
    {
        await _registry.ExpectUsableAsync(Token);
        _registry.ExpectNoFailuresInLog();
        await _registry.VerifyAsync(Token);
    }

    [Fact]
    public async Task No_part_of_a_path_leads_out_of_the_store()
    {
        var image = TestImage.Create(1, 100);
        await _registry.Client.PushImageAsync(Repository, image, "it", Token);
        string[] climbs =
        [
            "..", "../..", "../../../longshore.db", "../../lock", "%2e%2e", "%2e%2e%2f", "%2e%2e%2flongshore.db", "..%2f..%2flock", "%2E%2E/%2E%2E/lock", ".%2e", "%2e.",
            "%252e%252e%252f", "..%252f..%252flock", "..\\..\\lock", "..%5c..%5clock", "%5c", "%00", "it%00", "%00/../lock", "..%00/", "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd",
            "file:///etc/passwd", "..;/lock", "..%c0%af..%c0%aflock", "%c0%ae%c0%ae/", "%uff0e%uff0e/", "....//....//lock", "~root", "$HOME", "`id`", "|id", "%0d%0aX-Injected:%20yes",
            "%", "%2", "%zz", "%ff%fe", new string('a', 5_000), string.Concat(Enumerable.Repeat("../", 1_000)), string.Concat(Enumerable.Repeat("%2e%2e%2f", 1_000)),
        ];
        string[] places =
        [
            "/{0}", "/v2/{0}", "/v2/{0}/tags/list", "/v2/{0}/manifests/it", "/v2/bad/{0}/manifests/it", "/v2/bad/wire/manifests/{0}", "/v2/bad/wire/blobs/{0}", "/v2/bad/wire/blobs/sha256:{0}",
            "/v2/bad/wire/blobs/uploads/{0}", "/v2/bad/wire/referrers/{0}", "/v2/bad/wire/{0}", "/v2/bad/wire/blobs/uploads/?digest={0}", "/v2/bad/wire/blobs/uploads/?mount={0}&from={0}",
            "/v2/bad/wire/tags/list?last={0}", "http://registry/v2/{0}/tags/list", "/healthz/{0}",
        ];
        var tried = 0;
        await InParallelAsync(
            from climb in climbs from place in places from method in (string[])["GET", "PUT", "DELETE", "POST", "PATCH", "HEAD"] select (climb, place, method),
            async request =>
            {
                var target = string.Format(CultureInfo.InvariantCulture, request.place, request.climb);
                // A list that begins after any text, and sessions that a POST opens for want of a mount, are right answers.
                var answer = await SendAsync(RawHttp.Request($"{request.method} {target} HTTP/1.1", Authorization + "Content-Length: 2\n", "{}"));
                var status = Assert.Single(RawHttp.Statuses(answer));
                var harmless = request.place.Contains('?', StringComparison.Ordinal) || target.StartsWith("/healthz", StringComparison.Ordinal);
                Assert.True(status is >= 400 and < 500 || harmless && status is 200 or 201 or 202, $"{request.method} {target}: {answer}");
                Assert.DoesNotContain("root:", answer, StringComparison.Ordinal);
                Assert.DoesNotContain("SQLite", answer, StringComparison.Ordinal);
                Assert.DoesNotContain("\nX-Injected", answer, StringComparison.OrdinalIgnoreCase);
                Interlocked.Increment(ref tried);
            });
        Assert.Equal(climbs.Length * places.Length * 6, tried);
        await _registry.Client.VerifyImageAsync(Repository, image, "it", Token);
        Assert.All(
            Directory.EnumerateFileSystemEntries(_registry.Server.DataDirectory).Select(Path.GetFileName),
            name => Assert.Contains(name, (string[])["archive", "blobs", "credentials", "lock", "longshore.db", "longshore.db-shm", "longshore.db-wal", "reserve", "sealing.key", "server-id", "trail"]));
    }

    [Fact]
    public async Task Bodies_that_break_off_leave_nothing_and_the_upload_where_it_was()
    {
        var blob = TestBlob.Random(2, 300_000);
        var image = TestImage.Create(3, 100);
        foreach (var part in image.Blobs) await _registry.Client.PushBlobAsync(Repository, part, Token);
        var upload = await _registry.Client.StartUploadAsync(Repository, Token);
        await _registry.Client.PatchChunkAsync(upload, 0, blob.Content[..100_000], Token);
        var rest = Encoding.Latin1.GetString(blob.Content.AsSpan(100_000, 50_000));
        var whole = Encoding.Latin1.GetString(blob.Content.AsSpan(0, 299_999));
        var manifest = Encoding.Latin1.GetString(image.Content);
        (string Line, string Body, int Length)[] broken =
        [
            ($"PATCH {upload.AbsolutePath} HTTP/1.1", rest, 200_000), ($"PUT {upload.AbsolutePath}?digest={blob.Digest} HTTP/1.1", rest, 200_000),
            ($"POST /v2/{Repository}/blobs/uploads/?digest={blob.Digest} HTTP/1.1", whole, 300_000), ($"PUT /v2/{Repository}/manifests/cut HTTP/1.1", manifest[..^5], manifest.Length),
            ($"PUT /v2/{Repository}/manifests/cut HTTP/1.1", "", manifest.Length), ("POST / HTTP/1.1", "{\"a\":", 100),
        ];
        foreach (var (line, body, length) in broken)
        {
            string[] framings =
            [
                RawHttp.Show(RawHttp.Request(line, Authorization + $"Content-Length: {length}\n")),
                RawHttp.Show(RawHttp.Request(line, Authorization + "Transfer-Encoding: chunked\n")) + $"{length:x}\r\n",
            ];
            foreach (var framing in framings)
            {
                foreach (var half in (bool[])[true, false])
                {
                    var bytes = Encoding.Latin1.GetBytes(framing + body);
                    if (half)
                    {
                        var answer = await SendAsync(bytes, incomplete: true);
                        Assert.False(RawHttp.Statuses(answer).Any(status => status is < 400 or >= 500), $"{framing}\n\n{answer}");
                    }
                    else
                    {
                        await RawHttp.CutAsync(_registry.BaseAddress, bytes, Token);
                    }
                }
            }
        }

        foreach (var chunk in (string[])["zz\r\n", "-1\r\n", "ffffffffffffffff\r\n", "7fffffffffffffff\r\nabc", "5\r\nabcdefgh\r\n0\r\n\r\n", "5;" + new string('x', 50_000) + "\r\n", "\r\n\r\n"])
        {
            var answer = await SendAsync(Encoding.Latin1.GetBytes(
                RawHttp.Show(RawHttp.Request($"PATCH {upload.AbsolutePath} HTTP/1.1", Authorization + "Transfer-Encoding: chunked\n")) + chunk), incomplete: true);
            Assert.False(RawHttp.Statuses(answer).Any(status => status is < 400 or >= 500), $"{chunk[..Math.Min(50, chunk.Length)]}: {answer}");
        }

        var where = await StatusOnceFreeAsync(upload);
        Assert.Equal("0-99999", where.Header("Range"));
        Assert.Equal(HttpStatusCode.NotFound, (await _registry.Client.HeadBlobAsync(Repository, blob.Digest, Token)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await _registry.Client.GetManifestAsync(Repository, "cut", Token)).Status);
        Assert.Equal(HttpStatusCode.Created, (await _registry.Client.FinishUploadAsync(upload, blob.Digest, Token, blob.Content[100_000..])).Status);
        LiveRegistry.Same(blob.Content, (await _registry.Client.GetBlobAsync(Repository, blob.Digest, Token)).Body);
    }

    [Fact]
    public async Task Credentials_of_every_wrong_kind_are_refused_on_every_face()
    {
        string Basic(string text) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
        var signature = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/ecr/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + new string('0', 64);
        string[] wrong =
        [
            "", " ", "Basic", "Basic ", "Basic !!!!", "Basic " + new string('A', 20_000), Basic(""), Basic(":"), Basic("AWS"), Basic("AWS:"), Basic(":" + _registry.Password),
            Basic("root:" + _registry.Password), Basic("AWS:" + _registry.Password + "x"), Basic("AWS:" + _registry.Password[1..]), Basic("AWS:" + _registry.Password.ToLowerInvariant()),
            Basic("AWS:\0"), Basic("AWS:" + new string('a', 3_000)), Basic("\u00ff\u00fe:x"), "Bearer", "Bearer ", "Bearer x", "Bearer " + new string('e', 9_000), "Bearer a.b.c",
            "Digest username=\"AWS\"", "Negotiate YIIJ", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", signature, signature.Replace("us-east-1", "%00", StringComparison.Ordinal),
            signature[..^1], signature + "0", signature.Replace("host;", "", StringComparison.Ordinal), signature.Replace("SignedHeaders=", "SignedHeaders=;;;", StringComparison.Ordinal),
            signature.Replace("20260101", "99999999", StringComparison.Ordinal), signature.Replace("/aws4_request", "", StringComparison.Ordinal), signature.Replace(",", "", StringComparison.Ordinal),
            signature + ", " + signature, "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=", "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature=", "AWS4-ECDSA-P256-SHA256 x",
            "AWS AKIAIOSFODNN7EXAMPLE:abc", "\u00e4\u00f6\u00fc", "\"", "null", "Basic\tQVdTOng=", "basic " + new string('=', 100),
        ];
        var target = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRepositories\nContent-Type: application/x-amz-json-1.1\n";
        foreach (var credentials in wrong)
        {
            foreach (var date in (string[])["", "X-Amz-Date: 20260101T000000Z\n", "X-Amz-Date: never\n", "X-Amz-Date: 99991231T235959Z\nX-Amz-Content-Sha256: zz\n"])
            {
                var registry = await SendAsync(RawHttp.Request("GET /v2/ HTTP/1.1", $"Authorization: {credentials}\n{date}"));
                Assert.True(RawHttp.Statuses(registry) is [401 or 400 or 403 or 431], $"{credentials}: {registry}");
                var ecr = await SendAsync(RawHttp.Request("POST / HTTP/1.1", $"Authorization: {credentials}\n{date}{target}Content-Length: 2\n", "{}"));
                Assert.True(RawHttp.Statuses(ecr) is [>= 400 and < 500], $"{credentials}: {ecr}");
                var sts = await SendAsync(RawHttp.Request(
                    "POST / HTTP/1.1", $"Authorization: {credentials}\n{date}Content-Type: application/x-www-form-urlencoded\nContent-Length: 43\n", "Action=GetCallerIdentity&Version=2011-06-15"));
                Assert.True(RawHttp.Statuses(sts) is [>= 400 and < 500], $"{credentials}: {sts}");
            }
        }

        var twice = await SendAsync(RawHttp.Request("GET /v2/ HTTP/1.1", Authorization + Authorization));
        Assert.True(RawHttp.Statuses(twice) is [400 or 401], twice);
    }

    [Fact]
    public async Task Headers_without_end_are_refused()
    {
        var many = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"X-H{i}: {i}\n"));
        string[] bombs =
        [
            many, "X-Long: " + new string('a', 1_000_000) + "\n", new string('n', 100_000) + ": x\n", "Cookie: " + string.Concat(Enumerable.Repeat("a=b; ", 20_000)) + "\n",
            string.Concat(Enumerable.Repeat("X-Same: y\n", 3_000)), "Range: bytes=" + string.Join(',', Enumerable.Range(0, 3_000).Select(i => $"{i}-{i}")) + "\n",
            "If-None-Match: " + string.Concat(Enumerable.Repeat("\"x\",", 5_000)) + "\n", "Accept: " + string.Concat(Enumerable.Repeat("*/*,", 6_000)) + "\n",
            "Transfer-Encoding: gzip, chunked\n", "Transfer-Encoding: chunked\nContent-Length: 5\n", "Content-Length: 5\nContent-Length: 6\n", "Content-Length: 99999999999999999999\n",
            "Content-Length: -1\n", "Content-Length: +5\n", "Content-Length: 5,5\n", "Expect: 200-ok\n", "Host: other\n", ": novalue\n", " folded: x\n", "Bad Name: x\n", "X: \u0000\n", "Upgrade: h2c\nConnection: Upgrade\n",
        ];
        foreach (var bomb in bombs)
        {
            foreach (var line in (string[])[$"GET /v2/{Repository}/tags/list HTTP/1.1", $"PUT /v2/{Repository}/manifests/x HTTP/1.1", "POST / HTTP/1.1", "GET /healthz HTTP/1.1"])
            {
                var answer = await SendAsync(RawHttp.Request(line, Authorization + bomb), incomplete: true);
                Assert.DoesNotContain(RawHttp.Statuses(answer), status => status >= 500 && status != 501);
            }
        }

        foreach (var line in (string[])["GET /" + new string('a', 100_000) + " HTTP/1.1", "GET /v2/ HTTP/1.1 HTTP/1.1", "GET  /v2/ HTTP/1.1", "G\u0000T /v2/ HTTP/1.1", "GET /v2/ HTTP/3.0", "GET * HTTP/1.1", "CONNECT registry:80 HTTP/1.1", "OPTIONS * HTTP/1.1", "TRACE /v2/ HTTP/1.1", new string('M', 5_000) + " / HTTP/1.1", "GET http://[::1 HTTP/1.1", "GET /v2/\u00e4 HTTP/1.1", "get /v2/ http/1.1"])
        {
            var answer = await SendAsync(RawHttp.Request(line, Authorization), incomplete: true);
            // 505: the version is none of ours. That is what the status is for.
            Assert.DoesNotContain(RawHttp.Statuses(answer), status => status >= 500 && status != 505);
        }
    }

    [Fact]
    public async Task Two_thousand_damaged_requests_get_no_500()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LONGSHORE_FUZZ_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : 20_260_101;
        var corpus = await FuzzCorpus.CreateAsync(_registry.Client, Repository, Authorization, Token);
        var statuses = new int[1000];
        await InParallelAsync(
            Enumerable.Range(0, 2_000),
            async i =>
            {
                var request = RequestMutator.Mutate(corpus, new Random(unchecked((seed * 31) + i)));
                var answer = await SendAsync(request, incomplete: true);
                foreach (var status in RawHttp.Statuses(answer))
                {
                    Assert.True(status < 500 || status is 501 or 505, $"Seed {seed}, request {i}:\n{RawHttp.Show(request)}\n\n{answer}");
                    Interlocked.Increment(ref statuses[status]);
                }
            });
        var told = string.Join(", ", Enumerable.Range(0, 1000).Where(status => statuses[status] > 0).Select(status => $"{statuses[status]} x {status}"));
        TestContext.Current.TestOutputHelper?.WriteLine(told);
        // Damage that leaves many requests whole enough to be understood is what finds something.
        Assert.True(statuses[200] + statuses[201] + statuses[202] + statuses[404] > 300, told);
    }

    [Fact]
    public async Task Damaged_documents_with_good_signatures_get_no_500()
    {
        foreach (var operation in FuzzCorpus.EcrRequests.Keys)
        {
            foreach (var json in BadJson.All)
            {
                using var answer = await _registry.Ecr.CallAsync(operation, json, Token);
                Assert.True((int)answer.Status is >= 400 and < 500 || json.Trim().Length == 0, $"{operation} {json[..Math.Min(100, json.Length)]}: {answer}");
                if (answer.Status != HttpStatusCode.OK) Assert.NotNull(answer.ErrorType);
            }
        }

        foreach (var target in (string[])["", ".", "x", "AmazonEC2ContainerRegistry_V20150921", "AmazonEC2ContainerRegistry_V20150921.", "a.b.c", new string('t', 3_000), "AmazonEC2ContainerRegistry_V20150921.createrepository"])
        {
            using var answer = await _registry.Ecr.CallAsync("", "{}", Token, target);
            Assert.True((int)answer.Status is >= 400 and < 500, $"{target}: {answer}");
        }

        var random = new Random(7);
        for (var i = 0; i < 600; i++)
        {
            var (operation, json) = FuzzCorpus.EcrRequests.ElementAt(random.Next(FuzzCorpus.EcrRequests.Count));
            var damaged = RequestMutator.MutateJson(json, random);
            using var answer = await _registry.Ecr.CallAsync(operation, damaged, Token);
            Assert.True((int)answer.Status < 500, $"{operation} {damaged}: {answer}");
        }
    }

    private Task<string> SendAsync(ReadOnlyMemory<byte> request, bool incomplete = false) =>
        RawHttp.ExchangeAsync(_registry.BaseAddress, request, Token, incomplete);

    /// <summary>The upload's status, once the server has seen that the last of the broken connections is gone.</summary>
    private async Task<OciResponse> StatusOnceFreeAsync(Uri upload)
    {
        for (var attempt = 0; ; attempt++)
        {
            // An empty chunk is refused while another request has the upload, and moves nothing.
            var free = await _registry.Client.SendAsync(HttpMethod.Patch, upload.AbsoluteUri, Token, []);
            if (free.Status == HttpStatusCode.Accepted) return await _registry.Client.SendAsync(HttpMethod.Get, upload.AbsoluteUri, Token);
            Assert.True(attempt < 100, free.ToString());
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
        }
    }

    private static Task InParallelAsync<T>(IEnumerable<T> items, Func<T, Task> work) =>
        Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Token }, async (item, _) => await work(item));
}
