using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class LayerOperationsTests(EcrFixture ecr)
{
    private const int MiB = 1024 * 1024;

    [Fact]
    public async Task A_layer_goes_up_in_parts_and_comes_down_by_its_address()
    {
        var name = await ecr.NewRepositoryAsync();
        var layer = TestBlob.Random(1, (11 * MiB) + 7, OciMediaTypes.Layer);
        var started = await ecr.CallAsync("InitiateLayerUpload", new { repositoryName = name });
        var id = started.GetProperty("uploadId").GetString()!;
        Assert.True(Guid.TryParse(id, out _));
        Assert.Equal(10 * MiB, started.GetProperty("partSize").GetInt64());
        var first = await PartAsync(name, id, layer, 0, 10 * MiB);
        Assert.Equal((10 * MiB) - 1, first.GetProperty("lastByteReceived").GetInt64());
        await PartAsync(name, id.ToUpperInvariant(), layer, 10 * MiB, layer.Content.Length - (10 * MiB));
        var done = await ecr.CallAsync("CompleteLayerUpload", new { repositoryName = name, uploadId = id, layerDigests = new[] { layer.Digest } });
        Assert.Equal(layer.Digest, done.GetProperty("layerDigest").GetString());

        await ecr.RefusedAsync("LayerInaccessibleException", "GetDownloadUrlForLayer", new { repositoryName = name, layerDigest = layer.Digest });
        var config = TestBlob.Of("{}"u8.ToArray(), OciMediaTypes.ImageConfig);
        await ecr.UploadAsync(name, config);
        var manifest = TestImage.Manifest(new TestImageOptions(), config, [layer]);
        await ecr.CallAsync("PutImage", new { repositoryName = name, imageManifest = System.Text.Encoding.UTF8.GetString(manifest.Content), imageTag = "v1" });
        var answer = await ecr.CallAsync("GetDownloadUrlForLayer", new { repositoryName = name, layerDigest = layer.Digest });
        Assert.Equal(layer.Digest, answer.GetProperty("layerDigest").GetString());
        var url = new Uri(answer.GetProperty("downloadUrl").GetString()!);
        Assert.Equal(ecr.Server.BaseAddress.Authority, url.Authority);

        using var http = new HttpClient();
        Assert.Equal(layer.Content, await http.GetByteArrayAsync(url, EcrFixture.Token));
        using var ranged = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Range = new RangeHeaderValue(5, 9) } };
        using var part = await http.SendAsync(ranged, EcrFixture.Token);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(layer.Content[5..10], await part.Content.ReadAsByteArrayAsync(EcrFixture.Token));
        using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, url), EcrFixture.Token);
        Assert.Equal(layer.Content.Length, head.Content.Headers.ContentLength);

        // The distribution API serves the same image.
        await ecr.Oci.VerifyImageAsync(name, manifest, "v1", EcrFixture.Token);
    }

    [Fact]
    public async Task An_address_that_was_changed_is_refused()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = await ecr.PushAsync(name, 3, "v1");
        var (one, other) = (image.Blobs[0].Digest, image.Blobs[1].Digest);
        var url = (await ecr.CallAsync("GetDownloadUrlForLayer", new { repositoryName = name, layerDigest = one })).GetProperty("downloadUrl").GetString()!;
        using var http = new HttpClient();
        foreach (var changed in (string[])
        [
            url.Replace(one, other, StringComparison.Ordinal),
            url.Replace("expires=", "expires=9", StringComparison.Ordinal),
            url[..url.IndexOf('?', StringComparison.Ordinal)],
            url.Replace(name, "../" + name, StringComparison.Ordinal),
            url[..^2] + "AA",
            url + "&expires=1",
        ])
        {
            using var response = await http.GetAsync(new Uri(changed), EcrFixture.Token);
            Assert.True(response.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.NotFound, $"{changed}: {response.StatusCode}");
        }
        using var good = await http.GetAsync(new Uri(url), EcrFixture.Token);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
    }

    [Fact]
    public async Task Layers_are_available_unavailable_or_malformed()
    {
        var name = await ecr.NewRepositoryAsync();
        var layer = TestBlob.Random(4, 100);
        await ecr.UploadAsync(name, layer);
        var absent = TestBlob.Random(5, 100).Digest;
        var answer = await ecr.CallAsync("BatchCheckLayerAvailability", new { repositoryName = name, layerDigests = new[] { layer.Digest, absent, "sha256:xyz", "" } });
        var layers = answer.GetProperty("layers");
        Assert.Equal("AVAILABLE", layers[0].GetProperty("layerAvailability").GetString());
        Assert.Equal(100, layers[0].GetProperty("layerSize").GetInt64());
        Assert.Equal((absent, "UNAVAILABLE"), (layers[1].GetProperty("layerDigest").GetString(), layers[1].GetProperty("layerAvailability").GetString()));
        Assert.Equal(["InvalidLayerDigest", "MissingLayerDigest"], answer.GetProperty("failures").EnumerateArray().Select(f => f.GetProperty("failureCode").GetString()));
        await ecr.RefusedAsync("RepositoryNotFoundException", "BatchCheckLayerAvailability", new { repositoryName = "no-such", layerDigests = new[] { absent } });
        await ecr.RefusedAsync("InvalidParameterException", "BatchCheckLayerAvailability", new { repositoryName = name, layerDigests = Array.Empty<string>() });
    }

    [Fact]
    public async Task Parts_that_do_not_follow_each_other_are_refused_and_say_where_to_go_on()
    {
        var name = await ecr.NewRepositoryAsync();
        var id = (await ecr.CallAsync("InitiateLayerUpload", new { repositoryName = name })).GetProperty("uploadId").GetString()!;
        var blob = TestBlob.Random(6, 100);
        await ecr.RefusedAsync("EmptyUploadException", "CompleteLayerUpload", new { repositoryName = name, uploadId = id, layerDigests = new[] { blob.Digest } });
        await RefusedPartAsync(name, id, 5, 9, 5, null);
        await PartAsync(name, id, blob, 0, 60);
        await RefusedPartAsync(name, id, 0, 59, 60, 59);
        await RefusedPartAsync(name, id, 61, 70, 10, 59);
        await RefusedPartAsync(name, id, 60, 70, 10, 59);
        await RefusedPartAsync(name, id, 60, 60, 0, 59);
        await RefusedPartAsync(name, id, long.MaxValue, 0, 10, 59);
        await PartAsync(name, id, blob, 60, 40);
        // Only the last part may be small.
        await ecr.RefusedAsync("LayerPartTooSmallException", "CompleteLayerUpload", new { repositoryName = name, uploadId = id, layerDigests = new[] { blob.Digest } });
    }

    [Fact]
    public async Task Completing_checks_digest_existence_and_upload()
    {
        var name = await ecr.NewRepositoryAsync();
        var blob = TestBlob.Random(7, 100);
        await ecr.UploadAsync(name, blob);
        var id = (await ecr.CallAsync("InitiateLayerUpload", new { repositoryName = name })).GetProperty("uploadId").GetString()!;
        await PartAsync(name, id, blob, 0, 100);
        await ecr.RefusedAsync("LayerAlreadyExistsException", "CompleteLayerUpload", new { repositoryName = name, uploadId = id, layerDigests = new[] { blob.Digest } });
        await ecr.RefusedAsync("InvalidLayerException", "CompleteLayerUpload", new { repositoryName = name, uploadId = id, layerDigests = new[] { TestBlob.Random(8, 1).Digest } });
        await ecr.RefusedAsync("InvalidParameterException", "CompleteLayerUpload", new { repositoryName = name, uploadId = id, layerDigests = new[] { "md5:00" } });
        var unknown = Guid.NewGuid().ToString();
        await ecr.RefusedAsync("UploadNotFoundException", "CompleteLayerUpload", new { repositoryName = name, uploadId = unknown, layerDigests = new[] { blob.Digest } });
        await ecr.RefusedAsync("UploadNotFoundException", "UploadLayerPart", new { repositoryName = name, uploadId = unknown, partFirstByte = 0, partLastByte = 0, layerPartBlob = new byte[1] });
        await ecr.RefusedAsync("UploadNotFoundException", "UploadLayerPart", new { repositoryName = name, uploadId = unknown, partFirstByte = 0, partLastByte = 9, layerPartBlob = new byte[1] });
        await ecr.RefusedAsync("InvalidParameterException", "UploadLayerPart", new { repositoryName = name, uploadId = "../x", partFirstByte = 0, partLastByte = 0, layerPartBlob = new byte[1] });
        await ecr.RefusedAsync("RepositoryNotFoundException", "InitiateLayerUpload", new { repositoryName = "no-such" });
        await ecr.RefusedAsync("RepositoryNotFoundException", "CompleteLayerUpload", new { repositoryName = "no-such", uploadId = unknown, layerDigests = new[] { blob.Digest } });
        await ecr.RefusedAsync("RepositoryNotFoundException", "UploadLayerPart", new { repositoryName = "no-such", uploadId = unknown, partFirstByte = 0, partLastByte = 0, layerPartBlob = new byte[1] });
        await ecr.RefusedAsync("LayersNotFoundException", "GetDownloadUrlForLayer", new { repositoryName = name, layerDigest = TestBlob.Random(9, 1).Digest });
        await ecr.RefusedAsync("RepositoryNotFoundException", "GetDownloadUrlForLayer", new { repositoryName = "no-such", layerDigest = blob.Digest });
        await ecr.RefusedAsync("InvalidParameterException", "GetDownloadUrlForLayer", new { repositoryName = name, layerDigest = "sha256:00" });
    }

    private Task<JsonElement> PartAsync(string name, string id, TestBlob blob, int first, int length) => ecr.CallAsync("UploadLayerPart", new
    {
        repositoryName = name,
        uploadId = id,
        partFirstByte = first,
        partLastByte = first + length - 1,
        layerPartBlob = blob.Content[first..(first + length)],
    });

    private async Task RefusedPartAsync(string name, string id, long first, long last, int length, long? lastValid)
    {
        var input = JsonSerializer.Serialize(new { repositoryName = name, uploadId = id, partFirstByte = first, partLastByte = last, layerPartBlob = new byte[length] });
        using var response = await ecr.Client.CallAsync("UploadLayerPart", input, EcrFixture.Token);
        Assert.Equal("InvalidLayerPartException", response.ErrorType);
        Assert.Equal(name, response.Root.GetProperty("repositoryName").GetString());
        Assert.Equal(id, response.Root.GetProperty("uploadId").GetString());
        Assert.Equal(EcrFixture.Account, response.Root.GetProperty("registryId").GetString());
        Assert.Equal(lastValid, response.Root.TryGetProperty("lastValidByteReceived", out var valid) ? valid.GetInt64() : null);
    }
}
