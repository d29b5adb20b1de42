using System.Net;
using System.Text;
using System.Text.Json;

namespace Longshore.TestSupport.Aws;

/// <summary>Signed calls of ECR's JSON 1.1 protocol. Safe for concurrent use.</summary>
/// <param name="time">Clock of the signatures; skew it to be refused.</param>
public sealed class EcrClient(
    Uri baseAddress, string accessKeyId, string secretAccessKey, string region = "us-east-1", TimeProvider? time = null) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
    {
        BaseAddress = baseAddress,
        Timeout = TimeSpan.FromMinutes(2),
    };

    private readonly AwsSigner _signer = new(accessKeyId, secretAccessKey, region, "ecr", time ?? TimeProvider.System);

    /// <summary>Calls an operation.</summary>
    /// <param name="operation">Its name, such as <c>CreateRepository</c>.</param>
    /// <param name="json">The request body.</param>
    /// <param name="target">Prefix of <c>X-Amz-Target</c>.</param>
    public async Task<EcrResponse> CallAsync(
        string operation,
        string json,
        CancellationToken cancellationToken,
        string target = "AmazonEC2ContainerRegistry_V20150921")
    {
        var body = Encoding.UTF8.GetBytes(json);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(baseAddress, "/")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
        request.Headers.TryAddWithoutValidation("X-Amz-Target", $"{target}.{operation}");
        _signer.Sign(request, body);
        return await SendAsync(request, cancellationToken);
    }

    /// <summary>Calls an operation and throws unless the answer is 200.</summary>
    /// <returns>The answer's JSON, which outlives the response.</returns>
    /// <exception cref="HttpRequestException">Another status; the message holds the answer.</exception>
    public async Task<JsonElement> InvokeAsync(string operation, string json, CancellationToken cancellationToken)
    {
        using var response = await CallAsync(operation, json, cancellationToken);
        return response.Status == HttpStatusCode.OK
            ? response.Root.Clone()
            : throw new HttpRequestException($"{operation}: {response}", null, response.Status);
    }

    /// <summary>Creates a repository with default settings.</summary>
    public Task CreateRepositoryAsync(string name, CancellationToken cancellationToken) =>
        InvokeAsync("CreateRepository", JsonSerializer.Serialize(new { repositoryName = name }), cancellationToken);

    /// <summary>User name and password for the registry, from <c>GetAuthorizationToken</c>.</summary>
    public async Task<(string UserName, string Password)> GetLoginAsync(CancellationToken cancellationToken)
    {
        var answer = await InvokeAsync("GetAuthorizationToken", "{}", cancellationToken);
        var token = answer.GetProperty("authorizationData")[0].GetProperty("authorizationToken").GetString()!;
        var login = Encoding.UTF8.GetString(Convert.FromBase64String(token)).Split(':', 2);
        return (login[0], login[1]);
    }

    /// <summary>Sends a request that was built and signed elsewhere.</summary>
    public async Task<EcrResponse> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var response = await _http.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
            headers[name] = string.Join(", ", values);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            document = JsonDocument.Parse("{}");
        }
        return new(response.StatusCode, document, text, headers);
    }

    public void Dispose() => _http.Dispose();
}
