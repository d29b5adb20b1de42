using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

public sealed class BlobPullTests(ConformanceTarget target) : ConformanceTests(target)
{
    [Theory]
    [InlineData(DigestAlgorithm.Sha256)]
    [InlineData(DigestAlgorithm.Sha512)]
    public async Task Head_and_get_of_a_blob_agree_on_length_and_digest(DigestAlgorithm algorithm)
    {
        var blob = NewBlob(algorithm: algorithm);
        await Client.PushBlobAsync(Target.Repository1, blob, Token);
        ExpectContent(await Client.HeadBlobAsync(Target.Repository1, blob.Digest, Token), blob.Content, blob.Digest);
        ExpectContent(await Client.GetBlobAsync(Target.Repository1, blob.Digest, Token), blob.Content, blob.Digest);
    }

    [Theory]
    [InlineData("bytes=500-1499", 500, 1499)]
    [InlineData("bytes=500-", 500, 2047)]
    [InlineData("bytes=-500", 1548, 2047)]
    [InlineData("bytes=2000-5000", 2000, 2047)]
    [InlineData("bytes=0-0", 0, 0)]
    public async Task Range_of_a_blob_is_served_as_206(string range, int first, int last)
    {
        var blob = await PushForRangesAsync();
        var response = Expect(await GetRangeAsync(blob, range), HttpStatusCode.PartialContent);
        ExpectHeader(response, "Content-Range", $"bytes {first}-{last}/2048");
        ExpectHeader(response, "Content-Length", $"{last - first + 1}");
        Assert.Equal(blob.Content[first..(last + 1)], response.Body);
    }

    [Theory]
    [InlineData("bytes=500-0")]
    [InlineData("bytes=5000-10000")]
    public async Task Range_that_cannot_be_served_is_416(string range) =>
        Expect(await GetRangeAsync(await PushForRangesAsync(), range), HttpStatusCode.RequestedRangeNotSatisfiable);

    private async Task<TestBlob> PushForRangesAsync()
    {
        var blob = NewBlob(2048);
        await Client.PushBlobAsync(Target.Repository1, blob, Token);
        return blob;
    }

    private Task<OciResponse> GetRangeAsync(TestBlob blob, string range) => Client.SendAsync(
        HttpMethod.Get, $"/v2/{Target.Repository1}/blobs/{blob.Digest}", Token, headers: [("Range", range)]);
}
