using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Faults;

/// <summary>The real binary on a data directory, logged in to over both faces.</summary>
internal sealed class LiveRegistry : IAsyncDisposable
{
    // What the server logs for requests that ended in no way it foresaw, and what .NET prints when a process falls.
    private static readonly string[] SignsOfBugs = ["failed unexpectedly", "Unhandled exception", "unobserved", " fail: ", " crit: "];

    // A disk that ran full or a bucket that does not answer is a failure, and one that the server knows.
    private static readonly string[] StoreFull = [": the store is full: ", "StorageFullException", "StorageUnavailableException"];

    private LiveRegistry(LongshoreProcess server) => Server = server;

    public LongshoreProcess Server { get; }

    public Uri BaseAddress => Server.BaseAddress;

    public OciClient Client { get; private set; } = null!;

    public EcrClient Ecr { get; private set; } = null!;

    /// <summary>Password of user AWS.</summary>
    public string Password { get; private set; } = "";

    /// <param name="arguments">Further arguments of <c>longshore serve</c>.</param>
    public static async Task<LiveRegistry> StartAsync(CancellationToken cancellationToken, string? dataDirectory = null, params string[] arguments)
    {
        var registry = new LiveRegistry(await LongshoreProcess.StartAsync(
            new LongshoreOptions { DataDirectory = dataDirectory, Arguments = ["--create-on-push", .. arguments] },
            cancellationToken));
        await registry.LogInAsync(cancellationToken);
        return registry;
    }

    /// <summary>A further client, with its own connections.</summary>
    public OciClient NewClient(int maxConnections = 64) => new(BaseAddress, "AWS", Password, maxConnections);

    /// <summary>Runs <c>longshore verify --json</c> on the data directory, and expects that nothing is damaged or missing.</summary>
    /// <returns>Its summary.</returns>
    public async Task<JsonNode> VerifyAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var binary = LongshoreProcess.BinaryPath();
        string[] command = ["verify", "--json", "--data", Server.DataDirectory, .. TestDatabases.Arguments(Server.DataDirectory), .. arguments.Contains("--blobs") ? [] : S3Gateway.BlobArguments(Server.DataDirectory), .. arguments];
        var result = binary.EndsWith(".dll", StringComparison.Ordinal)
            ? await CommandRunner.TryRunAsync("dotnet", [binary, .. command], cancellationToken, S3Gateway.Environment)
            : await CommandRunner.TryRunAsync(binary, command, cancellationToken, S3Gateway.Environment);
        Assert.True(result.ExitCode == 0, result.ToString());
        var summary = JsonNode.Parse(result.StandardOutput.TrimEnd().Split('\n')[^1])!;
        Assert.Equal(0, (int)summary["damaged"]!);
        return summary;
    }

    /// <summary>Expects that the server's log tells of no request that failed in a way nobody foresaw.</summary>
    public void ExpectNoFailuresInLog()
    {
        var suspicious = Server.Output.Split('\n').Where(line => !StoreFull.Any(full => line.Contains(full, StringComparison.Ordinal)) && SignsOfBugs.Any(sign => line.Contains(sign, StringComparison.Ordinal))).Take(20).ToList();
        Assert.True(suspicious.Count == 0, string.Join('\n', suspicious));
    }

    /// <summary>Expects that an image can still be pushed and pulled.</summary>
    public async Task ExpectUsableAsync(CancellationToken cancellationToken)
    {
        var image = TestImage.Create(Environment.TickCount, 3000, 70_000);
        var repository = string.Create(CultureInfo.InvariantCulture, $"still/usable-{Environment.TickCount64}");
        await Client.PushImageAsync(repository, image, "it", cancellationToken);
        await Client.VerifyImageAsync(repository, image, "it", cancellationToken);
    }

    /// <summary>Expects equal bytes; xunit's own comparison takes seconds for some MiB.</summary>
    public static void Same(byte[] expected, byte[] actual) =>
        Assert.True(expected.AsSpan().SequenceEqual(actual), $"Expected {expected.Length} bytes, and {actual.Length} others came.");

    /// <summary>Creates a repository over the ECR face.</summary>
    public Task<JsonElement> CreateRepositoryAsync(string name, CancellationToken cancellationToken, string mutability = "MUTABLE") =>
        Ecr.InvokeAsync("CreateRepository", JsonSerializer.Serialize(new { repositoryName = name, imageTagMutability = mutability }), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        Ecr?.Dispose();
        await Server.DisposeAsync();
    }

    private async Task LogInAsync(CancellationToken cancellationToken)
    {
        Ecr = new EcrClient(BaseAddress, Server.Options.AccessKeyId, Server.Options.SecretAccessKey);
        (_, Password) = await Ecr.GetLoginAsync(cancellationToken);
        Client = NewClient();
    }
}
