using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Longshore.Core.Aws;
using Longshore.Server.Access;

namespace Longshore.Server.Commands.Clients;

/// <summary>A call failed in a way that the user is told: exit code 2.</summary>
internal sealed class ClientException(string message, string? code = null) : Exception(message)
{
    /// <summary>The code when nobody answered.</summary>
    public const string Unreachable = "Unreachable";

    /// <summary>The exception's name or the error's code, when a server answered; <see cref="Unreachable"/> when none did.</summary>
    public string? Code => code;
}

/// <summary>
/// Speaks to a registry over HTTP alone: ECR's API, on Longshore and on AWS, and <c>/longshore/v1</c> where it is there. Signs with Signature
/// Version 4.
/// </summary>
/// <param name="endpoint">Where it speaks to.</param>
/// <param name="region">The region that signatures name.</param>
/// <param name="credentials">They sign.</param>
/// <param name="time">Dates signatures, waits before tries.</param>
/// <param name="tries">How often a call is tried that is throttled, fails in the server or does not reach it; for calls that may be repeated.</param>
internal sealed class RegistryClient(Uri endpoint, string region, AwsCredentials credentials, TimeProvider time, int tries = 1) : IDisposable
{
    private static readonly string[] ThrottlingCodes = ["ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"];

    private const string TargetPrefix = "AmazonEC2ContainerRegistry_V20150921.";

    private const int MaxAnswer = 256 << 20;

    // A redirect is no answer of these APIs, and would take a session token to another host.
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(30) })
    {
        Timeout = TimeSpan.FromMinutes(2),
        MaxResponseContentBufferSize = MaxAnswer,
    };

    private bool? isLongshore;

    /// <summary>Where it speaks to.</summary>
    public Uri Endpoint => endpoint;

    /// <summary>Whether the other side is a Longshore server, which tells more than ECR does.</summary>
    public async Task<bool> IsLongshoreAsync(CancellationToken cancellationToken)
    {
        if (isLongshore is { } known) return known;
        try
        {
            using var response = await http.GetAsync(new Uri(endpoint, "/longshore/v1/openapi.json"), cancellationToken);
            isLongshore = response.StatusCode == HttpStatusCode.OK && response.Content.Headers.ContentType?.MediaType == "application/json";
        }
        catch (Exception e) when (IsUnreachable(e, cancellationToken))
        {
            throw Unreachable(e);
        }

        return isLongshore.Value;
    }

    /// <summary>Calls an operation of ECR.</summary>
    public async Task<TOutput> CallAsync<TInput, TOutput>(JsonOperation<TInput, TOutput> operation, TInput input, CancellationToken cancellationToken)
        where TInput : class
        where TOutput : class
    {
        var body = AwsJson.Serialize(input, operation.Input);
        var (status, answer) = await SendAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Post, new Uri(endpoint, "/"));
                request.Headers.Add("X-Amz-Target", TargetPrefix + operation.Name);
                return request;
            },
            body,
            "application/x-amz-json-1.1",
            "ecr",
            cancellationToken);
        if (status != HttpStatusCode.OK) throw Failure(operation.Name, status, answer);
        return AwsJson.TryParse(new System.Buffers.ReadOnlySequence<byte>(answer), operation.Output, out var output, out var error)
            ? output
            : throw new ClientException($"{operation.Name}: the answer cannot be read: {error}");
    }

    /// <summary>Calls an operation of <c>/longshore/v1</c> that answers.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">Path and query below <c>/longshore/v1/</c>, escaped.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="output">The answer.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task<TOutput> CallAsync<TOutput>(HttpMethod method, string path, byte[]? body, JsonTypeInfo<TOutput> output, CancellationToken cancellationToken)
    {
        var (status, answer) = await SendAsync(() => new HttpRequestMessage(method, new Uri(endpoint, "/longshore/v1/" + path)), body, "application/json", "longshore", cancellationToken);
        if (status is not (HttpStatusCode.OK or HttpStatusCode.Accepted)) throw Failure(path.Split('?')[0], status, answer);
        return JsonSerializer.Deserialize(answer, output) ?? throw new ClientException($"{path}: the answer is empty.");
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<(HttpStatusCode Status, byte[] Body)> SendAsync(Func<HttpRequestMessage> create, byte[]? body, string mediaType, string service, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = create();
            if (body is not null)
            {
                request.Content = new ByteArrayContent(body);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
            }

            Sign(request, body ?? [], service);
            TimeSpan? told = null;
            try
            {
                using var response = await http.SendAsync(request, cancellationToken);
                var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken);
                if (attempt >= tries || !MayWork(response.StatusCode, answer)) return (response.StatusCode, answer);
                told = RetryPause.ToldBy(response, time);
            }
            catch (Exception e) when (IsUnreachable(e, cancellationToken))
            {
                if (attempt >= tries) throw Unreachable(e);
            }

            await Task.Delay(RetryPause.Before(attempt, told), time, cancellationToken);
        }
    }

    /// <summary>Whether another try may do: the server failed, or it throttles, which ECR tells by a name with status 400.</summary>
    private static bool MayWork(HttpStatusCode status, byte[] body)
    {
        if ((int)status is >= 500 or 429) return true;
        return status == HttpStatusCode.BadRequest && Failure("", status, body).Code is { } code && ThrottlingCodes.Contains(code[(code.LastIndexOf('#') + 1)..], StringComparer.Ordinal);
    }

    /// <summary>AWS IAM User Guide, "Create a signed AWS API request": the header form, over host, content-type and x-amz-*.</summary>
    private void Sign(HttpRequestMessage request, byte[] body, string service)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var stamp = now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        request.Headers.Add("X-Amz-Date", stamp);
        if (credentials.SessionToken is { } token) request.Headers.Add("X-Amz-Security-Token", token);
        var address = request.RequestUri!;
        var headers = new HeaderDictionary { ["host"] = address.IsDefaultPort ? address.Host : $"{address.Host}:{address.Port}" };
        foreach (var (name, values) in request.Headers) headers[name.ToLowerInvariant()] = string.Join(',', values);
        if (request.Content?.Headers.ContentType is { } type) headers["content-type"] = type.ToString();
        string[] names = [.. headers.Keys.Order(StringComparer.Ordinal)];
        var signed = new SignedRequest(request.Method.Method, address.PathAndQuery, headers, body);
        var credential = new SignatureV4Credential(credentials.AccessKeyId, stamp[..8], region, service);
        var canonical = CanonicalRequest.Hash(signed, names, Convert.ToHexStringLower(SHA256.HashData(body)));
        var text = string.Join('\n', SignatureV4Parts.Algorithm, stamp, credential.Scope, canonical);
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(SigningKeys.Derive(credentials.Secret, credential), Encoding.UTF8.GetBytes(text)));
        request.Headers.TryAddWithoutValidation(
            "Authorization", $"{SignatureV4Parts.Algorithm} Credential={credentials.AccessKeyId}/{credential.Scope}, SignedHeaders={string.Join(';', names)}, Signature={signature}");
    }

    /// <summary>Whether there was no answer, or none in time.</summary>
    private static bool IsUnreachable(Exception e, CancellationToken cancellationToken) => e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    private ClientException Unreachable(Exception e) => new($"{endpoint} cannot be reached: {e.Message}. Name the server with --endpoint-url, or leave it out for AWS.", ClientException.Unreachable);

    private static ClientException Failure(string what, HttpStatusCode status, byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var code = Member(document, "__type") ?? Member(document, "code");
            return new ClientException($"{what}: {(code is null ? $"HTTP {(int)status}" : code[(code.LastIndexOf('#') + 1)..])}: {Member(document, "message") ?? Member(document, "Message")}", code);
        }
        catch (JsonException)
        {
            return new ClientException($"{what}: the server answered HTTP {(int)status}.");
        }
    }

    private static string? Member(JsonDocument document, string name) =>
        document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
