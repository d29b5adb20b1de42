using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

public sealed class DeleteTests(ConformanceTarget target) : ConformanceTests(target)
{
    [Fact]
    public async Task Deleting_a_tag_leaves_the_manifest_and_its_other_tags()
    {
        var (repository, image) = await PushTaggedAsync("one", "two");
        Expect(await Client.DeleteManifestAsync(repository, "one", Token), HttpStatusCode.Accepted);
        Expect(await Client.HeadManifestAsync(repository, "one", Token), HttpStatusCode.NotFound);
        ExpectManifest(await Client.GetManifestAsync(repository, "two", Token), image);
        ExpectManifest(await Client.GetManifestAsync(repository, image.Digest, Token), image);
        Assert.Equal(["two"], TagsOf(await GetAsync($"/v2/{repository}/tags/list")));
    }

    [Fact]
    public async Task Deleting_a_manifest_takes_its_tags_with_it()
    {
        var (repository, image) = await PushTaggedAsync("one", "two");
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.Accepted);
        foreach (var reference in (string[])["one", "two", image.Digest])
            Expect(await Client.GetManifestAsync(repository, reference, Token), HttpStatusCode.NotFound);
        Assert.Empty(TagsOf(await GetAsync($"/v2/{repository}/tags/list")));
    }

    [Fact]
    public async Task Deleting_what_is_not_there_is_404()
    {
        var (repository, image) = await PushTaggedAsync("one");
        Expect(await Client.DeleteManifestAsync(repository, "two", Token), HttpStatusCode.NotFound);
        Expect(await Client.DeleteManifestAsync(repository, UnknownDigest, Token), HttpStatusCode.NotFound);
        Expect(await Client.DeleteBlobAsync(repository, UnknownDigest, Token), HttpStatusCode.NotFound);
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.Accepted);
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Blobs_can_be_deleted_once_their_manifest_is_gone()
    {
        var (repository, image) = await PushTaggedAsync("one");
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.Accepted);
        foreach (var blob in image.Blobs)
            await DeleteBlobAsync(repository, blob.Digest);
        await Client.PushImageAsync(repository, image, "again", Token);
        await Client.VerifyImageAsync(repository, image, "again", Token);
    }

    [Fact]
    public async Task Blob_that_a_manifest_refers_to_is_deleted_or_refused_as_unsupported()
    {
        var (repository, image) = await PushTaggedAsync("one");
        foreach (var blob in image.Blobs)
        {
            var response = await Client.DeleteBlobAsync(repository, blob.Digest, Token);
            Expect(response, HttpStatusCode.Accepted, HttpStatusCode.MethodNotAllowed);
            if (response.Status == HttpStatusCode.MethodNotAllowed)
                Assert.Equal(["UNSUPPORTED"], response.ErrorCodes);
        }
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task Delete_in_one_repository_leaves_another_alone()
    {
        var (repository, image) = await PushTaggedAsync("one");
        var other = Target.NewRepository("other");
        await Client.PushImageAsync(other, image, "one", Token);
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.Accepted);
        foreach (var blob in image.Blobs)
            await DeleteBlobAsync(repository, blob.Digest);
        await Client.VerifyImageAsync(other, image, "one", Token);
    }

    private async Task<(string Repository, TestManifest Image)> PushTaggedAsync(params string[] tags)
    {
        var repository = Target.NewRepository("delete");
        var image = NewImage();
        await Client.PushImageAsync(repository, image, null, Token);
        foreach (var tag in tags)
            await Client.PushManifestAsync(repository, tag, image, Token);
        return (repository, image);
    }
}
