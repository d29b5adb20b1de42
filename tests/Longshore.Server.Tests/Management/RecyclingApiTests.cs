using System.Net;
using System.Text.Json;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Management;

[Collection(ManagementCollection.Name)]
public sealed class RecyclingApiTests(ManagementFixture server)
{
    // A region of its own: retentions belong to a registry.
    private const string Region = "ap-southeast-3";

    [Fact]
    public async Task Deleted_images_are_listed_restored_and_purged()
    {
        Assert.Equal("""{"lifecycleSeconds":604800,"deleteSeconds":0}""", (await server.CallAsync(HttpMethod.Get, "recycle-bin/retention", region: "eu-north-1")).GetRawText());
        Assert.Equal(3600, (await server.CallAsync(HttpMethod.Put, "recycle-bin/retention", new { deleteSeconds = 3600 })).GetProperty("deleteSeconds").GetInt64());
        try
        {
            var name = await server.NewRepositoryAsync();
            var image = await server.PushAsync(name, 1, "v1");
            await server.Oci.PushManifestAsync(name, "v2", image, ManagementFixture.Token);
            var other = await server.PushAsync(name, 2, null);
            await DeleteAsync(name, image, other);

            var found = new List<JsonElement>();
            var token = "";
            do
            {
                var page = await server.CallAsync(HttpMethod.Get, $"recycle-bin?repository={name}&maxResults=1{token}");
                found.AddRange(page.GetProperty("images").EnumerateArray());
                token = page.TryGetProperty("nextToken", out var next) ? "&nextToken=" + Uri.EscapeDataString(next.GetString()!) : "";
            }
            while (token.Length > 0);
            Assert.Equal(new[] { image.Digest, other.Digest }.Order(StringComparer.Ordinal), found.Select(i => i.GetProperty("imageDigest").GetString()));
            var one = await server.CallAsync(HttpMethod.Get, $"recycle-bin/{image.Digest}?repository={name}");
            Assert.Equal("""["v1","v2"]""", one.GetProperty("imageTags").GetRawText());
            Assert.Equal("arn:aws:iam::123456789012:root", one.GetProperty("removedBy").GetString());

            await server.PushAsync(name, 3, "v2");
            var restored = await server.CallAsync(HttpMethod.Post, $"recycle-bin/{image.Digest}/restore?repository={name}");
            Assert.Equal($$"""{"images":[{"imageDigest":"{{image.Digest}}","imageTags":["v1"],"tagsTaken":["v2"]}]}""", restored.GetRawText());
            await server.Oci.VerifyImageAsync(name, image, "v1", ManagementFixture.Token);
            await server.CallAsync(HttpMethod.Delete, $"recycle-bin/{other.Digest}?repository={name}");
            Assert.Equal(0, (await server.CallAsync(HttpMethod.Get, $"recycle-bin?repository={name}")).GetProperty("images").GetArrayLength());
            foreach (var (method, path) in new[] { (HttpMethod.Get, ""), (HttpMethod.Delete, ""), (HttpMethod.Post, "/restore") })
                await server.RefusedAsync(HttpStatusCode.NotFound, "ManifestUnknown", method, $"recycle-bin/{other.Digest}{path}?repository={name}");
        }
        finally
        {
            await server.CallAsync(HttpMethod.Put, "recycle-bin/retention", new { });
        }
    }

    [Fact]
    public async Task What_is_not_understood_is_refused()
    {
        var name = await server.NewRepositoryAsync();
        await server.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, $"recycle-bin/none?repository={name}");
        await server.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, "recycle-bin");
        await server.RefusedAsync(HttpStatusCode.NotFound, "RepositoryNotFound", HttpMethod.Get, "recycle-bin?repository=no/such");
        foreach (var seconds in new[] { -1, 31_536_001, long.MaxValue })
            await server.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Put, "recycle-bin/retention", new { lifecycleSeconds = seconds }, Region);
    }

    private Task<JsonElement> DeleteAsync(string name, params TestManifest[] images) => server.Ecr.InvokeAsync(
        "BatchDeleteImage",
        JsonSerializer.Serialize(new { repositoryName = name, imageIds = images.Select(i => new { imageDigest = i.Digest }) }),
        ManagementFixture.Token);
}
