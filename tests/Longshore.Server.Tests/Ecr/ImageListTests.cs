using System.Text.Json;
using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class ImageListTests(EcrFixture ecr)
{
    private const string SignatureType = "application/vnd.example.signature";

    [Fact]
    public async Task An_image_is_described_as_it_is()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = await ecr.PushAsync(name, 1, "v1");
        await ecr.Oci.PushManifestAsync(name, "stable", image, EcrFixture.Token);
        var detail = (await ecr.CallAsync("DescribeImages", new { repositoryName = name })).GetProperty("imageDetails")[0];
        Assert.Equal(EcrFixture.Account, detail.GetProperty("registryId").GetString());
        Assert.Equal(name, detail.GetProperty("repositoryName").GetString());
        Assert.Equal(image.Digest, detail.GetProperty("imageDigest").GetString());
        Assert.Equal(["stable", "v1"], detail.GetProperty("imageTags").EnumerateArray().Select(tag => tag.GetString()));
        Assert.Equal(image.Blobs.Sum(blob => blob.Content.Length), detail.GetProperty("imageSizeInBytes").GetInt64());
        Assert.Equal(image.MediaType, detail.GetProperty("imageManifestMediaType").GetString());
        Assert.Equal(OciMediaTypes.ImageConfig, detail.GetProperty("artifactMediaType").GetString());
        Assert.Equal("ACTIVE", detail.GetProperty("imageStatus").GetString());
        var pushed = DateTimeOffset.UnixEpoch.AddSeconds(detail.GetProperty("imagePushedAt").GetDouble());
        Assert.InRange(pushed, TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow().AddMinutes(1));
        Assert.False(detail.TryGetProperty("lastRecordedPullTime", out _));
    }

    [Fact]
    public async Task A_pull_is_recorded()
    {
        var name = await ecr.NewRepositoryAsync();
        await ecr.PushAsync(name, 1, "v1");
        await ecr.CallAsync("BatchGetImage", new { repositoryName = name, imageIds = new[] { new { imageTag = "v1" } } });
        for (var i = 0; i < 100; i++)
        {
            var detail = (await ecr.CallAsync("DescribeImages", new { repositoryName = name })).GetProperty("imageDetails")[0];
            if (detail.TryGetProperty("lastRecordedPullTime", out var at))
            {
                Assert.True(at.GetDouble() >= detail.GetProperty("imagePushedAt").GetDouble());
                return;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, EcrFixture.Token);
        }
        Assert.Fail("The pull was not recorded within ten seconds.");
    }

    [Fact]
    public async Task Index_and_artifact_have_their_sizes_types_and_subject()
    {
        var name = await ecr.NewRepositoryAsync();
        var index = TestImage.MultiPlatform(new TestImageOptions { Seed = 4, LayerSizes = [64] });
        await ecr.Oci.PushImageAsync(name, index, "multi", EcrFixture.Token);
        var artifact = TestImage.Artifact(new TestImageOptions { Seed = 5, LayerSizes = [32], ArtifactType = SignatureType, Subject = index.Descriptor() }, "text/plain");
        await ecr.Oci.PushImageAsync(name, artifact, null, EcrFixture.Token);
        var details = (await ecr.CallAsync("DescribeImages", new { repositoryName = name, imageIds = new object[] { new { imageTag = "multi" }, new { imageDigest = artifact.Digest } } })).GetProperty("imageDetails");
        Assert.Equal(index.Children.Max(child => child.Blobs.Sum(blob => blob.Content.Length)), details[0].GetProperty("imageSizeInBytes").GetInt64());
        Assert.Equal(OciMediaTypes.ImageIndex, details[0].GetProperty("imageManifestMediaType").GetString());
        Assert.Equal(SignatureType, details[1].GetProperty("artifactMediaType").GetString());
        Assert.Equal(index.Digest, details[1].GetProperty("subjectManifestDigest").GetString());
        Assert.False(details[1].TryGetProperty("imageTags", out _));
    }

    [Fact]
    public async Task Named_images_must_all_be_there()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = await ecr.PushAsync(name, 1, "v1");
        Assert.Equal(
            $"The image with imageId {{imageDigest:'null', imageTag:'no-such'}} does not exist within the repository with name '{name}' in the registry with id '{EcrFixture.Account}'",
            await ecr.RefusedAsync("ImageNotFoundException", "DescribeImages", new { repositoryName = name, imageIds = new[] { new { imageTag = "v1" }, new { imageTag = "no-such" } } }));
        await ecr.RefusedAsync("ImageNotFoundException", "DescribeImages", new { repositoryName = name, imageIds = new[] { new { imageTag = "v2", imageDigest = image.Digest } } });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeImages", new { repositoryName = name, imageIds = new[] { new { } } });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeImages", new { repositoryName = name, imageIds = new[] { new { imageTag = "v1" } }, maxResults = 1 });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeImages", new { repositoryName = name, imageIds = new[] { new { imageTag = "v1" } }, nextToken = "x" });
        await ecr.RefusedAsync("RepositoryNotFoundException", "DescribeImages", new { repositoryName = "no-such", imageIds = new[] { new { imageTag = "v1" } } });
        await ecr.RefusedAsync("RepositoryNotFoundException", "DescribeImages", new { repositoryName = "no-such" });
        await ecr.RefusedAsync("RepositoryNotFoundException", "ListImages", new { repositoryName = "no-such", filter = new { imageStatus = "ARCHIVED" } });
        // One image by two names is described once.
        var both = await ecr.CallAsync("DescribeImages", new { repositoryName = name, imageIds = new object[] { new { imageTag = "v1" }, new { imageDigest = image.Digest } } });
        Assert.Equal(1, both.GetProperty("imageDetails").GetArrayLength());
    }

    [Fact]
    public async Task Lists_come_in_pages_and_by_filters()
    {
        var name = await ecr.NewRepositoryAsync();
        var tagged = new List<TestManifest>();
        for (var i = 0; i < 5; i++) tagged.Add(await ecr.PushAsync(name, i, $"v{i}"));
        await ecr.Oci.PushManifestAsync(name, "again", tagged[0], EcrFixture.Token);
        for (var i = 5; i < 9; i++) await ecr.PushAsync(name, i, null);

        foreach (var size in (int[])[1, 2, 3, 5, 6, 9, 10, 1000])
        {
            Assert.Equal(9, (await PagesAsync("DescribeImages", "imageDetails", name, size, null)).Select(image => image.GetProperty("imageDigest").GetString()).Distinct().Count());
            var ids = await PagesAsync("ListImages", "imageIds", name, size, null);
            Assert.Equal(["again", "v0", "v1", "v2", "v3", "v4", null, null, null, null], ids.Select(Tag));
            Assert.Equal(10, ids.Select(id => id.GetRawText()).Distinct().Count());
            Assert.Equal(6, (await PagesAsync("ListImages", "imageIds", name, size, "TAGGED")).Count);
            Assert.Equal(4, (await PagesAsync("ListImages", "imageIds", name, size, "UNTAGGED")).Count);
            Assert.Equal(5, (await PagesAsync("DescribeImages", "imageDetails", name, size, "TAGGED")).Count);
            Assert.Equal(4, (await PagesAsync("DescribeImages", "imageDetails", name, size, "UNTAGGED")).Count);
        }

        foreach (var (operation, member) in ((string, string)[])[("DescribeImages", "imageDetails"), ("ListImages", "imageIds")])
        {
            foreach (var (status, found) in ((string, bool)[])[("ACTIVE", true), ("ANY", true), ("ARCHIVED", false), ("ACTIVATING", false)])
            {
                var answer = await ecr.CallAsync(operation, new { repositoryName = name, filter = new { imageStatus = status } });
                Assert.Equal(found, answer.GetProperty(member).GetArrayLength() > 0);
            }

            var token = (await ecr.CallAsync(operation, new { repositoryName = name, maxResults = 1 })).GetProperty("nextToken").GetString();
            await ecr.RefusedAsync("InvalidParameterException", operation, new { repositoryName = name, nextToken = token, filter = new { tagStatus = "TAGGED" } });
            await ecr.RefusedAsync("InvalidParameterException", operation, new { repositoryName = await ecr.NewRepositoryAsync(), nextToken = token });
            await ecr.RefusedAsync("InvalidParameterException", operation == "ListImages" ? "DescribeImages" : "ListImages", new { repositoryName = name, nextToken = token });
            await ecr.RefusedAsync("InvalidParameterException", operation, new { repositoryName = name, nextToken = "AAAA" });
            await ecr.RefusedAsync("InvalidParameterException", operation, new { repositoryName = name, maxResults = 1001 });
            await ecr.RefusedAsync("InvalidParameterException", operation, new { repositoryName = name, filter = new { tagStatus = "SOME" } });
        }
    }

    [Fact]
    public async Task Referrers_come_by_type_and_in_pages()
    {
        var name = await ecr.NewRepositoryAsync();
        var subject = await ecr.PushAsync(name, 1, "v1");
        var expected = new List<string>();
        for (var i = 0; i < 22; i++)
        {
            var artifact = TestImage.Artifact(
                new TestImageOptions
                {
                    Seed = i,
                    LayerSizes = [16],
                    ArtifactType = i % 2 == 0 ? SignatureType : "application/vnd.example.sbom",
                    Subject = subject.Descriptor(),
                    Annotations = new Dictionary<string, string> { ["number"] = $"{i}" },
                },
                "text/plain");
            await ecr.Oci.PushImageAsync(name, artifact, null, EcrFixture.Token);
            expected.Add(artifact.Digest);
        }

        var all = await ReferrersAsync(name, subject.Digest, null, null);
        Assert.Equal(expected.Order(StringComparer.Ordinal), all.Select(referrer => referrer.GetProperty("digest").GetString()));
        var first = all.Single(referrer => referrer.GetProperty("digest").GetString() == expected[0]);
        Assert.Equal(SignatureType, first.GetProperty("artifactType").GetString());
        Assert.Equal("0", first.GetProperty("annotations").GetProperty("number").GetString());
        Assert.Equal("ACTIVE", first.GetProperty("artifactStatus").GetString());
        Assert.True(first.GetProperty("size").GetInt64() > 0);
        Assert.Equal(11, (await ReferrersAsync(name, subject.Digest, 4, SignatureType)).Count);
        Assert.Empty(await ReferrersAsync(name, TestBlob.Random(1, 1).Digest, null, null));
        var subjectId = new { imageDigest = subject.Digest };
        Assert.Equal(20, (await ecr.CallAsync("ListImageReferrers", new { repositoryName = name, subjectId })).GetProperty("referrers").GetArrayLength());
        Assert.Empty((await ecr.CallAsync("ListImageReferrers", new { repositoryName = name, subjectId, filter = new { artifactStatus = "ARCHIVED" } })).GetProperty("referrers").EnumerateArray());
        await ecr.RefusedAsync("InvalidParameterException", "ListImageReferrers", new { repositoryName = name, subjectId, maxResults = 51 });
        await ecr.RefusedAsync("InvalidParameterException", "ListImageReferrers", new { repositoryName = name, subjectId = new { imageDigest = "sha256:1" } });
        await ecr.RefusedAsync("InvalidParameterException", "ListImageReferrers", new { repositoryName = name, subjectId, nextToken = "x" });
        await ecr.RefusedAsync("RepositoryNotFoundException", "ListImageReferrers", new { repositoryName = "no-such", subjectId });
    }

    private static string? Tag(JsonElement id) => id.TryGetProperty("imageTag", out var tag) ? tag.GetString() : null;

    private Task<List<JsonElement>> PagesAsync(string operation, string member, string name, int size, string? tagStatus)
    {
        var input = new JsonObject { ["repositoryName"] = name, ["maxResults"] = size };
        if (tagStatus is not null) input["filter"] = new JsonObject { ["tagStatus"] = tagStatus };
        return PagesAsync(operation, member, input, size);
    }

    private Task<List<JsonElement>> ReferrersAsync(string name, string subject, int? size, string? type)
    {
        var input = new JsonObject { ["repositoryName"] = name, ["subjectId"] = new JsonObject { ["imageDigest"] = subject } };
        if (size is not null) input["maxResults"] = size;
        if (type is not null) input["filter"] = new JsonObject { ["artifactTypes"] = new JsonArray(type) };
        return PagesAsync("ListImageReferrers", "referrers", input, size ?? 20);
    }

    private async Task<List<JsonElement>> PagesAsync(string operation, string member, JsonObject input, int size)
    {
        var items = new List<JsonElement>();
        while (true)
        {
            var page = await ecr.Client.InvokeAsync(operation, input.ToJsonString(), EcrFixture.Token);
            Assert.InRange(page.GetProperty(member).GetArrayLength(), 0, size);
            items.AddRange(page.GetProperty(member).EnumerateArray());
            if (!page.TryGetProperty("nextToken", out var next)) return items;
            input["nextToken"] = next.GetString();
        }
    }
}
