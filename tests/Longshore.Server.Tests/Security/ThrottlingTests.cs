using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Longshore.Server.Aws;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Security;

/// <summary>Too many calls, and too much of a call: refused in the words of each protocol, and of no harm to others.</summary>
public sealed class ThrottlingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_face_says_in_its_own_words_that_the_rate_is_exceeded()
    {
        await using var registry = await LiveRegistry.StartAsync(Token, null, "--rate-limit", "1");
        await ExpectAsync(HttpStatusCode.TooManyRequests, "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"Rate exceeded\"}]}", () => SendAsync(registry, "GET", "v2/_catalog"), retryAfter: true);
        await ExpectAsync(HttpStatusCode.TooManyRequests, "\"code\":\"TooManyRequests\",\"message\":\"Rate exceeded\"", () => SendAsync(registry, "GET", "longshore/v1/settings"), retryAfter: true);
        for (var i = 0; ; i++)
        {
            using var answer = await registry.Ecr.CallAsync("DescribeRepositories", "{}", Token);
            if (answer.Status == HttpStatusCode.OK)
            {
                Assert.True(i < 100);
                continue;
            }

            Assert.Equal((HttpStatusCode.BadRequest, "ThrottlingException"), (answer.Status, answer.ErrorType));
            break;
        }

        await ExpectAsync(HttpStatusCode.BadRequest, "<Code>Throttling</Code><Message>Rate exceeded</Message>", () => SendFormAsync(registry, "sts", "Action=GetCallerIdentity&Version=2011-06-15"));
        await ExpectAsync(HttpStatusCode.BadRequest, "<Code>Throttling</Code><Message>Rate exceeded</Message>", () => SendFormAsync(registry, "iam", "Action=ListUsers&Version=2010-05-08"));
    }

    [Fact]
    public async Task ECRs_quota_of_PutImage_holds_and_others_have_their_own()
    {
        await using var registry = await LiveRegistry.StartAsync(Token, null, "--rate-limit", "ecr");
        var refused = 0;
        for (var i = 0; i < 60; i++)
        {
            using var answer = await registry.Ecr.CallAsync("PutImage", """{"repositoryName":"none","imageManifest":"{}"}""", Token);
            if (answer.ErrorType == "ThrottlingException") refused++;
        }

        Assert.InRange(refused, 1, 50);
        using var other = await registry.Ecr.CallAsync("DescribeRepositories", "{}", Token);
        Assert.Equal(HttpStatusCode.OK, other.Status);
    }

    [Fact]
    public void Memory_of_bodies_is_bounded_and_given_back()
    {
        var memory = new BodyMemory(1000);
        Assert.True(memory.TryTake(600));
        Assert.False(memory.TryTake(401));
        Assert.True(memory.TryTake(400));
        memory.Return(600);
        Assert.Equal(400, memory.Used);
    }

    [Fact]
    public async Task Bodies_of_strangers_are_refused_before_they_are_sent()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        string[] heads =
        [
            "", "Authorization: AWS4-HMAC-SHA256 nonsense\r\n",
            $"Authorization: AWS4-HMAC-SHA256 Credential=AKIASTRANGER00000000/20260101/us-east-1/ecr/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature={new string('0', 64)}\r\nX-Amz-Date: 20260101T000000Z\r\n",
            $"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20200101/us-east-1/ecr/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature={new string('0', 64)}\r\nX-Amz-Date: 20200101T000000Z\r\n",
            $"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature={new string('0', 64)}\r\nX-Amz-Date: 20260101T000000Z\r\n",
        ];
        foreach (var head in heads)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.BaseAddress.Host, server.BaseAddress.Port, Token);
            // 30 MiB are announced, and none is sent: the answer comes all the same.
            await client.GetStream().WriteAsync(
                Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonEC2ContainerRegistry_V20150921.UploadLayerPart\r\n{head}Content-Length: 31457280\r\n\r\n"), Token);
            var buffer = new byte[4096];
            var read = await client.GetStream().ReadAsync(buffer, Token).AsTask().WaitAsync(TimeSpan.FromSeconds(4), Token);
            Assert.StartsWith("HTTP/1.1 400 ", Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Bodies_that_nobody_vouches_for_fill_no_more_memory_than_there_is_for_them()
    {
        // As in a container of 256 MiB: then 64 are for such bodies.
        var options = new LongshoreOptions { Environment = new Dictionary<string, string?> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" } };
        await using var server = await LongshoreProcess.StartAsync(options, Token);
        using var ecr = new EcrClient(server.BaseAddress, options.AccessKeyId, options.SecretAccessKey);
        // A key id is no secret: whoever knows one can have bodies of 32 MiB read. They stop a byte before their end.
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{DateTime:yyyyMMdd}/us-east-1/ecr/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature={new string('0', 64)}\r\nX-Amz-Date: {DateTime:yyyyMMdd'T'HHmmss'Z'}\r\n");
        var body = new byte[32_000_000];
        var floods = new List<Task<(TcpClient Client, Task<string> Answer)>>();
        for (var i = 0; i < 5; i++) floods.Add(FloodAsync(server.BaseAddress, head, body));
        var running = await Task.WhenAll(floods);
        var answered = await Task.WhenAll(running.Where(flood => flood.Answer.IsCompleted).Select(flood => flood.Answer));
        Assert.NotEmpty(answered);
        Assert.All(answered, answer => Assert.True(answer.Contains("ThrottlingException", StringComparison.Ordinal), answer + server.Output));
        // Small bodies have room of their own.
        using (var meanwhile = await ecr.CallAsync("DescribeRepositories", "{}", Token)) Assert.Equal(HttpStatusCode.OK, meanwhile.Status);
        foreach (var (client, _) in running) client.Dispose();
        for (var attempt = 0; ; attempt++)
        {
            var (client, answer) = await FloodAsync(server.BaseAddress, head, body);
            var free = !answer.IsCompleted;
            client.Dispose();
            if (free) break;
            Assert.True(attempt < 50, "The memory was not given back.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        }
    }

    private static DateTime DateTime => TimeProvider.System.GetUtcNow().UtcDateTime;

    private static async Task<(TcpClient Client, Task<string> Answer)> FloodAsync(Uri server, string head, byte[] body)
    {
        var client = new TcpClient();
        await client.ConnectAsync(server.Host, server.Port, Token);
        var stream = client.GetStream();
        var answer = ReadAsync(stream);
        try
        {
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonEC2ContainerRegistry_V20150921.UploadLayerPart\r\n{head}Content-Length: {body.Length}\r\n\r\n")), Token);
            await stream.WriteAsync(body.AsMemory(0, body.Length - 1), Token);
        }
        catch (IOException)
        {
            // Refused while we were still sending.
        }

        await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, Token));
        return (client, answer);
    }

    private static async Task<string> ReadAsync(NetworkStream stream)
    {
        try
        {
            var buffer = new byte[8192];
            var read = await stream.ReadAsync(buffer, Token);
            return Encoding.ASCII.GetString(buffer, 0, read);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            return "";
        }
    }

    private static async Task ExpectAsync(HttpStatusCode status, string text, Func<Task<HttpResponseMessage>> send, bool retryAfter = false)
    {
        for (var i = 0; i < 100; i++)
        {
            using var answer = await send();
            if (answer.StatusCode == HttpStatusCode.OK) continue;
            Assert.Equal(status, answer.StatusCode);
            Assert.Contains(text, await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
            if (retryAfter) Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter!.Delta);
            return;
        }

        Assert.Fail("A hundred calls at once were all taken.");
    }

    private static async Task<HttpResponseMessage> SendAsync(LiveRegistry registry, string method, string path)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(registry.BaseAddress, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + registry.Password)));
        return await http.SendAsync(request, Token);
    }

    private static async Task<HttpResponseMessage> SendFormAsync(LiveRegistry registry, string service, string form)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, registry.BaseAddress);
        request.Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded");
        var options = new LongshoreOptions();
        new AwsSigner(options.AccessKeyId, options.SecretAccessKey, "us-east-1", service, TimeProvider.System).Sign(request, Encoding.UTF8.GetBytes(form));
        return await http.SendAsync(request, Token);
    }
}
