using System.Net;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class AccountSettingTests(EcrFixture ecr)
{
    [Theory]
    [InlineData("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", "AWS_NATIVE")]
    [InlineData("REGISTRY_POLICY_SCOPE", "V2", "V1")]
    [InlineData("BLOB_MOUNTING", "ENABLED", "DISABLED")]
    public async Task A_setting_has_its_default_until_it_is_put(string name, string before, string after)
    {
        var region = $"eu-west-{name.Length}";
        Assert.Equal((name, before), await GetAsync(region, name));
        using var client = ClientOf(region);
        var put = await client.InvokeAsync("PutAccountSetting", $$"""{"name":"{{name}}","value":"{{after}}"}""", EcrFixture.Token);
        Assert.Equal((name, after), (put.GetProperty("name").GetString(), put.GetProperty("value").GetString()));
        Assert.Equal((name, after), await GetAsync(region, name));
        Assert.Equal((name, before), await GetAsync("us-east-1", name));
    }

    [Theory]
    [InlineData("PutAccountSetting", """{"name":"NO_SUCH","value":"x"}""", "name", "BLOB_MOUNTING")]
    [InlineData("GetAccountSetting", """{"name":"NO_SUCH"}""", "name", "BLOB_MOUNTING")]
    [InlineData("PutAccountSetting", """{"name":"BLOB_MOUNTING","value":"enabled"}""", "value", "[ENABLED, DISABLED]")]
    [InlineData("PutAccountSetting", """{"name":"BASIC_SCAN_TYPE_VERSION","value":"CLAIR"}""", "value", "[AWS_NATIVE]")]
    [InlineData("PutAccountSetting", """{"name":"REGISTRY_POLICY_SCOPE","value":"V3"}""", "value", "[V1, V2]")]
    [InlineData("PutAccountSetting", """{"name":"BLOB_MOUNTING"}""", "value", "must not be null")]
    public async Task A_setting_that_ecr_does_not_know_is_refused(string operation, string input, string parameter, string told)
    {
        var message = await ecr.RefusedAsync("InvalidParameterException", operation, System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(input));
        Assert.StartsWith($"Invalid parameter at '{parameter}' failed to satisfy constraint: '", message, StringComparison.Ordinal);
        Assert.Contains(told, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Blob_mounting_decides_what_is_mounted()
    {
        const string Region = "ap-south-1";
        using var client = ClientOf(Region);
        var (user, password) = await client.GetLoginAsync(EcrFixture.Token);
        using var oci = new OciClient(ecr.Server.BaseAddress, user, password);
        await client.CreateRepositoryAsync("mounts/source", EcrFixture.Token);
        await client.CreateRepositoryAsync("mounts/target", EcrFixture.Token);
        var image = TestImage.Create(new TestImageOptions { Seed = 7001, LayerSizes = [64, 65, 66] });
        await oci.PushImageAsync("mounts/source", image, "v1", EcrFixture.Token);
        var loose = TestBlob.Random(7002, 100);
        await oci.PushBlobAsync("mounts/source", loose, EcrFixture.Token);
        var named = image.Blobs;

        async Task<HttpStatusCode> MountAsync(TestBlob blob, string? from) => (await oci.MountBlobAsync("mounts/target", blob.Digest, from, EcrFixture.Token)).Status;
        Task PutAsync(string value) => client.InvokeAsync("PutAccountSetting", $$"""{"name":"BLOB_MOUNTING","value":"{{value}}"}""", EcrFixture.Token);

        // Nothing put: what the distribution specification says.
        Assert.Equal(HttpStatusCode.Created, await MountAsync(named[0], "mounts/source"));
        await PutAsync("DISABLED");
        Assert.Equal(HttpStatusCode.Accepted, await MountAsync(named[1], "mounts/source"));
        Assert.Equal(HttpStatusCode.Accepted, await MountAsync(named[1], null));
        // What was mounted stays.
        Assert.Equal(HttpStatusCode.OK, (await oci.HeadBlobAsync("mounts/target", named[0].Digest, EcrFixture.Token)).Status);
        // A client that is not given the body uploads it.
        var upload = await oci.MountBlobAsync("mounts/target", named[3].Digest, "mounts/source", EcrFixture.Token);
        Assert.Equal(HttpStatusCode.Created, (await oci.FinishUploadAsync(upload.Location, named[3].Digest, EcrFixture.Token, named[3].Content)).Status);

        // ECR's rule: an image of the source must name the body.
        await PutAsync("ENABLED");
        Assert.Equal(HttpStatusCode.Accepted, await MountAsync(loose, "mounts/source"));
        Assert.Equal(HttpStatusCode.Accepted, await MountAsync(loose, null));
        Assert.Equal(HttpStatusCode.Created, await MountAsync(named[1], "mounts/source"));
        Assert.Equal(HttpStatusCode.Created, await MountAsync(named[2], null));
    }

    private EcrClient ClientOf(string region) => new(ecr.Server.BaseAddress, ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, region);

    private async Task<(string?, string?)> GetAsync(string region, string name)
    {
        using var client = ClientOf(region);
        var got = await client.InvokeAsync("GetAccountSetting", $$"""{"name":"{{name}}"}""", EcrFixture.Token);
        return (got.GetProperty("name").GetString(), got.GetProperty("value").GetString());
    }
}
