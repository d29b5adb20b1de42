using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting;
using Longshore.Server.Hosting.Jobs;
using Longshore.Server.Oci;
using Longshore.Server.Protection;
using Longshore.Server.RegistrySettings;
using Longshore.Server.Tests.TestSupport;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Longshore.Server.Tests.Oci;

/// <summary>The distribution API over real content, a real database and a real listener, without the rest of the server.</summary>
internal sealed class OciHost : IAsyncDisposable
{
    public const string Account = "123456789012";

    private readonly WebApplication app;
    private readonly string directory;

    private OciHost(WebApplication app, string directory)
    {
        this.app = app;
        this.directory = directory;
    }

    public static RegistryId Home { get; } = new(Account, "us-east-1");

    public Uri BaseAddress { get; private set; } = null!;

    /// <summary>A token of the root for <see cref="Home"/>.</summary>
    public string Token { get; private set; } = "";

    public OciClient Client { get; private set; } = null!;

    /// <summary>Where files of bodies lie; skips the test when they are in a bucket.</summary>
    public string BlobDirectory => TestStores.DirectoryOf(directory);

    public static async Task<OciHost> StartAsync(bool createOnPush = true)
    {
        var directory = Directory.CreateTempSubdirectory("longshore-oci-").FullName;
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        var options = new ServeOptions { Listen = [new ListenAddress("127.0.0.1", 0, null)] };
        builder.UseLongshoreKestrel(options);
        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton<IDatabase>(_ => TestDatabases.Open(directory))
            .AddSingleton<IBlobStore>(TestStores.Open(directory, TimeProvider.System))
            .AddSingleton(new ContentOptions())
            .AddSingleton(new CollectionOptions())
            .AddProtection()
            .AddJobs(new JobOptions { SoleServer = true })
            .AddContent()
            .AddRegistrySettings(new PushOptions(createOnPush))
            .AddAccess(new Longshore.Server.Access.KeyFile(Path.Combine(directory, "sealing.key")))
            .AddSingleton<Longshore.Server.Access.ICallTrail, NoTrail>()
            .AddOci(Home);
        var app = builder.Build();
        app.UseMiddleware<LastResort>();
        app.UseRouting();
        app.MapOci();
        var host = new OciHost(app, directory);
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    /// <summary>A client with a token of the root for another region.</summary>
    public async Task<OciClient> ClientOfAsync(string region)
    {
        var principals = app.Services.GetRequiredService<PrincipalStore>();
        var setup = await principals.EnsureRootAsync(Account, RootCredentials.Generate(), static (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);
        var key = await principals.FindKeyAsync(setup.Value.Credentials!.AccessKeyId, TestContext.Current.CancellationToken);
        var registry = new RegistryId(Account, region);
        var token = app.Services.GetRequiredService<RegistryTokens>().Issue(new Caller(key!.Principal, registry, key), registry).Value;
        if (region == Home.Region) Token = token;
        return new OciClient(BaseAddress, "AWS", token);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync(CancellationToken.None);
        await app.DisposeAsync();
        TestDatabases.Forget(directory);
        Directory.Delete(directory, true);
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await app.StartAsync(cancellationToken);
        BaseAddress = new Uri(app.Urls.First());
        Client = await ClientOfAsync(Home.Region);
    }
}
