using System.Net;
using System.Text.Json;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Ecr;

/// <summary>One server for all tests of this folder; each test works in repositories of its own.</summary>
public sealed class EcrFixture : IAsyncLifetime
{
    public const string Account = "123456789012";
    private LongshoreProcess? _server;
    private EcrClient? _client;
    private OciClient? _oci;
    private int _repositories;

    public LongshoreProcess Server => _server ?? throw new InvalidOperationException("The fixture has not started.");

    public EcrClient Client => _client ?? throw new InvalidOperationException("The fixture has not started.");

    public OciClient Oci => _oci ?? throw new InvalidOperationException("The fixture has not started.");

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public string NewName(string label = "team") => $"{label}/r-{Interlocked.Increment(ref _repositories)}";

    public async Task<string> NewRepositoryAsync(object? settings = null)
    {
        var name = NewName();
        var input = JsonSerializer.SerializeToNode(settings ?? new { })!.AsObject();
        input["repositoryName"] = name;
        await Client.InvokeAsync("CreateRepository", input.ToJsonString(), Token);
        return name;
    }

    /// <summary>The answer of an operation that must succeed.</summary>
    public Task<JsonElement> CallAsync(string operation, object input) => Client.InvokeAsync(operation, JsonSerializer.Serialize(input), Token);

    /// <summary>The message of an operation that must fail with an error of the given name and status 400.</summary>
    public async Task<string> RefusedAsync(string error, string operation, object input)
    {
        using var response = await Client.CallAsync(operation, JsonSerializer.Serialize(input), Token);
        Assert.True(response.ErrorType == error && response.Status == HttpStatusCode.BadRequest, $"Expected {error}, got {response}");
        return response.Root.GetProperty("message").GetString()!;
    }

    /// <summary>Pushes an image by the distribution API.</summary>
    public async Task<TestManifest> PushAsync(string repository, int seed, string? tag, TestImageOptions? options = null)
    {
        var image = TestImage.Create((options ?? new TestImageOptions()) with { Seed = seed, LayerSizes = [64] });
        await Oci.PushImageAsync(repository, image, tag, Token);
        return image;
    }

    /// <summary>Uploads one layer by the ECR API, in one part.</summary>
    public async Task UploadAsync(string repository, TestBlob blob)
    {
        var id = (await CallAsync("InitiateLayerUpload", new { repositoryName = repository })).GetProperty("uploadId").GetString();
        await CallAsync("UploadLayerPart", new { repositoryName = repository, uploadId = id, partFirstByte = 0, partLastByte = blob.Content.Length - 1, layerPartBlob = blob.Content });
        await CallAsync("CompleteLayerUpload", new { repositoryName = repository, uploadId = id, layerDigests = new[] { blob.Digest } });
    }

    public async ValueTask InitializeAsync()
    {
        _server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        _client = new EcrClient(_server.BaseAddress, _server.Options.AccessKeyId, _server.Options.SecretAccessKey);
        var (userName, password) = await _client.GetLoginAsync(Token);
        _oci = new OciClient(_server.BaseAddress, userName, password);
    }

    public async ValueTask DisposeAsync()
    {
        _oci?.Dispose();
        _client?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class EcrCollection : ICollectionFixture<EcrFixture>
{
    public const string Name = "ECR";
}
