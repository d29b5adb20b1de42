using System.Data.Common;
using Longshore.Server.Access;
using Longshore.Server.Hosting.Telemetry;
using Longshore.Server.Iam.Bootstrap;
using Longshore.Storage.Metadata;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Console;

namespace Longshore.Server.Hosting;

/// <summary>
/// The life of a server: (1) take the data directory, (2) open the database, the keys and the blob stores, which must belong together, and see to the root principal and the bootstrap file, (3) listen, (4) say so, (5) run until a signal,
/// (6) drain, stop accepting and let requests finish within the bound, (7) close.
/// </summary>
internal static class LongshoreServer
{
    /// <summary>Runs until SIGTERM or SIGINT.</summary>
    /// <returns>The exit code of the process: <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(ServeOptions options, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            // 1
            using var directory = DataDirectory.TryTake(options.DataDirectory, out var holder);
            if (directory is null)
            {
                await error.WriteLineAsync(
                    $"longshore: another server (process {holder.ProcessId}) runs on the data directory {options.DataDirectory}. " +
                    "Stop it first, or choose another directory with --data.");
                return ExitCodes.DataDirectoryTaken;
            }
            var app = Build(options);
            await using (app)
            {
                // 2
                app.Services.GetRequiredService<Jobs.JobOptions>().Reserve?.ReleaseWhenScarce();
                _ = app.Services.GetRequiredService<IDatabase>();
                if (await app.Services.GetRequiredService<ServerKeys>().LoadAsync(cancellationToken) is { } unopened)
                {
                    await error.WriteLineAsync($"longshore: {unopened.Message}");
                    return ExitCodes.KeyFileRefused;
                }
                // After the key: a store may be given to the database here, and a server that does not start changes nothing.
                if (await app.Services.GetRequiredService<ServerStores>().FindFaultAsync(cancellationToken) is { } wrongStore)
                {
                    await error.WriteLineAsync($"longshore: {wrongStore}");
                    return ExitCodes.StoreRefused;
                }
                await app.Services.GetRequiredService<DatabaseClock>().CompareAsync(cancellationToken);
                var root = await app.Services.GetRequiredService<PrincipalStore>().EnsureRootAsync(
                    options.Account, options.Root, (key, token) => CredentialsFile.WriteAsync(options.CredentialsPath, key, token), cancellationToken);
                if (!root.TryGet(out var setup, out var refused))
                {
                    await error.WriteLineAsync($"longshore: {refused.Message}");
                    return ExitCodes.WrongOptions;
                }
                if (options.Bootstrap is { } bootstrap)
                {
                    var faults = await app.Services.GetRequiredService<BootstrapFile>().ApplyAsync(bootstrap, Environment.GetEnvironmentVariable, cancellationToken);
                    if (faults.Count > 0)
                    {
                        await error.WriteLineAsync($"longshore: {faults.Count} {(faults.Count == 1 ? "thing is" : "things are")} wrong in {bootstrap}:\n  {string.Join("\n  ", faults)}");
                        return ExitCodes.WrongOptions;
                    }
                }
                // 3
                await app.StartAsync(cancellationToken);
                // 4
                List<string> addresses = [.. app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses];
                string? metrics = null;
                if (options.MetricsListen is not null)
                {
                    metrics = addresses[^1] + TelemetrySetup.Path;
                    app.Services.GetRequiredService<MetricsPort>().Number = new Uri(addresses[^1]).Port;
                    addresses.RemoveAt(addresses.Count - 1);
                }

                directory.Publish(addresses);
                await output.WriteAsync(Banner.Text(options, addresses, metrics, setup).AsMemory(), cancellationToken);
                await output.FlushAsync(cancellationToken);
                // 5, 6
                var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Longshore.Server.Hosting");
                await using var stopping = app.Lifetime.ApplicationStopping.Register(() => log.Stopping(options.ShutdownTimeout.TotalSeconds));
                await app.WaitForShutdownAsync(cancellationToken);
                log.Stopped();
                // 7: the container closes what it made, the database last.
            }
            return ExitCodes.Done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SchemaTooNewException or DbException)
        {
            await error.WriteLineAsync($"longshore: {e.Message}");
            return ExitCodes.Failed;
        }
    }

    private static WebApplication Build(ServeOptions options)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        // Options come from ServeOptionsReader alone: no appsettings.json of the working directory, no ASPNETCORE_ variables.
        builder.Configuration.Sources.Clear();
        AddLogging(builder.Logging, options);
        builder.Services.Configure<HostOptions>(host =>
        {
            host.ShutdownTimeout = options.ShutdownTimeout;
            host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.StopHost;
        });
        builder.Services.AddSingleton<ServerLifetime>();
        builder.Services.AddSingleton<IHostLifetime>(static services => services.GetRequiredService<ServerLifetime>());
        builder.UseLongshoreKestrel(options);
        builder.Services.AddLongshore(options);
        var app = builder.Build();
        if (options.DrainDelay > TimeSpan.Zero) app.UseMiddleware<DrainMiddleware>();
        app.UseMiddleware<LastResort>();
        if (options.TrustedProxies.Count > 0) app.UseMiddleware<ForwardedClient>(new TrustedProxies(options.TrustedProxies));
        if (options.MetricsListen is not null) app.UseMetricsListener();
        if (options.MetricsListen is not null || options.OtlpEndpoint is not null) app.UseMiddleware<CallMetricsMiddleware>();
        app.UseMiddleware<Trail.TrailMiddleware>();
        if (options.Database is not null) app.UseMiddleware<SharedAccess>();
        app.UseRouting();
        app.MapLongshore();
        return app;
    }

    // To standard error: standard output carries the banner, which programs read.
    private static void AddLogging(ILoggingBuilder logging, ServeOptions options)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(options.LogLevel);
        if (options.LogLevel >= LogLevel.Information) logging.AddFilter("Microsoft", LogLevel.Warning);
        // At any level: these two tell whole URLs, and a download URL's signature is all that it takes to use it.
        logging.AddFilter("Microsoft.AspNetCore.Hosting", LogLevel.Warning);
        logging.AddFilter("Microsoft.AspNetCore.Routing", LogLevel.Warning);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
