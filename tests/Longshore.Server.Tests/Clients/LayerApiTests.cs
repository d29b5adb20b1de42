using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>One store behind both faces: what boto3 puts through the layer API, registry clients pull.</summary>
[Collection(ClientsCollection.Name)]
public sealed class LayerApiTests(ClientsFixture clients)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Image_put_by_boto3_pulls_with_docker_and_skopeo()
    {
        // The first layer takes three parts of 5 MiB or more.
        var image = TestImage.Create(new TestImageOptions { Seed = 1001, LayerSizes = [26_000_000, 700], Docker = true });
        var name = await clients.CreateRepositoryAsync("boto3/image", Token) + ":1";
        using var directory = new TemporaryDirectory("boto3");
        await TestImages.WriteLayoutAsync(directory, image, Token);
        var script = Path.Combine(RepositoryRoot.Path, "tests/clients/put_image.py");
        var put = await CommandRunner.RunAsync(
            "/usr/bin/python3",
            [script, clients.Server.BaseAddress.ToString(), "boto3/image", "1", System.IO.Directory.GetDirectories(directory.Path).Single()],
            Token,
            clients.AwsEnvironment);
        Assert.Equal(image.Digest, put.StandardOutput.Trim());
        await clients.Oci.VerifyImageAsync("boto3/image", image, "1", Token);

        var docker = await clients.DockerAsync(Token);
        await docker.RunAsync(["pull", name], Token);
        Assert.Equal((string?)image.Json["config"]!["digest"], await docker.RunAsync(["inspect", "--format", "{{.Id}}", name], Token));
        Assert.Equal(
            $"{clients.Registry}/boto3/image@{image.Digest}",
            await docker.RunAsync(["inspect", "--format", "{{join .RepoDigests \" \"}}", name], Token));

        await CommandRunner.RunAsync(
            "skopeo",
            ["--insecure-policy", "copy", "--preserve-digests", "--src-tls-verify=false", "--src-creds", "AWS:" + clients.Password, $"docker://{name}", $"dir:{directory.Combine("to")}"],
            Token);
        Assert.Equal(image.Content, await File.ReadAllBytesAsync(directory.Combine("to", "manifest.json"), Token));
    }

    [Fact]
    public async Task Image_pushed_by_docker_is_read_through_the_api()
    {
        var docker = await clients.DockerAsync(Token);
        var name = await clients.CreateRepositoryAsync("boto3/read", Token) + ":1";
        await docker.RunAsync(["import", "-", name], Token, input: new string('\0', 1024));
        await docker.RunAsync(["push", name], Token);
        var digest = await clients.DigestOfAsync("boto3/read", "1", Token);
        var answer = JsonNode.Parse(await clients.AwsAsync(
            ["batch-get-image", "--repository-name", "boto3/read", "--image-ids", "imageTag=1", "--output", "json"], Token))!;
        var image = Assert.Single(answer["images"]!.AsArray())!;
        Assert.Equal(digest, (string?)image["imageId"]!["imageDigest"]);
        Assert.Equal(digest, DigestAlgorithm.Sha256.Compute(System.Text.Encoding.UTF8.GetBytes((string)image["imageManifest"]!)));
    }
}
