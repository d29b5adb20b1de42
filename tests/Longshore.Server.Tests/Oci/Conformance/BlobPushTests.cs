using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>Every way to push a blob, with both digest algorithms, in the repository that the whole suite shares.</summary>
public sealed class BlobPushTests(ConformanceTarget target) : ConformanceTests(target)
{
    public static TheoryData<PushMethod, DigestAlgorithm, int> WaysAndSizes()
    {
        var data = new TheoryData<PushMethod, DigestAlgorithm, int>();
        foreach (var method in Enum.GetValues<PushMethod>())
        {
            foreach (var algorithm in Enum.GetValues<DigestAlgorithm>())
            {
                // Nothing; "{}"-sized; one chunk; three chunks of 1,024 with a short last one.
                foreach (var size in (int[])[0, 2, 512, (1024 * 3) - 5])
                    data.Add(method, algorithm, size);
            }
        }
        return data;
    }

    public static TheoryData<PushMethod, DigestAlgorithm> Ways()
    {
        var data = new TheoryData<PushMethod, DigestAlgorithm>();
        foreach (var method in Enum.GetValues<PushMethod>())
        {
            foreach (var algorithm in Enum.GetValues<DigestAlgorithm>())
                data.Add(method, algorithm);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(WaysAndSizes))]
    public async Task Blob_pushed_is_there_and_can_be_deleted(PushMethod method, DigestAlgorithm algorithm, int size)
    {
        var blob = NewBlob(size, algorithm);
        await ExpectCreatedBlobAsync(await BlobPush.PushAsync(Client, Target.Repository1, blob, method, Token), blob);
        ExpectContent(await Client.HeadBlobAsync(Target.Repository1, blob.Digest, Token), blob.Content, blob.Digest);
        ExpectContent(await Client.GetBlobAsync(Target.Repository1, blob.Digest, Token), blob.Content, blob.Digest);
        await DeleteBlobAsync(Target.Repository1, blob.Digest);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Blob_deleted_and_pushed_again_is_there(PushMethod method, DigestAlgorithm algorithm)
    {
        var blob = NewBlob(700, algorithm);
        for (var round = 0; round < 3; round++)
        {
            await ExpectCreatedBlobAsync(await BlobPush.PushAsync(Client, Target.Repository1, blob, method, Token), blob);
            await DeleteBlobAsync(Target.Repository1, blob.Digest);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Blob_with_another_digest_than_announced_is_400(PushMethod method, DigestAlgorithm algorithm)
    {
        var blob = NewBlob((1024 * 3) - 5, algorithm);
        var corrupt = blob with { Content = [.. blob.Content, .. "oh no"u8] };
        Expect(await BlobPush.PushAsync(Client, Target.Repository1, corrupt, method, Token), HttpStatusCode.BadRequest);
        Expect(await Client.HeadBlobAsync(Target.Repository1, blob.Digest, Token), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Malformed_digest_is_400()
    {
        var upload = await StartUploadAsync(Target.Repository1);
        Expect(await Client.FinishUploadAsync(upload, "sha256:nonsense", Token, [1, 2, 3]), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Patch_answers_with_the_range_received_so_far()
    {
        var blob = NewBlob(42);
        var upload = await StartUploadAsync(Target.Repository1);
        var response = Expect(await Client.PatchChunkAsync(upload, 0, blob.Content[..22], Token), HttpStatusCode.Accepted);
        ExpectHeader(response, "Range", "0-21");
        response = Expect(await Client.PatchChunkAsync(response.Location, 22, blob.Content[22..], Token), HttpStatusCode.Accepted);
        ExpectHeader(response, "Range", "0-41");
        await ExpectCreatedBlobAsync(await Client.FinishUploadAsync(response.Location, blob.Digest, Token), blob);
    }

    [Fact]
    public async Task Chunk_sent_again_to_the_stale_location_is_416_and_the_status_tells_where_to_go_on()
    {
        var blob = NewBlob(42);
        var first = await StartUploadAsync(Target.Repository1);
        Expect(await Client.PatchChunkAsync(first, 0, blob.Content[..22], Token), HttpStatusCode.Accepted);
        Expect(await Client.PatchChunkAsync(first, 0, blob.Content[..22], Token), HttpStatusCode.RequestedRangeNotSatisfiable);
        var status = Expect(await GetAsync(first.AbsoluteUri), HttpStatusCode.NoContent);
        ExpectHeader(status, "Range", "0-21");
        var patched = Expect(await Client.PatchChunkAsync(status.Location, 22, blob.Content[22..], Token), HttpStatusCode.Accepted);
        await ExpectCreatedBlobAsync(await Client.FinishUploadAsync(patched.Location, blob.Digest, Token), blob);
    }

    [Fact]
    public async Task Status_of_an_upload_without_bytes_is_204_with_range_0_0()
    {
        var status = Expect(await GetAsync((await StartUploadAsync(Target.Repository1)).AbsoluteUri), HttpStatusCode.NoContent);
        ExpectHeader(status, "Range", "0-0");
        Assert.NotNull(status.Header("Location"));
    }

    [Theory]
    [InlineData(false, DigestAlgorithm.Sha256)]
    [InlineData(true, DigestAlgorithm.Sha256)]
    [InlineData(false, DigestAlgorithm.Sha512)]
    [InlineData(true, DigestAlgorithm.Sha512)]
    public async Task Chunks_out_of_order_are_416_and_the_upload_goes_on(bool lastChunkByPut, DigestAlgorithm algorithm)
    {
        const int chunk = 1024;
        var blob = NewBlob((chunk * 3) - 5, algorithm);
        var length = blob.Content.Length;
        var upload = await StartUploadAsync(Target.Repository1);
        OciResponse response = null!;
        for (var start = 0; start < length; start += chunk)
        {
            // First the wrong one: one ahead, or the very first again. The last byte of the blob may come by PUT.
            var badStart = start + chunk < length ? start + chunk : 0;
            var bad = blob.Content[badStart..Math.Min(badStart + chunk, length)];
            var badAddress = upload;
            if (lastChunkByPut && badStart + bad.Length == length)
            {
                badAddress = new Uri(OciClient.WithQuery(upload, "digest", blob.Digest));
                response = await Client.SendAsync(
                    HttpMethod.Put, badAddress.AbsoluteUri, Token, bad, OciMediaTypes.OctetStream, [BlobPush.Range(badStart, bad)]);
            }
            else
            {
                response = await Client.PatchChunkAsync(upload, badStart, bad, Token);
            }
            Expect(response, HttpStatusCode.RequestedRangeNotSatisfiable);

            // The suite asks for the status at the very address it used, digest parameter included.
            var status = Expect(await GetAsync(badAddress.AbsoluteUri), HttpStatusCode.NoContent);
            ExpectHeader(status, "Range", $"0-{Math.Max(0, start - 1)}");
            upload = status.Location;

            var good = blob.Content[start..Math.Min(start + chunk, length)];
            if (lastChunkByPut && start + good.Length == length)
            {
                response = await Client.SendAsync(
                    HttpMethod.Put,
                    OciClient.WithQuery(upload, "digest", blob.Digest),
                    Token,
                    good,
                    OciMediaTypes.OctetStream,
                    [BlobPush.Range(start, good)]);
            }
            else
            {
                response = Expect(await Client.PatchChunkAsync(upload, start, good, Token), HttpStatusCode.Accepted);
                upload = response.Location;
            }
        }
        if (!lastChunkByPut)
            response = await Client.FinishUploadAsync(upload, blob.Digest, Token);
        await ExpectCreatedBlobAsync(response, blob);
        await DeleteBlobAsync(Target.Repository1, blob.Digest);
    }

    [Fact]
    public async Task Upload_cancelled_is_gone()
    {
        var upload = await StartUploadAsync(Target.Repository1);
        Expect(await DeleteAsync(upload.AbsoluteUri), HttpStatusCode.NoContent);
        Expect(await GetAsync(upload.AbsoluteUri), HttpStatusCode.NotFound);
        Expect(await Client.PatchChunkAsync(upload, 0, [1, 2, 3], Token), HttpStatusCode.NotFound);
    }
}
