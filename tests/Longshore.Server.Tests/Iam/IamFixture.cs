using System.Net;
using System.Xml.Linq;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Iam;

/// <summary>An answer of IAM.</summary>
public sealed record IamAnswer(HttpStatusCode Status, XElement Xml)
{
    /// <summary>The error's code; null after a success.</summary>
    public string? Error => Find("Code")?.Value;

    /// <summary>The error's sentence.</summary>
    public string Message => Find("Message")!.Value;

    /// <summary>The text of the first element of a name.</summary>
    public string this[string name] => Find(name)?.Value ?? throw new Xunit.Sdk.XunitException($"There is no {name} in {Xml}");

    /// <summary>The first element of a name, or null.</summary>
    public XElement? Find(string name) => Xml.Descendants().FirstOrDefault(element => element.Name.LocalName == name);

    /// <summary>The texts of all elements of a name.</summary>
    public IReadOnlyList<string> All(string name) => [.. Xml.Descendants().Where(element => element.Name.LocalName == name).Select(element => element.Value)];

    public override string ToString() => $"{(int)Status} {Xml}";
}

/// <summary>One server for all tests of this folder; each test works with names, or in accounts, of its own.</summary>
public sealed class IamFixture : IAsyncLifetime
{
    public const string Account = "123456789012";

    /// <summary>Allows one action.</summary>
    public const string Document = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}}""";

    /// <summary>Trusts the whole account.</summary>
    public const string Trust = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}""";

    private LongshoreProcess? _server;
    private int _names;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public LongshoreProcess Server => _server ?? throw new InvalidOperationException("The fixture has not started.");

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });

    public string NewName(string label) => $"{label}-{Interlocked.Increment(ref _names)}";

    /// <summary>Calls an operation as root, or as the holder of another key.</summary>
    public async Task<IamAnswer> SendAsync(string action, (string Id, string Secret)? key, params (string Name, string Value)[] members) =>
        await SendAsync(Server, Http, key ?? (Server.Options.AccessKeyId, Server.Options.SecretAccessKey), action, members);

    /// <summary>Calls an operation of a server.</summary>
    public static async Task<IamAnswer> SendAsync(LongshoreProcess server, HttpClient http, (string Id, string Secret) key, string action, params (string Name, string Value)[] members)
    {
        var form = string.Join('&', members.Select(member => $"{member.Name}={Uri.EscapeDataString(member.Value)}").Prepend($"Action={action}&Version=2010-05-08"));
        var body = System.Text.Encoding.UTF8.GetBytes(form);
        using var request = new HttpRequestMessage(HttpMethod.Post, server.BaseAddress) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        new AwsSigner(key.Id, key.Secret, "us-east-1", "iam", TimeProvider.System).Sign(request, body);
        using var response = await http.SendAsync(request, Token);
        return new IamAnswer(response.StatusCode, XElement.Parse(await response.Content.ReadAsStringAsync(Token)));
    }

    /// <summary>The answer of an operation that root calls and that must succeed.</summary>
    public async Task<IamAnswer> CallAsync(string action, params (string Name, string Value)[] members)
    {
        var answer = await SendAsync(action, null, members);
        Assert.True(answer.Status == HttpStatusCode.OK, $"{action}: {answer}");
        return answer;
    }

    /// <summary>The message of an operation that root calls and that must fail with an error and its status.</summary>
    public async Task<string> RefusedAsync(string error, int status, string action, params (string Name, string Value)[] members)
    {
        var answer = await SendAsync(action, null, members);
        Assert.True(answer.Error == error && (int)answer.Status == status, $"{action}: expected {error}, got {answer}");
        Assert.Equal("Sender", answer["Type"]);
        return answer.Message;
    }

    /// <summary>Sends a request of <c>/longshore/v1</c>.</summary>
    public async Task<(HttpStatusCode Status, System.Text.Json.JsonElement Json)> ManageAsync(HttpMethod method, string path, object? input, (string Id, string Secret)? key = null)
    {
        var (id, secret) = key ?? (Server.Options.AccessKeyId, Server.Options.SecretAccessKey);
        var body = input is null ? [] : System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(input);
        using var request = new HttpRequestMessage(method, new Uri(Server.BaseAddress, "longshore/v1/" + path));
        if (input is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        }

        new AwsSigner(id, secret, "us-east-1", "longshore", TimeProvider.System).Sign(request, body);
        using var response = await Http.SendAsync(request, Token);
        using var document = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync(Token));
        return (response.StatusCode, document.RootElement.Clone());
    }

    /// <summary>Makes an account; gives the key of its root.</summary>
    public async Task<(string Id, string Secret)> NewAccountAsync(string account)
    {
        var (status, json) = await ManageAsync(HttpMethod.Post, "accounts", new { account });
        Assert.Equal(HttpStatusCode.OK, status);
        return (json.GetProperty("accessKeyId").GetString()!, json.GetProperty("secretAccessKey").GetString()!);
    }

    /// <summary>Makes a user with an inline policy and a key.</summary>
    public async Task<(string Name, (string Id, string Secret) Key)> NewUserWithKeyAsync(string? policy = null)
    {
        var name = await NewUserAsync();
        if (policy is not null) await CallAsync("PutUserPolicy", ("UserName", name), ("PolicyName", "own"), ("PolicyDocument", policy));
        var key = await CallAsync("CreateAccessKey", ("UserName", name));
        return (name, (key["AccessKeyId"], key["SecretAccessKey"]));
    }

    public async Task<string> NewUserAsync(string label = "user")
    {
        var name = NewName(label);
        await CallAsync("CreateUser", ("UserName", name));
        return name;
    }

    public async ValueTask InitializeAsync() => _server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_server is not null) await _server.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class IamCollection : ICollectionFixture<IamFixture>
{
    public const string Name = "IAM";
}
