using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>Debian's docker, logged in with <c>aws ecr get-login-password</c>.</summary>
[Collection(ClientsCollection.Name)]
public sealed partial class DockerTests(ClientsFixture clients)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Debootstrapped_image_comes_back_the_same_and_the_api_describes_it()
    {
        var docker = await clients.DockerAsync(Token);
        var name = await clients.CreateRepositoryAsync("docker/debian", Token) + ":bookworm";
        await docker.RunAsync(["import", await clients.RootFilesystemAsync(Token), name], Token);
        var digest = await PushAsync(docker, name);

        var described = JsonNode.Parse(await clients.AwsAsync(["describe-images", "--repository-name", "docker/debian", "--output", "json"], Token))!;
        var detail = Assert.Single(described["imageDetails"]!.AsArray())!;
        Assert.Equal(digest, (string?)detail["imageDigest"]);
        Assert.Equal(["bookworm"], detail["imageTags"]!.AsArray().Select(tag => (string?)tag));
        Assert.Equal(OciMediaTypes.DockerManifest, (string?)detail["imageManifestMediaType"]);
        Assert.InRange((long)detail["imageSizeInBytes"]!, 20_000_000, 200_000_000);

        await PullAnewAsync(docker, name, digest);
    }

    [Fact]
    public async Task Image_of_sixty_layers_goes_up_mounts_elsewhere_and_comes_back()
    {
        var docker = await clients.DockerAsync(Token);
        var image = TestImages.Deep(601);
        var name = await clients.CreateRepositoryAsync("docker/deep", Token) + ":1";
        var archive = clients.Directory.Combine("deep.tar");
        await CommandRunner.RunAsync(
            "skopeo", ["copy", "--insecure-policy", await TestImages.WriteLayoutAsync(clients.Directory, image, Token), $"docker-archive:{archive}:{name}"], Token);
        await docker.RunAsync(["load", "-i", archive], Token);
        var digest = await PushAsync(docker, name);

        var copy = await clients.CreateRepositoryAsync("docker/deep-copy", Token) + ":1";
        await docker.RunAsync(["tag", name, copy], Token);
        var output = await docker.RunAsync(["push", copy], Token);
        Assert.Contains("Mounted from docker/deep", output, StringComparison.Ordinal);
        Assert.Equal(digest, await clients.DigestOfAsync("docker/deep-copy", "1", Token));

        await docker.RunAsync(["rmi", copy], Token);
        await PullAnewAsync(docker, name, digest);
        var layers = await docker.RunAsync(["inspect", "--format", "{{len .RootFS.Layers}}", name], Token);
        Assert.Equal($"{TestImages.ManyLayers}", layers);
    }

    [Fact]
    public async Task Index_pushed_by_docker_lists_its_images_and_pulls_by_its_own_digest()
    {
        var docker = await clients.DockerAsync(Token);
        var index = TestImages.MultiPlatform(602);
        await clients.CreateRepositoryAsync("docker/multi", Token);
        await clients.Oci.PushImageAsync("docker/multi", index, "generated", Token);

        var name = $"{clients.Registry}/docker/multi";
        await docker.RunAsync(["pull", $"{name}:generated"], Token);
        Assert.Contains($"{name}@{index.Digest}", await RepoDigestsAsync(docker, $"{name}:generated"), StringComparison.Ordinal);
        Assert.Equal(
            (string?)index.Children[0].Json["config"]!["digest"],
            await docker.RunAsync(["inspect", "--format", "{{.Id}}", $"{name}:generated"], Token));

        // docker 20.10 makes lists of Docker's own media types only.
        var list = TestImage.MultiPlatform(new TestImageOptions { Seed = 603, Docker = true });
        await clients.Oci.PushImageAsync("docker/multi", list, "list", Token);
        await docker.RunAsync(["pull", $"{name}@{list.Digest}"], Token);
        string[] children = [.. list.Children.Select(child => $"{name}@{child.Digest}")];
        await docker.RunAsync(["manifest", "create", "--insecure", $"{name}:made", .. children], Token);
        var digest = (await docker.RunAsync(["manifest", "push", "--insecure", $"{name}:made"], Token)).Split('\n')[^1];
        Assert.Equal(digest, await clients.DigestOfAsync("docker/multi", "made", Token));
        var manifest = (await clients.Oci.GetManifestAsync("docker/multi", "made", Token)).Json;
        // docker writes them in an order of its own choice.
        Assert.Equal(list.Children.Select(child => child.Digest).Order(), manifest["manifests"]!.AsArray().Select(entry => (string?)entry!["digest"]).Order());
    }

    [Fact]
    public async Task Push_to_a_repository_that_is_not_there_and_pull_of_a_tag_that_is_not_there_say_so()
    {
        var docker = await clients.DockerAsync(Token);
        var name = $"{clients.Registry}/docker/nowhere:1";
        await docker.RunAsync(["import", "-", name], Token, input: new string('\0', 1024));
        var push = await CommandRunner.TryRunAsync(DockerDaemon.Client, ["push", name], Token, docker.Environment);
        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains("docker/nowhere", push.StandardError, StringComparison.Ordinal);
        Assert.Contains("does not exist", push.StandardError, StringComparison.Ordinal);

        await clients.CreateRepositoryAsync("docker/empty", Token);
        var pull = await CommandRunner.TryRunAsync(DockerDaemon.Client, ["pull", $"{clients.Registry}/docker/empty:1"], Token, docker.Environment);
        Assert.NotEqual(0, pull.ExitCode);
        Assert.Contains("not found", pull.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_with_a_wrong_password_is_refused()
    {
        var docker = await clients.DockerAsync(Token);
        using var config = new TemporaryDirectory("login");
        var login = await CommandRunner.TryRunAsync(
            DockerDaemon.Client,
            ["login", "--username", "AWS", "--password-stdin", clients.Registry],
            Token,
            new Dictionary<string, string?>(docker.Environment) { ["DOCKER_CONFIG"] = config.Path },
            input: clients.Password[..^1]);
        Assert.NotEqual(0, login.ExitCode);
        Assert.Contains("401", login.StandardError, StringComparison.Ordinal);
    }

    // docker's own last line must name what the server holds.
    private async Task<string> PushAsync(DockerDaemon docker, string name)
    {
        var output = await docker.RunAsync(["push", name], Token);
        var digest = PushedDigest().Match(output).Groups[1].Value;
        var parts = name[(clients.Registry.Length + 1)..].Split(':');
        Assert.Equal(digest, await clients.DigestOfAsync(parts[0], parts[1], Token));
        return digest;
    }

    // Removes the image and pulls it: docker checks every layer against the config, whose digest is the image's id.
    private static async Task PullAnewAsync(DockerDaemon docker, string name, string digest)
    {
        var id = await docker.RunAsync(["inspect", "--format", "{{.Id}}", name], Token);
        await docker.RunAsync(["rmi", name], Token);
        Assert.Equal("", await docker.RunAsync(["images", "--quiet", name], Token));
        await docker.RunAsync(["pull", name], Token);
        Assert.Equal(id, await docker.RunAsync(["inspect", "--format", "{{.Id}}", name], Token));
        Assert.Contains($"{name[..name.LastIndexOf(':')]}@{digest}", await RepoDigestsAsync(docker, name), StringComparison.Ordinal);
    }

    private static Task<string> RepoDigestsAsync(DockerDaemon docker, string name) =>
        docker.RunAsync(["inspect", "--format", "{{join .RepoDigests \" \"}}", name], Token);

    [GeneratedRegex(@"digest: (sha256:[0-9a-f]{64}) size: [0-9]+")]
    private static partial Regex PushedDigest();
}
