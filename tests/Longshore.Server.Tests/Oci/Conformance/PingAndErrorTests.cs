using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

public sealed class PingAndErrorTests(ConformanceTarget target) : ConformanceTests(target)
{
    private static readonly string[] KnownCodes =
    [
        "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS",
    ];

    [Fact]
    public async Task Version_check_answers_200() => Expect(await GetAsync("/v2/"), HttpStatusCode.OK);

    [Fact]
    public async Task Tag_list_of_a_missing_repository_is_404_or_a_list() =>
        Expect(await GetAsync($"/v2/{Target.NewRepository("absent")}/tags/list"), HttpStatusCode.NotFound, HttpStatusCode.OK);

    [Theory]
    [InlineData("GET", "manifests/.INVALID_MANIFEST_NAME", 404)]
    [InlineData("HEAD", "manifests/.INVALID_MANIFEST_NAME", 404)]
    [InlineData("GET", "manifests/missing-tag", 404)]
    [InlineData("HEAD", "manifests/missing-tag", 404)]
    [InlineData("GET", "manifests/sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", 404)]
    [InlineData("GET", "blobs/sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", 404)]
    [InlineData("HEAD", "blobs/sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", 404)]
    public async Task What_is_not_there_is_404(string method, string path, int status)
    {
        var repository = Target.NewRepository("missing");
        await Client.PushBlobAsync(repository, NewBlob(), Token);
        var response = await Client.SendAsync(new HttpMethod(method), $"/v2/{repository}/{path}", Token);
        Expect(response, (HttpStatusCode)status);
        if (method == "GET")
            ExpectErrorBody(response);
    }

    [Theory]
    [InlineData("sha256:totallywrong")]
    [InlineData("sha256:baddigeststring")]
    public async Task Get_with_a_malformed_digest_is_400_or_404_with_an_error_body(string reference)
    {
        var repository = Target.NewRepository("malformed");
        await Client.PushBlobAsync(repository, NewBlob(), Token);
        var response = await GetAsync($"/v2/{repository}/manifests/{reference}");
        ExpectErrorBody(Expect(response, HttpStatusCode.BadRequest, HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task Put_with_a_malformed_digest_is_400_with_an_error_body()
    {
        var repository = Target.NewRepository("malformed");
        var image = NewImage();
        foreach (var blob in image.Blobs)
            await Client.PushBlobAsync(repository, blob, Token);
        ExpectErrorBody(Expect(await Client.PutManifestAsync(repository, "sha256:baddigeststring", image, Token), HttpStatusCode.BadRequest));
        ExpectErrorBody(Expect(
            await Client.SendAsync(
                HttpMethod.Put, $"/v2/{repository}/manifests/sha256:totallywrong", Token, "blablabla"u8.ToArray(), OciMediaTypes.ImageManifest),
            HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task Manifest_whose_bytes_have_another_digest_is_400_and_not_stored()
    {
        var repository = Target.NewRepository("bad-digest");
        var image = NewImage();
        foreach (var blob in image.Blobs)
            await Client.PushBlobAsync(repository, blob, Token);
        var changed = image with { Content = [.. image.Content, (byte)' ', (byte)' '] };
        ExpectErrorBody(Expect(await Client.PutManifestAsync(repository, image.Digest, changed, Token), HttpStatusCode.BadRequest));
        Expect(await Client.HeadManifestAsync(repository, image.Digest, Token), HttpStatusCode.NotFound);
        Expect(
            await Client.HeadManifestAsync(repository, DigestAlgorithm.Sha256.Compute(changed.Content), Token), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Manifest_is_served_to_clients_that_send_no_accept_header()
    {
        var repository = Target.NewRepository("no-accept");
        var index = TestImage.MultiPlatform(new TestImageOptions { Seed = NextSeed() });
        await Client.PushImageAsync(repository, index, "index", Token);
        ExpectManifest(await GetAsync($"/v2/{repository}/manifests/index"), index);
        ExpectManifest(await HeadAsync($"/v2/{repository}/manifests/{index.Digest}"), index);
    }

    [Fact]
    public async Task Body_that_is_no_manifest_is_400()
    {
        var repository = Target.NewRepository("no-manifest");
        await Client.PushBlobAsync(repository, NewBlob(), Token);
        var response = await Client.SendAsync(
            HttpMethod.Put, $"/v2/{repository}/manifests/tag", Token, "blablabla"u8.ToArray(), OciMediaTypes.ImageManifest);
        ExpectErrorBody(Expect(response, HttpStatusCode.BadRequest));
    }

    private static void ExpectErrorBody(OciResponse response)
    {
        Assert.True(response.ErrorCodes.Count > 0, $"No OCI error body.\n{response}");
        Assert.All(response.ErrorCodes, code => Assert.Contains(code, KnownCodes));
    }
}
