using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

public sealed class BlobMountTests(ConformanceTarget target) : ConformanceTests(target)
{
    [Theory]
    [InlineData(DigestAlgorithm.Sha256)]
    [InlineData(DigestAlgorithm.Sha512)]
    public async Task Blob_of_another_repository_is_mounted(DigestAlgorithm algorithm)
    {
        var blob = NewBlob(algorithm: algorithm);
        await Client.PushBlobAsync(Target.Repository2, blob, Token);
        var response = await Client.MountBlobAsync(Target.Repository1, blob.Digest, Target.Repository2, Token);
        await ExpectCreatedBlobAsync(response, blob);
        Assert.Equal($"/v2/{Target.Repository1}/blobs/{blob.Digest}", Uri.UnescapeDataString(response.Location.AbsolutePath));

        // What is deleted in one repository stays in the other.
        await DeleteBlobAsync(Target.Repository2, blob.Digest);
        ExpectContent(await Client.GetBlobAsync(Target.Repository1, blob.Digest, Token), blob.Content, blob.Digest);
        await DeleteBlobAsync(Target.Repository1, blob.Digest);
    }

    [Theory]
    [InlineData(DigestAlgorithm.Sha256)]
    [InlineData(DigestAlgorithm.Sha512)]
    public async Task Blob_is_found_and_mounted_without_from(DigestAlgorithm algorithm)
    {
        var blob = NewBlob(algorithm: algorithm);
        await Client.PushBlobAsync(Target.Repository2, blob, Token);
        await ExpectCreatedBlobAsync(await Client.MountBlobAsync(Target.Repository1, blob.Digest, null, Token), blob);
    }

    [Fact]
    public async Task Mount_into_a_repository_that_is_not_there_creates_it()
    {
        var blob = NewBlob();
        await Client.PushBlobAsync(Target.Repository1, blob, Token);
        var repository = Target.NewRepository("mount");
        await ExpectCreatedBlobAsync(await Client.MountBlobAsync(repository, blob.Digest, Target.Repository1, Token), blob);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task Mount_of_a_missing_blob_opens_an_upload(bool withFrom, bool sourceIsMissing)
    {
        var blob = NewBlob();
        var source = sourceIsMissing ? Target.NewRepository("absent") : Target.Repository2;
        await Client.PushBlobAsync(Target.Repository2, NewBlob(), Token);
        var response = Expect(
            await Client.MountBlobAsync(Target.Repository1, blob.Digest, withFrom ? source : null, Token), HttpStatusCode.Accepted);
        Assert.StartsWith($"/v2/{Target.Repository1}/blobs/uploads/", response.Location.AbsolutePath, StringComparison.Ordinal);
        await ExpectCreatedBlobAsync(await Client.FinishUploadAsync(response.Location, blob.Digest, Token, blob.Content), blob);
    }
}
