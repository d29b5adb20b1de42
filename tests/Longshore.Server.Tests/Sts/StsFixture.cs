using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Hosting;
using Longshore.Server.Sts;
using Longshore.Server.Tests.Access;
using Longshore.Server.Tests.TestSupport;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oidc;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Longshore.Server.Tests.Sts;

/// <summary>STS over a real database and real signatures, with a clock that tests step; principals are put in by SQL.</summary>
internal sealed class StsFixture : IAsyncDisposable
{
    public const string Account = AccessFixture.Account;
    public const string OtherAccount = "210987654321";

    private readonly string directory = Directory.CreateTempSubdirectory("longshore-sts-").FullName;
    private readonly ServiceProvider services;
    private int serial;

    private StsFixture()
    {
        Database = TestDatabases.Open(directory);
        services = new ServiceCollection()
            .AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddFilter("System.Net", LogLevel.Warning).AddProvider(Log))
            .AddSingleton<TimeProvider>(Clock)
            .AddSingleton<IDatabase>(Database)
            .AddSingleton(new ServeOptions())
            .AddSingleton<ICallTrail, NoTrail>()
            .AddAccess(new KeyFile(Path.Combine(directory, KeyFile.Name)))
            .AddSts()
            .BuildServiceProvider();
    }

    public IDatabase Database { get; }

    public SteppedClock Clock { get; } = new();

    public CollectedLog Log { get; } = new();

    public TestKeyPair Root { get; private set; } = null!;

    /// <summary>What the last call told the trail.</summary>
    public CallRecord LastRecord { get; private set; } = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    public static async Task<StsFixture> StartAsync()
    {
        var fixture = new StsFixture();
        var root = (await fixture.Get<PrincipalStore>().EnsureRootAsync(Account, null, Token)).Value.Credentials!;
        fixture.Root = new TestKeyPair(root.AccessKeyId, root.SecretAccessKey, null);
        return fixture;
    }

    /// <summary>A user with a key and, when given, an inline policy.</summary>
    public async Task<TestKeyPair> AddUserAsync(string name, string? policy = null, string account = Account)
    {
        var number = Interlocked.Increment(ref serial);
        var key = new TestKeyPair($"AKIATEST{number:D12}", new string((char)('a' + (number % 26)), 40), null);
        var secret = Get<SealedBox>().Seal("longshore access key secret", Encoding.UTF8.GetBytes(key.Secret), Encoding.UTF8.GetBytes(key.Id));
        var id = await AddPrincipalAsync(account, "user", name, $"AIDATEST{number:D12}", "/", null, null);
        await ExecuteAsync(
            "INSERT INTO access_keys (access_key_id, principal_id, sealed_secret, created_at) VALUES (@key, @id, @secret, 1)", ("@key", key.Id), ("@id", id), ("@secret", secret));
        if (policy is not null) await AddPolicyAsync(id, policy);
        return key with { PrincipalId = id };
    }

    /// <summary>A role.</summary>
    /// <returns>Its row.</returns>
    public async Task<long> AddRoleAsync(string name, string trust, string? policy = null, string account = Account, string path = "/", int? maxSeconds = null)
    {
        var number = Interlocked.Increment(ref serial);
        var id = await AddPrincipalAsync(account, "role", name, $"AROATEST{number:D12}", path, trust, maxSeconds);
        if (policy is not null) await AddPolicyAsync(id, policy);
        return id;
    }

    public Task AddPolicyAsync(long principalId, string policy) => ExecuteAsync(
        "INSERT INTO inline_policies (principal_id, name, document) VALUES (@id, @name, @policy)",
        ("@id", principalId), ("@name", $"p{Interlocked.Increment(ref serial)}"), ("@policy", policy));

    /// <summary>A provider of an account, its certificate pinned.</summary>
    public Task AddProviderAsync(TestIssuer issuer, string account = Account, string clientIds = "sts.amazonaws.com", string? thumbprints = null, string? pinnedKeys = null) => ExecuteAsync(
        "INSERT INTO oidc_providers (account, url, client_ids, thumbprints, pinned_keys, created_at) VALUES (@account, @url, @clients, @prints, @keys, 1)",
        ("@account", account), ("@url", issuer.Url), ("@clients", clientIds), ("@prints", thumbprints ?? issuer.Thumbprint), ("@keys", pinnedKeys));

    /// <summary>Changes anything, and says so as every writer does.</summary>
    public async Task ExecuteAsync(string sql, params (string Name, object? Value)[] args)
    {
        await Database.WriteAsync(Durability.Relaxed, session => session.ExecuteAsync(sql, [.. args.Select(static a => (DbArg)a)]), Token);
        Get<AccessVersion>().Bump();
    }

    public Task<T?> ReadAsync<T>(string sql, Func<System.Data.Common.DbDataReader, T> map) =>
        Database.ReadAsync(session => session.QueryFirstAsync(sql, map), Token).AsTask();

    /// <summary>Calls an operation; unsigned without a key.</summary>
    public async Task<StsAnswer> CallAsync(TestKeyPair? key, string action, params (string Name, string? Value)[] members)
    {
        var form = string.Join('&', members.Where(static m => m.Value is not null).Prepend(("Version", "2011-06-15")).Prepend(("Action", action))
            .Select(static m => $"{Uri.EscapeDataString(m.Item1)}={Uri.EscapeDataString(m.Item2!)}"));
        return await SendAsync(key is null ? Unsigned(form) : Sign(key, form));
    }

    /// <summary>A signed form.</summary>
    public SignedRequest Sign(TestKeyPair key, string form, string service = "sts") => new TestSigner(key.Id, key.Secret) { Service = service, Region = "us-east-1" }.Sign(
        "POST", [""], [], key.Token is null ? [] : [("X-Amz-Security-Token", key.Token)], Encoding.UTF8.GetBytes(form), Clock.GetUtcNow());

    /// <summary>Sends a request that was signed elsewhere.</summary>
    public async Task<StsAnswer> SendAsync(SignedRequest request)
    {
        var context = Context(request);
        context.Request.Body = new MemoryStream(request.Body.ToArray());
        var reply = await Get<StsFace>().AnswerAsync(context);
        LastRecord = CallRecord.Of(context);
        return new StsAnswer(reply.Status, XDocument.Parse(Encoding.UTF8.GetString(reply.Body.Span)));
    }

    public Task<StsAnswer> AssumeAsync(TestKeyPair key, string role, params (string Name, string? Value)[] members) => CallAsync(
        key, "AssumeRole", [("RoleArn", role.StartsWith("arn:", StringComparison.Ordinal) ? role : $"arn:aws:iam::{Account}:role/{role}"), ("RoleSessionName", "session"), .. members]);

    public Task<StsAnswer> AssumeWithAsync(string token, string role, params (string Name, string? Value)[] members) => CallAsync(
        null, "AssumeRoleWithWebIdentity",
        [("RoleArn", role.StartsWith("arn:", StringComparison.Ordinal) ? role : $"arn:aws:iam::{Account}:role/{role}"), ("RoleSessionName", "session"), ("WebIdentityToken", token), .. members]);

    /// <summary>Whether a key's signature is taken; the failure if not.</summary>
    public async Task<AwsAuthentication> AuthenticateAsync(TestKeyPair key) => await AuthenticateAsync(Sign(key, "x"));

    public async Task<AwsAuthentication> AuthenticateAsync(SignedRequest request) =>
        await Get<CallerAuthenticator>().AuthenticateAwsAsync(Context(request), request.Body, "sts", Token);

    /// <summary>The principal of a registry token, or the error.</summary>
    public async Task<Outcome<Caller>> LogInAsync(string password)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + password));
        return await Get<CallerAuthenticator>().AuthenticateRegistryAsync(context, AccessFixture.Home, Token);
    }

    /// <summary>A registry token for a key.</summary>
    public async Task<IssuedToken> RegistryTokenAsync(TestKeyPair key) =>
        Get<RegistryTokens>().Issue((await AuthenticateAsync(key)).Caller!, AccessFixture.Home);

    public async ValueTask DisposeAsync()
    {
        await services.DisposeAsync();
        await Database.DisposeAsync();
        TestDatabases.Forget(directory);
        Directory.Delete(directory, true);
    }

    /// <summary>A trust policy for users, roles or accounts.</summary>
    public static string Trust(string principal, JsonObject? condition = null, params string[] actions) => Policy("Allow", "AWS", principal, condition, actions.Length == 0 ? ["sts:AssumeRole"] : actions);

    /// <summary>A trust policy for a provider.</summary>
    public static string TrustProvider(TestIssuer issuer, JsonObject? condition = null, params string[] actions) => Policy(
        "Allow", "Federated", $"arn:aws:iam::{Account}:oidc-provider/{issuer.Url}", condition, actions.Length == 0 ? ["sts:AssumeRoleWithWebIdentity"] : actions);

    /// <summary>An identity policy.</summary>
    public static string Allow(string action, string resource = "*", JsonObject? condition = null) => Statement("Allow", action, resource, condition);

    public static string Deny(string action, string resource = "*") => Statement("Deny", action, resource, null);

    public static JsonObject When(string op, string key, string value) => new() { [op] = new JsonObject { [key] = value } };

    private static string Statement(string effect, string action, string resource, JsonObject? condition)
    {
        var statement = new JsonObject { ["Effect"] = effect, ["Action"] = action, ["Resource"] = resource };
        if (condition is not null) statement["Condition"] = condition;
        return new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = statement }.ToJsonString();
    }

    private static string Policy(string effect, string kind, string principal, JsonObject? condition, string[] actions)
    {
        var statement = new JsonObject
        {
            ["Effect"] = effect,
            ["Principal"] = principal == "*" ? JsonValue.Create("*") : new JsonObject { [kind] = principal },
            ["Action"] = new JsonArray([.. actions.Select(static a => (JsonNode)a)]),
        };
        if (condition is not null) statement["Condition"] = condition;
        return new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = statement }.ToJsonString();
    }

    private async Task<long> AddPrincipalAsync(string account, string kind, string name, string uniqueId, string path, string? trust, int? maxSeconds)
    {
        await ExecuteAsync(
            """
            INSERT INTO principals (account, kind, name, name_key, unique_id, path, trust_policy, max_session_seconds, created_at)
            VALUES (@account, @kind, @name, @key, @unique, @path, @trust, @max, 1)
            """,
            ("@account", account), ("@kind", kind), ("@name", name), ("@key", name.ToLowerInvariant()), ("@unique", uniqueId), ("@path", path), ("@trust", trust), ("@max", (long?)maxSeconds));
        return await Database.ReadAsync(
            session => session.QueryFirstAsync("SELECT id FROM principals WHERE unique_id = @id", static row => row.GetInt64(0), ("@id", uniqueId)), Token);
    }

    private static SignedRequest Unsigned(string form) => new("POST", "/", new HeaderDictionary { ["Host"] = "localhost" }, Encoding.UTF8.GetBytes(form));

    private static DefaultHttpContext Context(SignedRequest request)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = request.Method;
        context.Connection.RemoteIpAddress = System.Net.IPAddress.Loopback;
        foreach (var header in request.Headers) context.Request.Headers[header.Key] = header.Value;
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = request.Target;
        context.TraceIdentifier = "request-1";
        return context;
    }
}

/// <summary>An access key as a client has it.</summary>
internal sealed record TestKeyPair(string Id, string Secret, string? Token)
{
    public long PrincipalId { get; init; }
}

/// <summary>An answer of STS.</summary>
internal sealed record StsAnswer(int Status, XDocument Document)
{
    /// <summary>The text of the first element of a name, or null.</summary>
    public string? this[string element] => Document.Descendants().FirstOrDefault(e => e.Name.LocalName == element)?.Value;

    public string? Code => this["Code"];

    public string? Message => this["Message"];

    /// <summary>The credentials of a success.</summary>
    public TestKeyPair Key
    {
        get
        {
            Assert.True(Status == 200, ToString());
            return new TestKeyPair(this["AccessKeyId"]!, this["SecretAccessKey"]!, this["SessionToken"]!);
        }
    }

    public void MustBe(int status, string code) => Assert.True(Status == status && Code == code, $"Expected {status} {code}: {this}");

    public override string ToString() => $"{Status} {Document}";
}
