using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Management;

/// <summary>An answer of <c>/longshore/v1</c>.</summary>
public sealed record ManagementAnswer(HttpStatusCode Status, string Text, HttpResponseHeaders Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public string Code => Json.GetProperty("code").GetString()!;

    public string Message => Json.GetProperty("message").GetString()!;

    public override string ToString() => $"{(int)Status} {Text}";
}

/// <summary>One server for all tests of this folder; each test works in repositories, or regions, of its own.</summary>
public sealed class ManagementFixture : IAsyncLifetime
{
    private const string Region = "us-east-1";
    private LongshoreProcess? _server;
    private EcrClient? _ecr;
    private OciClient? _oci;
    private int _repositories;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public LongshoreProcess Server => _server ?? throw new InvalidOperationException("The fixture has not started.");

    public EcrClient Ecr => _ecr!;

    public OciClient Oci => _oci!;

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });

    public (string UserName, string Password) Login { get; private set; }

    public async Task<string> NewRepositoryAsync(string label = "team")
    {
        var name = $"{label}/r-{Interlocked.Increment(ref _repositories)}";
        await Ecr.CreateRepositoryAsync(name, Token);
        return name;
    }

    /// <summary>Pushes an image of one small layer.</summary>
    public async Task<TestManifest> PushAsync(string repository, int seed, string? tag, TestImageOptions? options = null)
    {
        var image = TestImage.Create((options ?? new TestImageOptions()) with { Seed = seed, LayerSizes = [64] });
        await Oci.PushImageAsync(repository, image, tag, Token);
        return image;
    }

    /// <summary>Sends a signed request.</summary>
    public async Task<ManagementAnswer> SendAsync(HttpMethod method, string path, object? body = null, string service = "longshore", string region = Region, string? secret = null)
    {
        using var request = Request(method, path, body, out var bytes);
        new AwsSigner(Server.Options.AccessKeyId, secret ?? Server.Options.SecretAccessKey, region, service, TimeProvider.System).Sign(request, bytes);
        return await SendAsync(request);
    }

    /// <summary>Sends a request as it stands.</summary>
    public async Task<ManagementAnswer> SendAsync(HttpRequestMessage request)
    {
        using var response = await Http.SendAsync(request, Token);
        return new(response.StatusCode, await response.Content.ReadAsStringAsync(Token), response.Headers);
    }

    /// <summary>The answer of a request that must succeed.</summary>
    public async Task<JsonElement> CallAsync(HttpMethod method, string path, object? body = null, string region = Region)
    {
        var answer = await SendAsync(method, path, body, region: region);
        Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.NoContent, $"{method} {path}: {answer}");
        return answer.Status == HttpStatusCode.OK ? answer.Json : default;
    }

    /// <summary>The message of a request that must fail.</summary>
    public async Task<string> RefusedAsync(HttpStatusCode status, string code, HttpMethod method, string path, object? body = null, string region = Region)
    {
        var answer = await SendAsync(method, path, body, region: region);
        Assert.True(answer.Status == status && answer.Code == code, $"{method} {path}: {answer}");
        return answer.Message;
    }

    /// <summary>A request that nobody has signed.</summary>
    public HttpRequestMessage Request(HttpMethod method, string path, object? body, out byte[] bytes)
    {
        bytes = body switch
        {
            null => [],
            string text => Encoding.UTF8.GetBytes(text),
            _ => JsonSerializer.SerializeToUtf8Bytes(body),
        };
        var request = new HttpRequestMessage(method, new Uri(Server.BaseAddress, "/longshore/v1/" + path));
        if (body is null) return request;
        request.Content = new ByteArrayContent(bytes);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        return request;
    }

    public async ValueTask InitializeAsync()
    {
        _server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        _ecr = new EcrClient(_server.BaseAddress, _server.Options.AccessKeyId, _server.Options.SecretAccessKey);
        Login = await _ecr.GetLoginAsync(Token);
        _oci = new OciClient(_server.BaseAddress, Login.UserName, Login.Password);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _oci?.Dispose();
        _ecr?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class ManagementCollection : ICollectionFixture<ManagementFixture>
{
    public const string Name = "Management";
}
