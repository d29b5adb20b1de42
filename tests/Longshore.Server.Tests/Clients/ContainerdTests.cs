using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>containerd, as Kubernetes nodes pull: through <c>ctr</c>, on the containerd that the docker daemon runs.</summary>
[Collection(ClientsCollection.Name)]
public sealed class ContainerdTests(ClientsFixture clients)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Index_is_pulled_whole_and_pushed_under_another_name()
    {
        var docker = await clients.DockerAsync(Token);
        var index = TestImages.MultiPlatform(901);
        var name = await clients.CreateRepositoryAsync("containerd/multi", Token) + ":1";
        await clients.Oci.PushImageAsync("containerd/multi", index, "1", Token);

        await CtrAsync(docker, "images", "pull", "--plain-http", "--user", Credentials, "--all-platforms", "--snapshotter", "native", name);
        Assert.Contains(index.Digest, await CtrAsync(docker, "images", "list", $"name=={name}"), StringComparison.Ordinal);
        var content = await CtrAsync(docker, "content", "list", "--quiet");
        foreach (var manifest in index.PushOrder)
        {
            Assert.Contains(manifest.Digest, content, StringComparison.Ordinal);
            Assert.All(manifest.Blobs, blob => Assert.Contains(blob.Digest, content, StringComparison.Ordinal));
        }

        var copy = await clients.CreateRepositoryAsync("containerd/copy", Token) + ":1";
        await CtrAsync(docker, "images", "push", "--plain-http", "--user", Credentials, copy, name);
        Assert.Equal(index.Digest, await clients.DigestOfAsync("containerd/copy", "1", Token));
        await clients.Oci.VerifyImageAsync("containerd/copy", index, "1", Token);
    }

    private string Credentials => "AWS:" + clients.Password;

    private static async Task<string> CtrAsync(DockerDaemon docker, params string[] arguments) =>
        (await CommandRunner.RunAsync("ctr", ["--address", docker.ContainerdSocket, "--namespace", "longshore", .. arguments], Token)).StandardOutput;
}
