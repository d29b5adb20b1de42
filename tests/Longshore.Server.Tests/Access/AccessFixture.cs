using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Longshore.Server.Tests.Access;

/// <summary>The services of Access over a real database in a directory of its own, with a clock that tests step.</summary>
internal sealed class AccessFixture : IAsyncDisposable
{
    public const string Account = "123456789012";

    public static readonly RegistryId Home = new(Account, "us-east-1");

    private readonly bool ownsDirectory;
    private readonly ServiceProvider services;

    private AccessFixture(string? directory)
    {
        ownsDirectory = directory is null;
        Directory = directory ?? System.IO.Directory.CreateTempSubdirectory("longshore-access-").FullName;
        Database = TestDatabases.Open(Directory);
        services = new ServiceCollection()
            .AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(Log))
            .AddSingleton<TimeProvider>(Clock)
            .AddSingleton<IDatabase>(Database)
            .AddAccess(new KeyFile(Path.Combine(Directory, KeyFile.Name)))
            .BuildServiceProvider();
    }

    public string Directory { get; }

    public IDatabase Database { get; }

    public SteppedClock Clock { get; } = new();

    public CollectedLog Log { get; } = new();

    /// <summary>The root key, when the fixture made one.</summary>
    public RootCredentials Root { get; private set; } = null!;

    public TestSigner Signer => new(Root.AccessKeyId, Root.SecretAccessKey);

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    /// <summary>A started server's services: keys loaded, root made.</summary>
    public static async Task<AccessFixture> StartAsync(string? directory = null)
    {
        var fixture = new AccessFixture(directory);
        var setup = await fixture.Get<PrincipalStore>().EnsureRootAsync(Account, null, TestContext.Current.CancellationToken);
        fixture.Root = setup.Value.Credentials!;
        return fixture;
    }

    /// <summary>A signed caller: the root in eu-west-1.</summary>
    public async Task<Caller> SignInAsync()
    {
        var result = await AuthenticateAwsAsync(Signer.Sign("POST", [""], [], [], [], Clock.GetUtcNow()));
        Assert.Null(result.Failure);
        return result.Caller!;
    }

    public async Task<AwsAuthentication> AuthenticateAwsAsync(SignedRequest request, string service = "ecr") =>
        await Get<CallerAuthenticator>().AuthenticateAwsAsync(Context(request), request.Body, service, TestContext.Current.CancellationToken);

    public async Task<Outcome<Caller>> AuthenticateRegistryAsync(params string[] authorization)
    {
        var context = new DefaultHttpContext();
        if (authorization.Length > 0) context.Request.Headers.Authorization = authorization;
        return await Get<CallerAuthenticator>().AuthenticateRegistryAsync(context, Home, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await services.DisposeAsync();
        await Database.DisposeAsync();
        if (!ownsDirectory) return;
        TestDatabases.Forget(Directory);
        System.IO.Directory.Delete(Directory, true);
    }

    private static DefaultHttpContext Context(SignedRequest request)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = request.Method;
        foreach (var header in request.Headers) context.Request.Headers[header.Key] = header.Value;
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = request.Target;
        return context;
    }
}

/// <summary>A clock that stands still until it is told to go on.</summary>
internal sealed class SteppedClock : TimeProvider
{
    private DateTimeOffset now = new(2026, 3, 14, 15, 9, 26, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => now;

    public void Advance(TimeSpan by) => now += by;
}

/// <summary>Keeps every line that was logged, to prove what was not.</summary>
internal sealed class CollectedLog : ILoggerProvider, ILogger
{
    private readonly List<string> lines = [];

    public string Text
    {
        get
        {
            lock (lines) return string.Join('\n', lines);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (lines) lines.Add($"{eventId.Id} {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}
