using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Longshore.Server.Tests.Trail;

/// <summary>Takes PUTs as S3 does and keeps what came: the wire is faked, not our interface.</summary>
internal sealed class FakeBucket : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeBucket(WebApplication app) => _app = app;

    public ConcurrentDictionary<string, (byte[] Body, string Authorization)> Objects { get; } = new();

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public static async Task<FakeBucket> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var bucket = new FakeBucket(app);
        app.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            if (HttpMethods.IsPut(http.Request.Method)) bucket.Objects[http.Request.Path] = (body.ToArray(), http.Request.Headers.Authorization.ToString());
            http.Response.Headers.ETag = "\"0\"";
        });
        await app.StartAsync();
        return bucket;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
