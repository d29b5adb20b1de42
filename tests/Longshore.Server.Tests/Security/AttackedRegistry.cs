using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Security;

/// <summary>An access key, and the session token that belongs to it if it is a session's.</summary>
internal sealed record Key(string Id, string Secret, string? SessionToken = null);

/// <summary>An answer as it came.</summary>
internal sealed record Answer(HttpStatusCode Status, string Text, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders)
{
    /// <summary>The text of an element of an XML answer.</summary>
    public string this[string element] => XDocument.Parse(Text).Descendants().First(e => e.Name.LocalName == element).Value;

    public override string ToString() => $"{(int)Status} {Text}";
}

/// <summary>A server with principals of several accounts, and calls of every face by anyone. Every answer is kept.</summary>
internal sealed class AttackedRegistry : IAsyncDisposable
{
    public const string Account = "123456789012";

    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });

    private AttackedRegistry(LiveRegistry live) => Live = live;

    public LiveRegistry Live { get; }

    /// <summary>All answers so far: what was asked, and what came.</summary>
    public List<(string Asked, Answer Answer)> Answers { get; } = [];

    public Key Root => new(Live.Server.Options.AccessKeyId, Live.Server.Options.SecretAccessKey);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<AttackedRegistry> StartAsync(params string[] arguments) => new(await LiveRegistry.StartAsync(Token, null, arguments));

    /// <summary>Calls the query API of a service.</summary>
    public async Task<Answer> FormAsync(Key? key, string service, string action, params (string Name, string Value)[] members)
    {
        var version = service == "iam" ? "2010-05-08" : "2011-06-15";
        var body = Encoding.UTF8.GetBytes(string.Join('&', members.Select(m => $"{m.Name}={Uri.EscapeDataString(m.Value)}").Prepend($"Action={action}&Version={version}")));
        using var request = new HttpRequestMessage(HttpMethod.Post, Live.BaseAddress) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        if (key is not null) Signer(key, service).Sign(request, body);
        return await SendAsync(request, $"{service} {action}");
    }

    /// <summary>The same, and it must succeed.</summary>
    public async Task<Answer> DoAsync(Key? key, string service, string action, params (string Name, string Value)[] members)
    {
        var answer = await FormAsync(key, service, action, members);
        Assert.True(answer.Status == HttpStatusCode.OK, $"{action}: {answer}");
        return answer;
    }

    /// <summary>Calls ECR.</summary>
    public async Task<Answer> EcrAsync(Key key, string operation, object input, string? target = null, Action<HttpRequestMessage>? beforeSigning = null, Action<HttpRequestMessage>? afterSigning = null)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(input);
        using var request = new HttpRequestMessage(HttpMethod.Post, Live.BaseAddress) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
        request.Headers.TryAddWithoutValidation("X-Amz-Target", target ?? "AmazonEC2ContainerRegistry_V20150921." + operation);
        beforeSigning?.Invoke(request);
        Signer(key, "ecr").Sign(request, body);
        afterSigning?.Invoke(request);
        return await SendAsync(request, "ecr " + operation);
    }

    /// <summary>Logs in and asks the registry.</summary>
    public async Task<Answer> OciAsync(string? password, HttpMethod method, string path, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(Live.BaseAddress, path));
        if (password is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + password)));
        change?.Invoke(request);
        return await SendAsync(request, $"{method} {path}");
    }

    /// <summary>Sends a request of any kind.</summary>
    public async Task<Answer> SendAsync(HttpRequestMessage request, string asked)
    {
        using var response = await http.SendAsync(request, Token);
        var answer = new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(Token), response.Headers, response.Content.Headers);
        lock (Answers) Answers.Add((asked, answer));
        return answer;
    }

    /// <summary>The password of a registry login.</summary>
    public async Task<string> LogInAsync(Key key)
    {
        var answer = await EcrAsync(key, "GetAuthorizationToken", new { });
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        var token = JsonDocument.Parse(answer.Text).RootElement.GetProperty("authorizationData")[0].GetProperty("authorizationToken").GetString()!;
        return Encoding.UTF8.GetString(Convert.FromBase64String(token))["AWS:".Length..];
    }

    /// <summary>A new user with a key and an inline policy.</summary>
    public async Task<Key> UserAsync(string name, string policy, Key? by = null)
    {
        await DoAsync(by ?? Root, "iam", "CreateUser", ("UserName", name));
        await DoAsync(by ?? Root, "iam", "PutUserPolicy", ("UserName", name), ("PolicyName", "p"), ("PolicyDocument", policy));
        var made = await DoAsync(by ?? Root, "iam", "CreateAccessKey", ("UserName", name));
        return new Key(made["AccessKeyId"], made["SecretAccessKey"]);
    }

    /// <summary>A policy with one statement.</summary>
    public static string Allow(string action, string resource, string? condition = null) =>
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ecr:GetAuthorizationToken\",\"Resource\":\"*\"},{\"Effect\":\"Allow\",\"Action\":"
        + JsonSerializer.Serialize(action.Split(',')) + ",\"Resource\":\"" + resource + "\"" + (condition is null ? "" : ",\"Condition\":" + condition) + "}]}";

    /// <summary>A trust policy for a user of this account.</summary>
    public static string Trust(string user) =>
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::" + Account + ":user/" + user + "\"},\"Action\":\"sts:AssumeRole\"}}";

    /// <summary>The ARN of a repository of this registry.</summary>
    public static string Arn(string repository) => $"arn:aws:ecr:us-east-1:{Account}:repository/{repository}";

    /// <summary>Pushes an image as root.</summary>
    public async Task<TestManifest> PushAsync(string repository, string tag, int seed)
    {
        var image = TestImage.Create(seed, 500);
        await Live.Client.PushImageAsync(repository, image, tag, Token);
        return image;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await Live.DisposeAsync();
    }

    private static AwsSigner Signer(Key key, string service) => new(key.Id, key.Secret, "us-east-1", service, TimeProvider.System, key.SessionToken);
}
