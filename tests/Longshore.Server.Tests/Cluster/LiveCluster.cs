using System.Text.Json.Nodes;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Cluster;

/// <summary>Several servers on one PostgreSQL database and one store of bodies, behind nginx.</summary>
internal sealed class LiveCluster : IAsyncDisposable
{
    // What the server logs for requests that ended in no way it foresaw, and what .NET prints when a process falls.
    private static readonly string[] SignsOfBugs = ["failed unexpectedly", "Unhandled exception", "unobserved", " crit: "];

    private readonly TemporaryDirectory directory = new("cluster");
    private readonly string database = TestPostgres.CreateEmptyDatabase();
    private readonly List<LongshoreProcess> servers = [];
    private readonly string blobs;
    private Nginx? balancer;

    private LiveCluster(string[] arguments)
    {
        var given = Array.IndexOf(arguments, "--blobs");
        blobs = given >= 0 ? arguments[given + 1] : directory.Combine("blobs");
    }

    /// <summary>The servers.</summary>
    public IReadOnlyList<LongshoreProcess> Servers => servers;

    /// <summary>Where the balancer listens.</summary>
    public Uri BaseAddress => balancer!.BaseAddress;

    /// <summary>Host and port of the balancer, as image names begin.</summary>
    public string Registry => BaseAddress.Authority;

    /// <summary>Password of user AWS; good at every server.</summary>
    public string Password { get; private set; } = "";

    /// <summary>What the balancer logged.</summary>
    public string BalancerLog => balancer!.Log;

    /// <summary>The database's URL.</summary>
    public string Database => database;

    /// <summary>The environment in which <c>aws</c> finds the root key, and nothing of the user's.</summary>
    public Dictionary<string, string?> AwsEnvironment => new(Longshore.TestSupport.Aws.AwsEnvironment.Of(Servers[0]))
    {
        ["AWS_RETRY_MODE"] = "standard",
        ["AWS_MAX_ATTEMPTS"] = "8",
    };

    /// <summary>Has the balancer ask the servers whether they are ready, until it is cancelled.</summary>
    public Task WatchAsync(CancellationToken cancellationToken) => balancer!.WatchAsync(cancellationToken);

    /// <summary>Starts them, and logs in.</summary>
    /// <param name="count">How many servers.</param>
    /// <param name="silence">How long the balancer waits for a silent server.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="arguments">Further arguments of <c>longshore serve</c>; without <c>--blobs</c> they share a directory.</param>
    public static Task<LiveCluster> StartAsync(int count, TimeSpan silence, CancellationToken cancellationToken, params string[] arguments) =>
        StartAsync(new string?[count], silence, cancellationToken, arguments);

    /// <summary>The same with the binaries of other versions; null: the one under test.</summary>
    public static async Task<LiveCluster> StartAsync(IReadOnlyList<string?> binaries, TimeSpan silence, CancellationToken cancellationToken, params string[] arguments)
    {
        TestDatabases.RequirePostgres();
        var cluster = new LiveCluster(arguments);
        try
        {
            for (var i = 0; i < binaries.Count; i++)
            {
                cluster.servers.Add(await LongshoreProcess.StartAsync(
                    new LongshoreOptions
                    {
                        Binary = binaries[i],
                        DataDirectory = cluster.directory.Combine($"server-{i}"),
                        Arguments = ["--create-on-push", "--trusted-proxies", "127.0.0.1", .. cluster.Shared(), .. arguments],
                        Environment = S3Gateway.Environment,
                    },
                    cancellationToken));
            }

            cluster.balancer = await Nginx.StartAsync([.. cluster.servers.Select(static server => server.BaseAddress)], silence, cancellationToken);
            using var ecr = cluster.NewEcr(cluster.servers[0].BaseAddress);
            (_, cluster.Password) = await ecr.GetLoginAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A further server of the version under test. The balancer does not know it.</summary>
    public async Task<LongshoreProcess> JoinAsync(CancellationToken cancellationToken)
    {
        var joined = await LongshoreProcess.StartAsync(
            servers[0].Options with { Binary = null, DataDirectory = directory.Combine($"server-{servers.Count}") }, cancellationToken);
        servers.Add(joined);
        return joined;
    }

    /// <summary>A client of the registry, of the balancer or of one server.</summary>
    public OciClient NewOci(Uri? server = null) => new(server ?? BaseAddress, "AWS", Password);

    /// <summary>A client of ECR's API.</summary>
    public EcrClient NewEcr(Uri? server = null) => new(server ?? BaseAddress, new LongshoreOptions().AccessKeyId, new LongshoreOptions().SecretAccessKey);

    /// <summary>Runs <c>longshore verify --json</c>, and expects that nothing is damaged or missing.</summary>
    /// <returns>Its summary.</returns>
    public async Task<JsonNode> VerifyAsync(CancellationToken cancellationToken)
    {
        var binary = LongshoreProcess.BinaryPath();
        string[] command = ["verify", "--json", "--data", servers[0].DataDirectory, .. Stored()];
        var result = binary.EndsWith(".dll", StringComparison.Ordinal)
            ? await CommandRunner.TryRunAsync("dotnet", [binary, .. command], cancellationToken, S3Gateway.Environment, timeout: TimeSpan.FromMinutes(10))
            : await CommandRunner.TryRunAsync(binary, command, cancellationToken, S3Gateway.Environment, timeout: TimeSpan.FromMinutes(10));
        Assert.True(result.ExitCode == 0, result.ToString());
        var summary = JsonNode.Parse(result.StandardOutput.TrimEnd().Split('\n')[^1])!;
        Assert.Equal(0, (int)summary["damaged"]!);
        return summary;
    }

    /// <summary>Lines of the servers' logs that tell of what nobody foresaw.</summary>
    public IEnumerable<string> SuspiciousLines() =>
        servers.SelectMany(static server => server.Output.Split('\n')).Where(static line => SignsOfBugs.Any(sign => line.Contains(sign, StringComparison.Ordinal)));

    public async ValueTask DisposeAsync()
    {
        balancer?.Dispose();
        foreach (var server in servers) await server.DisposeAsync();
        TestPostgres.DropDatabase(database);
        directory.Dispose();
    }

    /// <summary>What all servers have in common.</summary>
    private string[] Shared() => ["--database", database, .. blobs.StartsWith("s3:", StringComparison.Ordinal) ? Array.Empty<string>() : ["--blobs", blobs], "--key-file", directory.Combine("sealing.key")];

    private string[] Stored() => ["--database", database, "--blobs", blobs];
}
