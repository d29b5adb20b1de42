using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Trail;

/// <summary>What calls leave in the trail of a real server.</summary>
public sealed class TrailRecordTests
{
    private const string Root = "arn:aws:iam::123456789012:root";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_step_of_a_push_and_a_pull_is_there_under_its_api_name()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        var image = TestImage.Create(7, 5000);
        await registry.Client.PushImageAsync("team/app", image, "v1", Token);
        await registry.Client.VerifyImageAsync("team/app", image, "v1", Token);
        using var listed = await registry.Ecr.CallAsync("ListImages", """{"repositoryName":"team/app"}""", Token);
        var records = await TrailReader.SearchAsync(registry.Server, "repository=team/app&oldestFirst=true", 8, Token);
        var names = records.Select(static record => TrailReader.Text(record, "eventName")).ToList();
        foreach (var name in (string[])["CompleteLayerUpload", "PutImage", "BatchGetImage", "GetDownloadUrlForLayer", "ListImages"]) Assert.Contains(name, names);

        var put = records.Single(static record => TrailReader.Text(record, "eventName") == "PutImage");
        foreach (var (value, path) in (IEnumerable<(string?, string[])>)[
            ("1.11", ["eventVersion"]),
            ("Root", ["userIdentity", "type"]),
            (Root, ["userIdentity", "arn"]),
            ("123456789012", ["userIdentity", "accountId"]),
            (registry.Server.Options.AccessKeyId, ["userIdentity", "accessKeyId"]),
            ("ecr.amazonaws.com", ["eventSource"]),
            ("us-east-1", ["awsRegion"]),
            ("127.0.0.1", ["sourceIPAddress"]),
            ("false", ["readOnly"]),
            ("AwsApiCall", ["eventType"]),
            ("true", ["managementEvent"]),
            ("123456789012", ["recipientAccountId"]),
            ("Management", ["eventCategory"]),
            ("team/app", ["requestParameters", "repositoryName"]),
            ("v1", ["requestParameters", "imageTag"]),
            (image.Digest, ["responseElements", "image", "imageId", "imageDigest"]),
            (image.Digest, ["additionalEventData", "digest"]),
            ("v1", ["additionalEventData", "tag"]),
            ("201", ["additionalEventData", "httpStatus"]),
            (null, ["errorCode"])])
            Assert.Equal(value, TrailReader.Text(put, path));
        Assert.Equal("arn:aws:ecr:us-east-1:123456789012:repository/team/app", TrailReader.Text(put.GetProperty("resources")[0], "ARN"));
        Assert.NotEmpty(TrailReader.Text(put, "requestID")!);
        Assert.True(Guid.TryParse(TrailReader.Text(put, "eventID"), out _));
        Assert.True(DateTimeOffset.TryParse(TrailReader.Text(put, "eventTime"), System.Globalization.CultureInfo.InvariantCulture, out _));
        Assert.Equal(records.Count, records.Select(static record => TrailReader.Text(record, "eventID")).Distinct().Count());

        // A pull by tag tells the digest that it got.
        Assert.Contains(records, record => TrailReader.Text(record, "eventName") == "BatchGetImage" && TrailReader.Text(record, "additionalEventData", "digest") == image.Digest);
        Assert.All(records.Where(static record => TrailReader.Text(record, "readOnly") == "true"), static record => Assert.Equal(JsonValueKind.Null, record.GetProperty("responseElements").ValueKind));
        await TrailReader.VerifyAsync(registry.Server, Token);
    }

    [Fact]
    public async Task Refused_calls_leave_records_too()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        using var wrong = new EcrClient(registry.BaseAddress, registry.Server.Options.AccessKeyId, "wrong-secret");
        using (var refused = await wrong.CallAsync("CreateRepository", """{"repositoryName":"no"}""", Token)) Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        using var nobody = new OciClient(registry.BaseAddress, "AWS", "not-a-token");
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.SendAsync(HttpMethod.Get, "/v2/team/app/manifests/v1", Token)).Status);
        using var http = new HttpClient();
        using (var anonymous = await http.GetAsync(new Uri(registry.BaseAddress, "/v2/team/app/tags/list"), Token)) Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
        using (var unsigned = await http.GetAsync(new Uri(registry.BaseAddress, "/longshore/v1/trail"), Token)) Assert.Equal(HttpStatusCode.Unauthorized, unsigned.StatusCode);

        var records = await TrailReader.SearchAsync(registry.Server, "errors=true&oldestFirst=true", 4, Token);
        // A refusal's record follows its answer, and may come after the record of the next call: in any order, each once.
        Assert.Equal(["BatchGetImage", "CreateRepository", "ListImages", "LookupEvents"], records.Select(static record => TrailReader.Text(record, "eventName")!).Order(StringComparer.Ordinal));
        var (create, pull) = (Named("CreateRepository"), Named("BatchGetImage"));
        Assert.Equal("InvalidSignatureException", TrailReader.Text(create, "errorCode"));
        Assert.Equal(registry.Server.Options.AccessKeyId, TrailReader.Text(create, "userIdentity", "accessKeyId"));
        Assert.Equal("UNAUTHORIZED", TrailReader.Text(pull, "errorCode"));
        Assert.Equal("v1", TrailReader.Text(pull, "additionalEventData", "tag"));
        Assert.All(records, static record => Assert.Equal("Unknown", TrailReader.Text(record, "userIdentity", "type")));

        JsonElement Named(string name) => records.Single(record => TrailReader.Text(record, "eventName") == name);
    }

    [Fact]
    public async Task Denied_calls_of_another_account_name_the_caller_and_the_reason()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        using var answer = await registry.Ecr.CallAsync("DescribeImages", """{"registryId":"210987654321","repositoryName":"theirs"}""", Token);
        Assert.NotEqual(HttpStatusCode.OK, answer.Status);
        var record = Assert.Single(await TrailReader.SearchAsync(registry.Server, "eventName=DescribeImages", 1, Token));
        Assert.Equal("AccessDeniedException", TrailReader.Text(record, "errorCode"));
        Assert.Contains("is not authorized to perform: ecr:DescribeImages", TrailReader.Text(record, "errorMessage"), StringComparison.Ordinal);
        Assert.Equal("210987654321", TrailReader.Text(record, "recipientAccountId"));
        Assert.Equal(Root, TrailReader.Text(record, "userIdentity", "arn"));
        Assert.Equal("theirs", TrailReader.Text(record, "requestParameters", "repositoryName"));
    }

    [Fact]
    public async Task History_names_the_digest_of_a_tag_at_a_time_and_who_pulled_it()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        var (first, second) = (TestImage.Create(1, 300), TestImage.Create(2, 300));
        await registry.Client.PushImageAsync("team/app", first, "latest", Token);
        await registry.Client.GetManifestAsync("team/app", "latest", Token);
        await Task.Delay(TimeSpan.FromSeconds(1.1), TimeProvider.System, Token);
        var between = TimeProvider.System.GetUtcNow().ToString("O", System.Globalization.CultureInfo.InvariantCulture);
        await Task.Delay(TimeSpan.FromSeconds(1.1), TimeProvider.System, Token);
        await registry.Client.PushImageAsync("team/app", second, "latest", Token);
        await registry.Client.GetManifestAsync("team/app", "latest", Token);
        await registry.Client.GetManifestAsync("team/app", first.Digest, Token);
        await TrailReader.SearchAsync(registry.Server, "eventName=BatchGetImage", 3, Token);

        var then = await HistoryAsync(registry.Server, 0, "--at", between);
        Assert.Equal(first.Digest, TrailReader.Text(then, "digest"));
        Assert.Equal(Root, TrailReader.Text(then, "set", "userIdentity", "arn"));
        // The pull by tag before the tag moved, and the one by digest after.
        Assert.Equal(2, then.GetProperty("pulls").GetArrayLength());
        var now = await HistoryAsync(registry.Server, 0);
        Assert.Equal(second.Digest, TrailReader.Text(now, "digest"));
        Assert.Equal(1, now.GetProperty("pulls").GetArrayLength());

        await registry.Ecr.InvokeAsync("BatchDeleteImage", """{"repositoryName":"team/app","imageIds":[{"imageTag":"latest"}]}""", Token);
        await TrailReader.SearchAsync(registry.Server, "eventName=BatchDeleteImage", 1, Token);
        var gone = await HistoryAsync(registry.Server, 1);
        Assert.Null(TrailReader.Text(gone, "digest"));
        Assert.Equal("BatchDeleteImage", TrailReader.Text(gone, "removed", "eventName"));
    }

    [Fact]
    public async Task Nothing_secret_is_in_the_trail_or_the_log()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        var image = TestImage.Create(3, 400);
        await registry.Client.PushImageAsync("team/app", image, "v1", Token);
        var url = (await registry.Ecr.InvokeAsync(
            "GetDownloadUrlForLayer", JsonSerializer.Serialize(new { repositoryName = "team/app", layerDigest = image.Blobs[0].Digest }), Token)).GetProperty("downloadUrl").GetString()!;
        using var http = new HttpClient();
        using (var layer = await http.GetAsync(new Uri(url), Token)) Assert.Equal(HttpStatusCode.OK, layer.StatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(registry.BaseAddress, "/v2/"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:a-secret-that-is-wrong")));
        using (var refused = await http.SendAsync(request, Token)) Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        await TrailReader.SearchAsync(registry.Server, "errors=true", 1, Token);
        await registry.Server.StopAsync(Token);

        var signature = System.Web.HttpUtility.ParseQueryString(new Uri(url).Query).AllKeys.Select(key => System.Web.HttpUtility.ParseQueryString(new Uri(url).Query)[key]!).MaxBy(static value => value.Length)!;
        string[] secrets = [registry.Server.Options.SecretAccessKey, registry.Password, signature, "a-secret-that-is-wrong", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:a-secret-that-is-wrong"))];
        foreach (var file in Directory.EnumerateFiles(Path.Combine(registry.Server.DataDirectory, "trail")))
        {
            var text = file.EndsWith(".gz", StringComparison.Ordinal)
                ? await new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress)).ReadToEndAsync(Token)
                : await File.ReadAllTextAsync(file, Token);
            foreach (var secret in secrets) Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
        }

        foreach (var secret in secrets) Assert.DoesNotContain(secret, registry.Server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_writes_cloudtrail_files_to_a_directory()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        await registry.Client.PushImageAsync("team/app", TestImage.Create(4, 200), "v1", Token);
        await TrailReader.SearchAsync(registry.Server, "eventName=PutImage", 1, Token);
        using var directory = new TemporaryDirectory("export");
        var result = await TrailReader.RunAsync(registry.Server, Token, "export", "--to", directory.Path);
        Assert.True(result.ExitCode == 0, result.ToString());
        var file = Assert.Single(Directory.GetFiles(directory.Path, "*.json.gz", SearchOption.AllDirectories));
        Assert.Matches("/AWSLogs/123456789012/CloudTrail/us-east-1/[0-9]{4}/[0-9]{2}/[0-9]{2}/123456789012_CloudTrail_us-east-1_[0-9]{8}T[0-9]{4}Z_[0-9a-f]{16}\\.json\\.gz$", file);
        using var json = await JsonDocument.ParseAsync(new GZipStream(File.OpenRead(file), CompressionMode.Decompress), cancellationToken: Token);
        Assert.Contains(json.RootElement.GetProperty("Records").EnumerateArray(), static record => TrailReader.Text(record, "eventName") == "PutImage");
    }

    [Fact]
    public async Task Who_is_refused_again_and_again_waits_and_is_shown()
    {
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions { Environment = new Dictionary<string, string?> { ["LONGSHORE_REFUSAL_DELAY"] = "2s" } }, Token);
        using var nobody = new OciClient(server.BaseAddress, "AWS", "not-a-token");
        var slow = TimeSpan.Zero;
        for (var i = 0; i < 13; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.SendAsync(HttpMethod.Get, "/v2/team/app/manifests/v1", Token)).Status);
            slow = TimeProvider.System.GetElapsedTime(began);
        }

        Assert.InRange(slow, TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(5));
        var alert = Assert.Single((await TrailReader.GetAsync(server, "alerts", Token)).GetProperty("alerts").EnumerateArray());
        // Who may is as fast as ever: at least one call of ten, whatever else the machine does.
        var fastest = TimeSpan.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            await TrailReader.GetAsync(server, "alerts", Token);
            fastest = TimeSpan.FromTicks(Math.Min(fastest.Ticks, TimeProvider.System.GetElapsedTime(began).Ticks));
        }

        Assert.InRange(fastest, TimeSpan.Zero, TimeSpan.FromMilliseconds(300));
        Assert.Equal("127.0.0.1", TrailReader.Text(alert, "value"));
        Assert.Equal("address", TrailReader.Text(alert, "source"));
        Assert.Equal("true", TrailReader.Text(alert, "active"));
        Assert.Contains("was refused", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_service_does_itself_is_there_too()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        await registry.Client.PushImageAsync("team/app", TestImage.Create(5, 200), "v1", Token);
        await registry.Ecr.InvokeAsync(
            "StartLifecyclePolicyPreview",
            JsonSerializer.Serialize(new
            {
                repositoryName = "team/app",
                lifecyclePolicyText = """{"rules":[{"rulePriority":1,"description":"all but one","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}""",
            }),
            Token);
        var record = (await TrailReader.SearchAsync(registry.Server, "eventName=DryRunEvent&repository=team/app", 1, Token))[0];
        Assert.Equal("AwsServiceEvent", TrailReader.Text(record, "eventType"));
        Assert.Equal("team/app", TrailReader.Text(record, "serviceEventDetails", "repositoryName"));
        await TrailReader.VerifyAsync(registry.Server, Token);
    }

    [Fact]
    public async Task Export_to_s3_puts_the_same_files_into_a_bucket()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        await registry.Client.PushImageAsync("team/app", TestImage.Create(6, 200), "v1", Token);
        await TrailReader.SearchAsync(registry.Server, "eventName=PutImage", 1, Token);
        await using var bucket = await FakeBucket.StartAsync();
        var result = await TrailReader.RunAsync(registry.Server, new Dictionary<string, string?> { ["AWS_ENDPOINT_URL_S3"] = bucket.Url, ["AWS_S3_ACCESS_KEY_ID"] = null, ["AWS_S3_SECRET_ACCESS_KEY"] = null }, Token, "export", "--to", "s3://audit/long/shore");
        Assert.True(result.ExitCode == 0, result.ToString());
        var (path, (body, authorization)) = Assert.Single(bucket.Objects);
        Assert.StartsWith("/audit/long/shore/AWSLogs/123456789012/CloudTrail/us-east-1/", path, StringComparison.Ordinal);
        Assert.StartsWith("AWS4-HMAC-SHA256 Credential=" + registry.Server.Options.AccessKeyId, authorization, StringComparison.Ordinal);
        using var json = await JsonDocument.ParseAsync(new GZipStream(new MemoryStream(body), CompressionMode.Decompress), cancellationToken: Token);
        Assert.NotEqual(0, json.RootElement.GetProperty("Records").GetArrayLength());
    }

    [Fact]
    public async Task An_export_to_a_real_bucket_is_what_a_directory_gets_and_can_be_repeated()
    {
        var gateway = await S3Gateway.GetAsync();
        await using var registry = await LiveRegistry.StartAsync(Token);
        for (var i = 0; i < 3; i++) await registry.Client.PushImageAsync("team/app", TestImage.Create(60 + i, 200), "v1", Token);
        await TrailReader.SearchAsync(registry.Server, "eventName=PutImage", 3, Token);
        using var directory = new TemporaryDirectory("export");
        var until = TimeProvider.System.GetUtcNow().AddSeconds(1).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        var prefix = $"s3://{S3Gateway.Bucket}/trail-{Guid.NewGuid():N}";
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, Token);
        var environment = new Dictionary<string, string?>(S3Gateway.Environment) { ["AWS_ENDPOINT_URL_S3"] = gateway.Endpoint.GetLeftPart(UriPartial.Authority) };
        foreach (var to in (string[])[directory.Combine("here"), prefix, prefix])
        {
            var result = await TrailReader.RunAsync(registry.Server, environment, Token, "export", "--until", until, "--to", to);
            Assert.True(result.ExitCode == 0, result.ToString());
        }

        await gateway.DownloadAsync(prefix, directory.Combine("there"), Token);
        var here = Files("here");
        Assert.NotEmpty(here);
        Assert.Equal(here, Files("there"));
        foreach (var file in here)
            Assert.Equal(await File.ReadAllBytesAsync(directory.Combine("here", file), Token), await File.ReadAllBytesAsync(directory.Combine("there", file), Token));

        string[] Files(string name) =>
            [.. Directory.GetFiles(directory.Combine(name), "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(directory.Combine(name), path)).Order(StringComparer.Ordinal)];
    }

    private static async Task<JsonElement> HistoryAsync(LongshoreProcess server, int exitCode, params string[] arguments)
    {
        var result = await TrailReader.RunAsync(server, Token, ["history", "--json", "--repository", "team/app", "--tag", "latest", .. arguments]);
        Assert.True(result.ExitCode == exitCode, result.ToString());
        return JsonDocument.Parse(result.StandardOutput).RootElement;
    }
}
