using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>Classes that drive real clients share one server and one docker daemon, and run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class ClientsCollection : ICollectionFixture<ClientsFixture>
{
    public const string Name = "Real clients";
}

/// <summary>The real server, logged-in clients of it, and the images they carry.</summary>
public sealed class ClientsFixture : IAsyncLifetime
{
    private const string Aws = "/usr/bin/aws";
    private readonly TemporaryDirectory _directory = new("clients");
    private LongshoreProcess? _server;
    private DockerDaemon? _docker;
    private OciClient? _oci;
    private string? _rootFilesystem;

    /// <summary>The server.</summary>
    public LongshoreProcess Server => _server ?? throw new InvalidOperationException("Not started.");

    /// <summary>Host and port, as image names begin.</summary>
    public string Registry => Server.BaseAddress.Authority;

    /// <summary>What <c>docker login</c> gets for user <c>AWS</c>.</summary>
    public string Password { get; private set; } = "";

    /// <summary>A scratch directory of the whole collection.</summary>
    internal TemporaryDirectory Directory => _directory;

    /// <summary>A second opinion on what the server holds.</summary>
    public OciClient Oci => _oci ?? throw new InvalidOperationException("Not started.");

    /// <summary>The environment in which <c>aws</c> and <c>boto3</c> find the server's root key, and nothing of the user's.</summary>
    public Dictionary<string, string?> AwsEnvironment => Longshore.TestSupport.Aws.AwsEnvironment.Of(Server);

    public async ValueTask InitializeAsync()
    {
        var token = TestContext.Current.CancellationToken;
        _server = await LongshoreProcess.StartAsync(new LongshoreOptions(), token);
        using var ecr = new EcrClient(Server.BaseAddress, Server.Options.AccessKeyId, Server.Options.SecretAccessKey);
        (var user, Password) = await ecr.GetLoginAsync(token);
        _oci = new OciClient(Server.BaseAddress, user, Password);
    }

    /// <summary>The docker daemon, started by the first test that asks and logged in as a person does it.</summary>
    internal async Task<DockerDaemon> DockerAsync(CancellationToken cancellationToken)
    {
        if (_docker is null)
        {
            var docker = await DockerDaemon.StartAsync(cancellationToken);
            _docker = docker;
            var environment = new Dictionary<string, string?>([.. AwsEnvironment, .. docker.Environment]);
            await CommandRunner.RunAsync(
                "bash",
                ["-o", "pipefail", "-c", $"{Aws} ecr get-login-password --endpoint-url {Server.BaseAddress} | {DockerDaemon.Client} login --username AWS --password-stdin {Registry}"],
                cancellationToken,
                environment);
        }
        return _docker;
    }

    /// <summary>Runs the AWS CLI against the server.</summary>
    /// <returns>Its standard output, trimmed.</returns>
    public async Task<string> AwsAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        (await CommandRunner.RunAsync(
            Aws, ["ecr", "--endpoint-url", Server.BaseAddress.ToString(), .. arguments], cancellationToken, AwsEnvironment)).StandardOutput.Trim();

    /// <summary>Creates a repository as a person does it.</summary>
    /// <returns>Its name as clients write it: host, port and path.</returns>
    public async Task<string> CreateRepositoryAsync(string name, CancellationToken cancellationToken)
    {
        await AwsAsync(["create-repository", "--repository-name", name], cancellationToken);
        return $"{Registry}/{name}";
    }

    /// <summary>A tar archive of a small Debian system, made by debootstrap once per machine.</summary>
    public async Task<string> RootFilesystemAsync(CancellationToken cancellationToken)
    {
        Requires.Tool("debootstrap");
        Requires.That(Environment.IsPrivilegedProcess, "root, for debootstrap");
        return _rootFilesystem ??= (await CommandRunner.RunAsync(
            Path.Combine(RepositoryRoot.Path, "tests/clients/make-rootfs"), [], cancellationToken, timeout: TimeSpan.FromMinutes(10))).StandardOutput.Trim();
    }

    /// <summary>Digest under which the server has a tag.</summary>
    public async Task<string> DigestOfAsync(string repository, string tag, CancellationToken cancellationToken)
    {
        var answer = await Oci.GetManifestAsync(repository, tag, cancellationToken);
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.ToString());
        var digest = DigestAlgorithm.Sha256.Compute(answer.Body);
        Assert.Equal(digest, answer.Header("Docker-Content-Digest"));
        return digest;
    }

    public async ValueTask DisposeAsync()
    {
        if (_docker is not null)
            await _docker.DisposeAsync();
        _oci?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
        _directory.Dispose();
    }
}
