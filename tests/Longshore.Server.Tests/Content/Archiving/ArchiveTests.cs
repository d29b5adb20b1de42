using System.Net;
using System.Text.Json;
using Longshore.Server.Tests.Ecr;
using Longshore.Server.Tests.TestSupport;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Content.Archiving;

/// <summary>The archive over the wire: a real server, its files on disk.</summary>
public sealed class ArchiveTests(EcrFixture fixture) : IClassFixture<EcrFixture>
{
    private static CancellationToken Token => EcrFixture.Token;

    [Fact]
    public async Task An_archived_image_cannot_be_pulled_its_bodies_move_and_a_restore_brings_both_back()
    {
        var name = await fixture.NewRepositoryAsync();
        var (cold, warm) = (Image(1), Image(2));
        await fixture.Oci.PushImageAsync(name, cold, "cold", Token);
        await fixture.Oci.PushImageAsync(name, warm, "warm", Token);

        Assert.Equal("ARCHIVED", (await UpdateAsync(name, cold.Digest, "ARCHIVE")).GetProperty("imageStatus").GetString());
        Assert.Equal(HttpStatusCode.NotFound, (await fixture.Oci.GetManifestAsync(name, "cold", Token)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await fixture.Oci.HeadManifestAsync(name, cold.Digest, Token)).Status);
        var failed = await fixture.CallAsync("BatchGetImage", new { repositoryName = name, imageIds = new[] { new { imageDigest = cold.Digest } } });
        Assert.Equal("ImageNotFound", failed.GetProperty("failures")[0].GetProperty("failureCode").GetString());
        Assert.Equal([warm.Digest], await DescribeAsync(name, null));
        Assert.Equal([cold.Digest], await DescribeAsync(name, "ARCHIVED"));
        Assert.Equal(2, (await DescribeAsync(name, "ANY")).Count);
        Assert.Equal(["warm"], await fixture.Oci.ListTagsAsync(name, Token));

        // The layer that only the archived image names moves; the one that both name stays.
        var own = cold.Blobs[^1].Digest;
        var shared = cold.Blobs[1].Digest;
        await UntilAsync(() => Task.FromResult(InArchive(own)));
        // The collector unlinks what was copied.
        await CollectAsync();
        await UntilAsync(() => Task.FromResult(!InStandard(own)));
        Assert.True(InStandard(shared) && !InArchive(shared));
        Assert.Equal("ARCHIVED", await AvailabilityAsync(name, own));
        Assert.Equal("AVAILABLE", await AvailabilityAsync(name, shared));
        Assert.Equal(HttpStatusCode.NotFound, (await fixture.Oci.HeadBlobAsync(name, own, Token)).Status);
        await fixture.RefusedAsync("LayerInaccessibleException", "GetDownloadUrlForLayer", new { repositoryName = name, layerDigest = own });
        await fixture.Oci.VerifyImageAsync(name, warm, "warm", Token);
        await fixture.RefusedAsync("ImageStorageClassUpdateNotSupportedException", "UpdateImageStorageClass", new { repositoryName = name, imageId = new { imageDigest = cold.Digest }, targetStorageClass = "ARCHIVE" });

        Assert.Equal("ACTIVATING", (await UpdateAsync(name, cold.Digest, "STANDARD")).GetProperty("imageStatus").GetString());
        await UntilAsync(async () => (await DescribeAsync(name, "ACTIVE")).Count == 2);
        await fixture.Oci.VerifyImageAsync(name, cold, "cold", Token);
        Assert.True(InStandard(own));
        var detail = (await fixture.CallAsync("DescribeImages", new { repositoryName = name, imageIds = new[] { new { imageDigest = cold.Digest } } })).GetProperty("imageDetails")[0];
        Assert.True(detail.TryGetProperty("lastArchivedAt", out _) && detail.TryGetProperty("lastActivatedAt", out _));
        await CollectAsync();
        await UntilAsync(() => Task.FromResult(!InArchive(own)));
    }

    [Fact]
    public async Task A_push_of_an_archived_image_restores_it_at_once()
    {
        var name = await fixture.NewRepositoryAsync();
        var image = Image(11);
        await fixture.Oci.PushImageAsync(name, image, "v1", Token);
        await UpdateAsync(name, image.Digest, "ARCHIVE");
        await UntilAsync(() => Task.FromResult(InArchive(image.Blobs[^1].Digest)));
        await fixture.Oci.PushImageAsync(name, image, "v1", Token);
        await fixture.Oci.VerifyImageAsync(name, image, "v1", Token);
    }

    [Fact]
    public async Task An_image_of_an_active_index_cannot_be_archived_and_referrers_follow()
    {
        var name = await fixture.NewRepositoryAsync();
        var child = Image(21);
        var index = TestImage.Index(new TestImageOptions(), [child]);
        await fixture.Oci.PushImageAsync(name, index, "multi", Token);
        var signature = TestImage.Artifact(new TestImageOptions { LayerSizes = [9], ArtifactType = "application/vnd.example+json", Subject = index.Descriptor() }, "text/plain");
        await fixture.Oci.PushImageAsync(name, signature, null, Token);
        await fixture.RefusedAsync("ImageStorageClassUpdateNotSupportedException", "UpdateImageStorageClass", new { repositoryName = name, imageId = new { imageDigest = child.Digest }, targetStorageClass = "ARCHIVE" });
        await UpdateAsync(name, index.Digest, "ARCHIVE");
        Assert.Equal([child.Digest], await DescribeAsync(name, null));
        await UpdateAsync(name, child.Digest, "ARCHIVE");
        await UpdateAsync(name, index.Digest, "STANDARD");
        await UntilAsync(async () => (await DescribeAsync(name, null)).Count == 3);
        await fixture.Oci.VerifyImageAsync(name, index, "multi", Token);
    }

    [Fact]
    public async Task A_policy_archives_and_the_preview_says_so()
    {
        var name = await fixture.NewRepositoryAsync();
        for (var i = 0; i < 3; i++) await fixture.Oci.PushImageAsync(name, Image(31 + i), $"v{i}", Token);
        const string Policy =
            """
            {"rules":[{"rulePriority":1,"description":"archive all but one","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"transition","targetStorageClass":"archive"}}]}
            """;
        await fixture.CallAsync("PutLifecyclePolicy", new { repositoryName = name, lifecyclePolicyText = Policy });
        await fixture.CallAsync("StartLifecyclePolicyPreview", new { repositoryName = name });
        var preview = default(JsonElement);
        await UntilAsync(async () => (preview = await fixture.CallAsync("GetLifecyclePolicyPreview", new { repositoryName = name })).GetProperty("status").GetString() == "COMPLETE");
        Assert.Equal(2, preview.GetProperty("summary").GetProperty("transitioningImageTotalCounts")[0].GetProperty("imageTotalCount").GetInt32());
        Assert.Equal("TRANSITION", preview.GetProperty("previewResults")[0].GetProperty("action").GetProperty("type").GetString());

        using var http = await HttpAsync();
        using var answer = await http.PostAsync(new Uri($"longshore/v1/lifecycle-run?repository={Uri.EscapeDataString(name)}", UriKind.Relative), null, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await UntilAsync(async () => (await DescribeAsync(name, "ARCHIVED")).Count == 2);
        Assert.Single(await DescribeAsync(name, null));
    }

    private async Task CollectAsync()
    {
        using var http = await HttpAsync();
        using var content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri("longshore/v1/collection", UriKind.Relative), content, Token);
        Assert.True(answer.IsSuccessStatusCode);
    }

    private static TestManifest Image(int seed) => TestImage.Manifest(
        new TestImageOptions(),
        TestBlob.Random(5_000 + seed, 40, OciMediaTypes.ImageConfig),
        [TestBlob.Random(4_999, 500_000 / (1 + (seed / 10)), OciMediaTypes.Layer), TestBlob.Random(6_000 + seed, 700_001, OciMediaTypes.Layer)]);

    private async Task<HttpClient> HttpAsync()
    {
        var (user, password) = await fixture.Client.GetLoginAsync(Token);
        var http = new HttpClient { BaseAddress = fixture.Server.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{user}:{password}")));
        return http;
    }

    private Task<JsonElement> UpdateAsync(string name, string digest, string target) =>
        fixture.CallAsync("UpdateImageStorageClass", new { repositoryName = name, imageId = new { imageDigest = digest }, targetStorageClass = target });

    private async Task<List<string?>> DescribeAsync(string name, string? status)
    {
        object input = status is null ? new { repositoryName = name } : new { repositoryName = name, filter = new { imageStatus = status } };
        return [.. (await fixture.CallAsync("DescribeImages", input)).GetProperty("imageDetails").EnumerateArray().Select(static i => i.GetProperty("imageDigest").GetString())];
    }

    private async Task<string?> AvailabilityAsync(string name, string digest) =>
        (await fixture.CallAsync("BatchCheckLayerAvailability", new { repositoryName = name, layerDigests = new[] { digest } })).GetProperty("layers")[0].GetProperty("layerAvailability").GetString();

    private bool InStandard(string digest) => Has("blobs", digest);

    private bool InArchive(string digest) => Has("archive", digest);

    private bool Has(string area, string digest) => TestStores.Has(fixture.Server.DataDirectory, area, digest);

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(60), "It did not happen within 60 seconds.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        }
    }
}
