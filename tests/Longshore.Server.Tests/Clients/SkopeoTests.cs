using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>skopeo, which copies whatever has a manifest, and keeps every digest.</summary>
[Collection(ClientsCollection.Name)]
public sealed class SkopeoTests(ClientsFixture clients)
{
    private const long HugeLayer = 1536L << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Debootstrapped_image_goes_up_and_comes_back_the_same() =>
        await RoundTripAsync("skopeo/debian", await TestImages.DebianAsync(await clients.RootFilesystemAsync(Token), Token));

    [Fact]
    public Task Multi_platform_index_goes_up_and_comes_back_the_same() => RoundTripAsync("skopeo/multi", TestImages.MultiPlatform(701));

    [Fact]
    public async Task Docker_manifest_list_comes_down_and_goes_up_elsewhere_the_same()
    {
        // A layout holds OCI's media types only; a plain directory holds any.
        var list = TestImage.MultiPlatform(new TestImageOptions { Seed = 702, Docker = true });
        var from = await clients.CreateRepositoryAsync("skopeo/list", Token) + ":1";
        var to = await clients.CreateRepositoryAsync("skopeo/list-copy", Token) + ":1";
        await clients.Oci.PushImageAsync("skopeo/list", list, "1", Token);
        using var directory = new TemporaryDirectory("list");
        await SkopeoAsync("copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--src-creds", Credentials, $"docker://{from}", $"dir:{directory.Path}");
        await SkopeoAsync("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", Credentials, $"dir:{directory.Path}", $"docker://{to}");
        await clients.Oci.VerifyImageAsync("skopeo/list-copy", list, "1", Token);
    }

    [Fact]
    public Task Image_of_sixty_layers_goes_up_and_comes_back_the_same() => RoundTripAsync("skopeo/deep", TestImages.Deep(703));

    [Fact]
    public async Task Artifact_with_a_subject_comes_back_the_same_and_is_listed_as_its_referrer()
    {
        const string Type = "application/vnd.example.sbom.v1";
        var subject = TestImage.Create(704, 5000);
        await RoundTripAsync("skopeo/artifact", subject);
        var artifact = TestImage.Artifact(
            new TestImageOptions { Seed = 705, LayerSizes = [9000], ArtifactType = Type, Subject = subject.Descriptor() }, "application/vnd.example.sbom");
        await RoundTripAsync("skopeo/artifact", artifact, "sbom");

        var referrers = await clients.Oci.ReferrersAsync("skopeo/artifact", subject.Digest, Token, Type);
        var entry = Assert.Single(referrers.Json["manifests"]!.AsArray())!;
        Assert.Equal(artifact.Digest, (string?)entry["digest"]);
        Assert.Equal(Type, (string?)entry["artifactType"]);
        var listed = JsonNode.Parse(await clients.AwsAsync(["describe-images", "--repository-name", "skopeo/artifact", "--output", "json"], Token))!;
        Assert.Equal(2, listed["imageDetails"]!.AsArray().Count);
    }

    [Fact]
    public async Task Layer_of_one_and_a_half_gibibytes_goes_up_and_comes_back_the_same()
    {
        using var directory = new TemporaryDirectory("huge");
        var (manifest, layer) = await TestImages.WriteHugeAsync(directory.Combine("from"), "v1", HugeLayer, Token);
        var name = await clients.CreateRepositoryAsync("skopeo/huge", Token) + ":1";
        await SkopeoAsync("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", Credentials, $"oci:{directory.Combine("from")}:v1", $"docker://{name}");
        Assert.Equal(manifest, await clients.DigestOfAsync("skopeo/huge", "1", Token));
        System.IO.Directory.Delete(directory.Combine("from"), recursive: true);

        // skopeo compares the digest of what it writes.
        await SkopeoAsync("copy", "--preserve-digests", "--src-tls-verify=false", "--src-creds", Credentials, $"docker://{name}", $"dir:{directory.Combine("to")}");
        Assert.Equal(HugeLayer, new FileInfo(directory.Combine("to", layer.Split(':')[1])).Length);
    }

    [Fact]
    public async Task Tags_are_listed_an_image_is_inspected_and_deleted()
    {
        var image = TestImage.Create(706, 4000, 300);
        await RoundTripAsync("skopeo/tools", image, "b");
        await RoundTripAsync("skopeo/tools", image, "a");
        var name = $"docker://{clients.Registry}/skopeo/tools";

        var tags = JsonNode.Parse(await SkopeoAsync("list-tags", "--tls-verify=false", "--creds", Credentials, name))!;
        Assert.Equal(["a", "b"], tags["Tags"]!.AsArray().Select(tag => (string?)tag));
        var inspected = JsonNode.Parse(await SkopeoAsync("inspect", "--tls-verify=false", "--creds", Credentials, $"{name}:a"))!;
        Assert.Equal(image.Digest, (string?)inspected["Digest"]);
        Assert.Equal(image.Blobs.Skip(1).Select(blob => blob.Digest), inspected["Layers"]!.AsArray().Select(layer => (string?)layer));

        await SkopeoAsync("delete", "--tls-verify=false", "--creds", Credentials, $"{name}:a");
        Assert.Empty(await clients.Oci.ListTagsAsync("skopeo/tools", Token));
    }

    private string Credentials => "AWS:" + clients.Password;

    // Up from one layout, down into another: the same manifest under the same name, every blob's bytes the same.
    private async Task RoundTripAsync(string repository, TestManifest image, string tag = "1")
    {
        using var directory = new TemporaryDirectory("skopeo");
        var from = await TestImages.WriteLayoutAsync(directory, image, Token);
        if ((await clients.Oci.SendAsync(HttpMethod.Get, $"/v2/{repository}/tags/list", Token)).Status == System.Net.HttpStatusCode.NotFound)
            await clients.CreateRepositoryAsync(repository, Token);
        var name = $"docker://{clients.Registry}/{repository}:{tag}";
        await SkopeoAsync("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", Credentials, from, name);
        Assert.Equal(image.Digest, await clients.DigestOfAsync(repository, tag, Token));

        await SkopeoAsync("copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--src-creds", Credentials, name, $"oci:{directory.Combine("to")}:v1");
        var index = JsonNode.Parse(await File.ReadAllTextAsync(directory.Combine("to", "index.json"), Token))!;
        Assert.Equal(image.Digest, (string?)Assert.Single(index["manifests"]!.AsArray())!["digest"]);
        foreach (var manifest in image.PushOrder)
        {
            Assert.Equal(manifest.Content, await File.ReadAllBytesAsync(Blob(manifest.Digest), Token));
            foreach (var blob in manifest.Blobs)
                Assert.True((await File.ReadAllBytesAsync(Blob(blob.Digest), Token)).AsSpan().SequenceEqual(blob.Content), blob.Digest);
        }

        string Blob(string digest) => directory.Combine(["to", "blobs", .. digest.Split(':')]);
    }

    private static async Task<string> SkopeoAsync(string command, params string[] arguments) =>
        (await CommandRunner.RunAsync("skopeo", ["--insecure-policy", command, .. arguments], Token)).StandardOutput.Trim();
}
