using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Management;

/// <summary>Collection on demand over HTTP: what the dry run says is what then goes.</summary>
[Collection(ManagementCollection.Name)]
public sealed class CollectionApiTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dry_run_names_the_bodies_and_a_collection_frees_them_and_says_so()
    {
        await using var registry = await LiveRegistry.StartAsync(Token, null, "--gc-interval", "1d", "--gc-grace", "0s", "--blob-lease", "1s");
        using var http = new HttpClient { BaseAddress = new Uri(registry.BaseAddress, "/longshore/v1/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + registry.Password)));
        var image = TestImage.Create(1, 3000);
        await registry.Client.PushImageAsync("kept/image", image, "it", Token);
        var garbage = Enumerable.Range(0, 3).Select(i => TestBlob.Random(i, 1000)).ToList();
        foreach (var blob in garbage) await registry.Client.PushBlobAsync("kept/image", blob, Token);
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);

        var shown = await SendAsync(HttpMethod.Post, "collection", """{"dryRun":true}""");
        Assert.Equal((true, 3L, 3000L), (shown.GetProperty("dryRun").GetBoolean(), shown.GetProperty("bodies").GetInt64(), shown.GetProperty("bytes").GetInt64()));
        var (named, next) = (new List<string>(), "");
        while (true)
        {
            var page = await SendAsync(HttpMethod.Get, "collection/candidates?maxResults=2" + next, null);
            named.AddRange(page.GetProperty("bodies").EnumerateArray().Select(b => b.GetProperty("digest").GetString()!));
            if (!page.TryGetProperty("nextToken", out var token)) break;
            next = "&nextToken=" + Uri.EscapeDataString(token.GetString()!);
        }

        Assert.Equal(garbage.Select(b => b.Digest).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
        foreach (var blob in garbage) Assert.Equal(HttpStatusCode.OK, (await registry.Client.HeadBlobAsync("kept/image", blob.Digest, Token)).Status);

        Assert.False((await SendAsync(HttpMethod.Post, "collection", """{"full":true}""")).GetProperty("dryRun").GetBoolean());
        for (var i = 0; ; i++)
        {
            var jobs = (await SendAsync(HttpMethod.Get, "collection", null)).GetProperty("jobs").EnumerateArray().ToList();
            var total = jobs.Single(job => job.GetProperty("name").GetString() == "collection").GetProperty("total");
            if (total.GetProperty("freedBodies").GetInt64() == 3 && total.GetProperty("freedBytes").GetInt64() == 3000 && jobs.TrueForAll(job => !job.GetProperty("running").GetBoolean())) break;
            Assert.True(i < 300, total.ToString());
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        }

        foreach (var blob in garbage) Assert.Equal(HttpStatusCode.NotFound, (await registry.Client.HeadBlobAsync("kept/image", blob.Digest, Token)).Status);
        await registry.Client.VerifyImageAsync("kept/image", image, "it", Token);

        async Task<JsonElement> SendAsync(HttpMethod method, string path, string? body)
        {
            using var request = new HttpRequestMessage(method, path);
            if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await http.SendAsync(request, Token);
            var text = await response.Content.ReadAsStringAsync(Token);
            Assert.True(response.StatusCode == HttpStatusCode.OK, text);
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
    }
}
