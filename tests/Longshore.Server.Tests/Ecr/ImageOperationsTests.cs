using System.Text;
using System.Text.Json;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class ImageOperationsTests(EcrFixture ecr)
{
    [Fact]
    public async Task An_image_is_put_got_and_put_again()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = TestImage.Create(1, 64);
        foreach (var blob in image.Blobs) await ecr.UploadAsync(name, blob);
        var manifest = Text(image);
        var put = (await ecr.CallAsync("PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = "v1", imageDigest = image.Digest })).GetProperty("image");
        Assert.Equal((image.Digest, "v1"), (put.GetProperty("imageId").GetProperty("imageDigest").GetString(), put.GetProperty("imageId").GetProperty("imageTag").GetString()));
        Assert.Equal(manifest, put.GetProperty("imageManifest").GetString());
        Assert.Equal(image.MediaType, put.GetProperty("imageManifestMediaType").GetString());
        Assert.Equal(
            $"Image with digest '{image.Digest}' and tag 'v1' already exists in the repository with name '{name}' in registry with id '{EcrFixture.Account}'",
            await ecr.RefusedAsync("ImageAlreadyExistsException", "PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = "v1" }));
        await ecr.CallAsync("PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = "v2" });

        var got = await ecr.CallAsync("BatchGetImage", new { repositoryName = name, imageIds = new object[] { new { imageTag = "v1" }, new { imageDigest = image.Digest }, new { imageDigest = image.Digest, imageTag = "v2" } } });
        Assert.Empty(got.GetProperty("failures").EnumerateArray());
        Assert.Equal(3, got.GetProperty("images").GetArrayLength());
        Assert.All(got.GetProperty("images").EnumerateArray(), each =>
        {
            Assert.Equal(manifest, each.GetProperty("imageManifest").GetString());
            Assert.Equal(image.Digest, each.GetProperty("imageId").GetProperty("imageDigest").GetString());
        });
        await ecr.Oci.VerifyImageAsync(name, image, "v2", EcrFixture.Token);
    }

    [Fact]
    public async Task A_manifest_that_cannot_be_stored_is_refused()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = TestImage.Create(2, 64);
        var manifest = Text(image);
        await ecr.RefusedAsync("LayersNotFoundException", "PutImage", new { repositoryName = name, imageManifest = manifest });
        await ecr.RefusedAsync("ReferencedImagesNotFoundException", "PutImage", new { repositoryName = name, imageManifest = Text(TestImage.Index(new TestImageOptions(), [image])) });
        foreach (var blob in image.Blobs) await ecr.UploadAsync(name, blob);
        await ecr.RefusedAsync("ImageDigestDoesNotMatchException", "PutImage", new { repositoryName = name, imageManifest = manifest, imageDigest = TestBlob.Random(1, 1).Digest });
        await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = manifest, imageDigest = "sha256:1" });
        await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = "a/b" });
        await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = new string('a', 301) });
        await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = "{" });
        await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = "" });
        await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = new string(' ', (4 * 1024 * 1024) + 1) });
        await ecr.RefusedAsync("RepositoryNotFoundException", "PutImage", new { repositoryName = "no-such", imageManifest = manifest });
        var message = await ecr.RefusedAsync("InvalidParameterException", "PutImage", new { repositoryName = name, imageManifest = manifest.Replace("\"size\": ", "\"size\": 9", StringComparison.Ordinal) });
        Assert.StartsWith("Invalid parameter at 'imageManifest' failed to satisfy constraint: '", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_that_cannot_be_got_are_failures()
    {
        var name = await ecr.NewRepositoryAsync();
        var (one, two) = (await ecr.PushAsync(name, 1, "v1"), await ecr.PushAsync(name, 2, "v2"));
        object[] ids =
        [
            new { imageTag = "v1" }, new { imageTag = "no-such" }, new { imageDigest = TestBlob.Random(1, 1).Digest }, new { imageDigest = "sha256:1" },
            new { imageTag = "a/b" }, new { }, new { imageDigest = one.Digest, imageTag = "v2" },
        ];
        var got = await ecr.CallAsync("BatchGetImage", new { repositoryName = name, imageIds = ids });
        Assert.Single(got.GetProperty("images").EnumerateArray());
        Assert.Equal(["ImageNotFound", "ImageNotFound", "InvalidImageDigest", "InvalidImageTag", "MissingDigestAndTag", "ImageTagDoesNotMatchDigest"], Codes(got));
        Assert.Equal("Requested image not found", got.GetProperty("failures")[0].GetProperty("failureReason").GetString());
        Assert.Equal("no-such", got.GetProperty("failures")[0].GetProperty("imageId").GetProperty("imageTag").GetString());
        Assert.NotEqual(one.Digest, two.Digest);
        await ecr.RefusedAsync("RepositoryNotFoundException", "BatchGetImage", new { repositoryName = "no-such", imageIds = ids });
        await ecr.RefusedAsync("InvalidParameterException", "BatchGetImage", new { repositoryName = name, imageIds = Array.Empty<object>() });
        await ecr.RefusedAsync("InvalidParameterException", "BatchGetImage", new { repositoryName = name, imageIds = Enumerable.Repeat(new { imageTag = "v1" }, 101) });
    }

    [Fact]
    public async Task An_image_of_a_type_that_is_not_accepted_is_a_failure()
    {
        var name = await ecr.NewRepositoryAsync();
        await ecr.PushAsync(name, 1, "v1");
        object Ask(string type) => new { repositoryName = name, imageIds = new[] { new { imageTag = "v1" } }, acceptedMediaTypes = new[] { type } };
        Assert.Equal(["ImageNotFound"], Codes(await ecr.CallAsync("BatchGetImage", Ask(OciMediaTypes.DockerManifest))));
        Assert.Empty(Codes(await ecr.CallAsync("BatchGetImage", Ask(OciMediaTypes.ImageManifest))));
    }

    [Fact]
    public async Task Too_many_bytes_of_manifests_in_one_answer_are_refused()
    {
        var name = await ecr.NewRepositoryAsync();
        var options = new TestImageOptions { Annotations = new Dictionary<string, string> { ["big"] = new('x', 4 * 1000 * 1000) } };
        await ecr.PushAsync(name, 1, "v1", options);
        await ecr.RefusedAsync("LimitExceededException", "BatchGetImage", new { repositoryName = name, imageIds = Enumerable.Repeat(new { imageTag = "v1" }, 9) });
        var got = await ecr.CallAsync("BatchGetImage", new { repositoryName = name, imageIds = Enumerable.Repeat(new { imageTag = "v1" }, 8) });
        Assert.Equal(8, got.GetProperty("images").GetArrayLength());
    }

    [Fact]
    public async Task Images_are_deleted_by_tag_and_by_digest()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = await ecr.PushAsync(name, 1, "v1");
        foreach (var tag in (string[])["v2", "v3"]) await ecr.Oci.PushManifestAsync(name, tag, image, EcrFixture.Token);
        var untagged = await ecr.PushAsync(name, 2, null);

        var answer = await DeleteAsync(name, new { imageTag = "v1" });
        Assert.Equal([$"{image.Digest}@v1"], Ids(answer));
        answer = await DeleteAsync(name, new { imageDigest = image.Digest }, new { imageDigest = untagged.Digest });
        Assert.Equal([$"{image.Digest}@v2", $"{image.Digest}@v3", $"{untagged.Digest}@"], Ids(answer));
        Assert.Empty(Codes(answer));
        await ecr.PushAsync(name, 1, "last");
        Assert.Equal([$"{image.Digest}@last"], Ids(await DeleteAsync(name, new { imageTag = "last" })));
        Assert.Empty((await ecr.CallAsync("ListImages", new { repositoryName = name })).GetProperty("imageIds").EnumerateArray());
    }

    [Fact]
    public async Task Images_that_cannot_be_deleted_are_failures()
    {
        var name = await ecr.NewRepositoryAsync();
        var index = TestImage.MultiPlatform(new TestImageOptions { Seed = 9, LayerSizes = [64] });
        await ecr.Oci.PushImageAsync(name, index, "multi", EcrFixture.Token);
        var other = await ecr.PushAsync(name, 1, "v1");
        var child = index.Children[0].Digest;
        var answer = await DeleteAsync(
            name, new { imageDigest = child }, new { imageTag = "no-such" }, new { imageDigest = "x:1" }, new { imageTag = "-" }, new { }, new { imageDigest = other.Digest, imageTag = "multi" });
        Assert.Equal(["ImageReferencedByManifestList", "ImageNotFound", "InvalidImageDigest", "InvalidImageTag", "MissingDigestAndTag", "ImageTagDoesNotMatchDigest"], Codes(answer));
        Assert.Contains(index.Digest, answer.GetProperty("failures")[0].GetProperty("failureReason").GetString(), StringComparison.Ordinal);
        Assert.Empty(Ids(answer));
        // The index first, and its children go too.
        answer = await DeleteAsync(name, new { imageDigest = index.Digest }, new { imageDigest = child }, new { imageDigest = index.Children[1].Digest });
        Assert.Empty(Codes(answer));
        await ecr.RefusedAsync("RepositoryNotFoundException", "BatchDeleteImage", new { repositoryName = "no-such", imageIds = new[] { new { } } });
    }

    private Task<JsonElement> DeleteAsync(string name, params object[] ids) => ecr.CallAsync("BatchDeleteImage", new { repositoryName = name, imageIds = ids });

    private static string Text(TestManifest image) => Encoding.UTF8.GetString(image.Content);

    private static IEnumerable<string?> Codes(JsonElement answer) => answer.GetProperty("failures").EnumerateArray().Select(failure => failure.GetProperty("failureCode").GetString());

    private static IEnumerable<string> Ids(JsonElement answer) => answer.GetProperty("imageIds").EnumerateArray()
        .Select(id => $"{id.GetProperty("imageDigest").GetString()}@{(id.TryGetProperty("imageTag", out var tag) ? tag.GetString() : "")}");
}
