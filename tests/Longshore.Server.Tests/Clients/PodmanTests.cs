using System.Text.Json.Nodes;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>podman, with a store of its own.</summary>
[Collection(ClientsCollection.Name)]
public sealed class PodmanTests(ClientsFixture clients) : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new("podman");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Requires.That(Environment.IsPrivilegedProcess, "root, for podman's store");
        await PodmanAsync(["login", "--tls-verify=false", "--username", "AWS", "--password-stdin", clients.Registry], clients.Password);
    }

    [Fact]
    public async Task Debootstrapped_image_comes_back_the_same()
    {
        var name = await clients.CreateRepositoryAsync("podman/debian", Token) + ":bookworm";
        await PodmanAsync(["import", await clients.RootFilesystemAsync(Token), name]);
        await PushAndPullAnewAsync(name);
    }

    [Fact]
    public async Task Image_of_sixty_layers_comes_back_the_same()
    {
        var image = TestImages.Deep(801);
        var name = await clients.CreateRepositoryAsync("podman/deep", Token) + ":1";
        var archive = _directory.Combine("deep.tar");
        await CommandRunner.RunAsync(
            "skopeo", ["--insecure-policy", "copy", await TestImages.WriteLayoutAsync(_directory, image, Token), $"oci-archive:{archive}:{name}"], Token);
        await PodmanAsync(["load", "--input", archive]);
        Assert.Equal((string?)image.Json["config"]!["digest"], "sha256:" + await PodmanAsync(["image", "inspect", "--format", "{{.Id}}", name]));
        await PushAndPullAnewAsync(name);
    }

    [Fact]
    public async Task Index_is_made_pushed_and_pulled()
    {
        var index = TestImages.MultiPlatform(802);
        var repository = await clients.CreateRepositoryAsync("podman/multi", Token);
        await clients.Oci.PushImageAsync("podman/multi", index, "generated", Token);
        await PodmanAsync(["pull", "--tls-verify=false", $"{repository}:generated"]);
        Assert.Contains(
            $"{repository}@{index.Digest}",
            await PodmanAsync(["image", "inspect", "--format", "{{join .RepoDigests \" \"}}", $"{repository}:generated"]),
            StringComparison.Ordinal);

        await PodmanAsync(["manifest", "create", "made"]);
        foreach (var child in index.Children)
            await PodmanAsync(["manifest", "add", "--tls-verify=false", "made", $"docker://{repository}@{child.Digest}"]);
        var digestFile = _directory.Combine("digest");
        await PodmanAsync(["manifest", "push", "--all", "--tls-verify=false", "--digestfile", digestFile, "made", $"docker://{repository}:made"]);
        Assert.Equal(await File.ReadAllTextAsync(digestFile, Token), await clients.DigestOfAsync("podman/multi", "made", Token));
        var made = (await clients.Oci.GetManifestAsync("podman/multi", "made", Token)).Json;
        Assert.Equal(
            index.Children.Select(child => child.Digest).Order(StringComparer.Ordinal),
            made["manifests"]!.AsArray().Select(entry => (string)entry!["digest"]!).Order(StringComparer.Ordinal));
    }

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    // The digest that podman reports, the one under which the server has the tag and the one after a fresh pull are the same.
    private async Task PushAndPullAnewAsync(string name)
    {
        var digestFile = _directory.Combine("digest");
        await PodmanAsync(["push", "--tls-verify=false", "--digestfile", digestFile, name]);
        var digest = await File.ReadAllTextAsync(digestFile, Token);
        var parts = name[(clients.Registry.Length + 1)..].Split(':');
        Assert.Equal(digest, await clients.DigestOfAsync(parts[0], parts[1], Token));

        var id = await PodmanAsync(["image", "inspect", "--format", "{{.Id}}", name]);
        await PodmanAsync(["rmi", "--force", id]);
        await PodmanAsync(["pull", "--tls-verify=false", name]);
        var image = JsonNode.Parse(await PodmanAsync(["image", "inspect", name]))!.AsArray()[0]!;
        Assert.Equal(id, (string?)image["Id"]);
        Assert.Equal(digest, (string?)image["Digest"]);
    }

    private async Task<string> PodmanAsync(IEnumerable<string> arguments, string? input = null)
    {
        string[] store =
        [
            "--root", _directory.Combine("root"), "--runroot", _directory.Combine("run"), "--tmpdir", _directory.Combine("tmp"),
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
        ];
        var result = await CommandRunner.RunAsync(
            "podman", [.. store, .. arguments], Token, new Dictionary<string, string?> { ["REGISTRY_AUTH_FILE"] = _directory.Combine("auth.json") }, input: input);
        return result.StandardOutput.Trim();
    }
}
