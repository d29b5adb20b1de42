using System.Net;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Hosting;

/// <summary>The server with its bodies in a bucket.</summary>
public sealed class S3ServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_bucket_that_goes_away_and_comes_back_costs_no_restart()
    {
        var gateway = await S3Gateway.GetAsync();
        await using var proxy = new FaultProxy(gateway.Endpoint);
        var url = gateway.NewUrl(proxy.Address);
        await using var registry = await LiveRegistry.StartAsync(Token, null, "--blobs", url);
        var image = TestImage.Create(1, 3_000_000, 70_000);
        await registry.Client.PushImageAsync("some/images", image, "it", Token);
        using var http = new HttpClient { BaseAddress = registry.BaseAddress };

        proxy.Away = true;
        using (var unready = await http.GetAsync(new Uri("readyz", UriKind.Relative), Token))
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "not ready: blob store\n"), (unready.StatusCode, await unready.Content.ReadAsStringAsync(Token)));
        var refused = await registry.Client.GetBlobAsync("some/images", image.Blobs[0].Digest, Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.Status);
        Assert.Equal("5", refused.Header("Retry-After"));

        proxy.Away = false;
        using (var ready = await http.GetAsync(new Uri("readyz", UriKind.Relative), Token)) Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        await registry.Client.VerifyImageAsync("some/images", image, "it", Token);
        await registry.ExpectUsableAsync(Token);
        Assert.Equal(0, await registry.Server.StopAsync(Token));
        await registry.VerifyAsync(Token, "--blobs", url);
    }

    [Fact]
    public async Task A_server_that_starts_without_its_bucket_is_ready_when_the_bucket_is_there_and_with_another_prefix_it_does_not_start()
    {
        var gateway = await S3Gateway.GetAsync();
        await using var proxy = new FaultProxy(gateway.Endpoint) { Away = true };
        using var directory = new TemporaryDirectory("late");
        LongshoreOptions Options(string url) => new() { DataDirectory = directory.Combine("data"), Arguments = ["--create-on-push", "--blobs", url], Environment = S3Gateway.Environment };
        var starting = LongshoreProcess.StartAsync(Options(gateway.NewUrl(proxy.Address)), Token);
        await Task.Delay(TimeSpan.FromSeconds(8), TimeProvider.System, Token);
        Assert.False(starting.IsCompleted);
        proxy.Away = false;
        await using (var server = await starting)
        {
            using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
            var (user, password) = await ecr.GetLoginAsync(Token);
            using var client = new OciClient(server.BaseAddress, user, password);
            await client.PushImageAsync("some/images", TestImage.Create(4, 70_000), "it", Token);
            Assert.Equal(0, await server.StopAsync(Token));
        }

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => LongshoreProcess.StartAsync(Options(gateway.NewUrl()), Token));
        Assert.Contains("ended with code 5", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--blobs s3://longshore-tests/", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Large_bodies_are_fetched_from_a_public_bucket_and_no_url_of_one_is_logged()
    {
        var gateway = await S3Gateway.GetAsync();
        var elsewhere = $"http://localhost:{gateway.Endpoint.Port}";
        await using var registry = await LiveRegistry.StartAsync(Token, null, "--log-level", "trace", "--blobs", gateway.NewUrl(null, $"&public-endpoint={elsewhere}"));
        var image = TestImage.Create(2, 3_000_000, 70_000);
        await registry.Client.PushImageAsync("some/images", image, "it", Token);
        var large = image.Blobs.Single(static blob => blob.Content.Length >= 3_000_000);
        var small = image.Blobs.First(static blob => blob.Content.Length < 1 << 20);
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var http = new HttpClient(handler) { BaseAddress = registry.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"AWS:{registry.Password}")));

        using var moved = await http.GetAsync(new Uri($"v2/some/images/blobs/{large.Digest}", UriKind.Relative), Token);
        Assert.Equal(HttpStatusCode.TemporaryRedirect, moved.StatusCode);
        Assert.StartsWith(elsewhere, moved.Headers.Location!.AbsoluteUri, StringComparison.Ordinal);
        Assert.Contains("X-Amz-Expires=900", moved.Headers.Location.Query, StringComparison.Ordinal);
        using var anybody = new HttpClient();
        Assert.Equal(large.Content, await anybody.GetByteArrayAsync(moved.Headers.Location, Token));

        using var served = await http.GetAsync(new Uri($"v2/some/images/blobs/{small.Digest}", UriKind.Relative), Token);
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"v2/some/images/blobs/{large.Digest}"), Token);
        Assert.Equal((HttpStatusCode.OK, 3_000_000L), (head.StatusCode, head.Content.Headers.ContentLength >= 3_000_000 ? 3_000_000L : 0));
        await registry.Server.StopAsync(Token);
        var signature = System.Web.HttpUtility.ParseQueryString(moved.Headers.Location.Query)["X-Amz-Signature"]!;
        Assert.DoesNotContain(signature, registry.Server.Output, StringComparison.Ordinal);
        foreach (var file in Directory.EnumerateFiles(registry.Server.DataDirectory, "*", SearchOption.AllDirectories))
            Assert.DoesNotContain(signature, System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_acknowledged_before_a_kill_is_there_after_it()
    {
        var gateway = await S3Gateway.GetAsync();
        await using var registry = await LiveRegistry.StartAsync(Token, null, "--blobs", gateway.NewUrl());
        var blob = TestBlob.Random(3, 25_000_000);
        var begun = await registry.Client.SendAsync(HttpMethod.Post, "/v2/some/images/blobs/uploads/", Token);
        Assert.Equal(HttpStatusCode.Accepted, begun.Status);
        var location = begun.Header("Location")!;
        for (var at = 0; at < blob.Content.Length;)
        {
            var length = Math.Min(9_000_000, blob.Content.Length - at);
            using var request = new HttpRequestMessage(HttpMethod.Patch, new Uri(registry.BaseAddress, location));
            request.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"AWS:{registry.Password}")));
            request.Content = new ByteArrayContent(blob.Content.ToArray(), at, length);
            request.Content.Headers.TryAddWithoutValidation("Content-Range", $"{at}-{at + length - 1}");
            using var http = new HttpClient();
            using var answer = await http.SendAsync(request, Token);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            location = answer.Headers.Location!.OriginalString;
            at += length;
            await registry.Server.KillAsync();
            await registry.Server.RestartAsync(samePort: true, Token);
        }

        using var put = new HttpRequestMessage(HttpMethod.Put, new Uri(registry.BaseAddress, $"{location}?digest={Uri.EscapeDataString(blob.Digest)}"));
        put.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"AWS:{registry.Password}")));
        using var client = new HttpClient();
        using var done = await client.SendAsync(put, Token);
        Assert.Equal(HttpStatusCode.Created, done.StatusCode);
        Assert.Equal(blob.Content, (await registry.Client.GetBlobAsync("some/images", blob.Digest, Token)).Body);
    }
}
