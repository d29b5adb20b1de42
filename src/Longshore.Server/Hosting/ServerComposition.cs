using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Aws;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting.Jobs;
using Longshore.Server.Hosting.Telemetry;
using Longshore.Server.Lifecycle;
using Longshore.Server.Management;
using Longshore.Server.Oci;
using Longshore.Server.Protection;
using Longshore.Server.RegistrySettings;
using Longshore.Server.Trail;

namespace Longshore.Server.Hosting;

/// <summary>The whole server on one screen: one line per capability, in the order in which calls go down.</summary>
internal static class ServerComposition
{
    /// <summary>The file of the embedded database in the data directory.</summary>
    public const string DatabaseFile = "longshore.db";

    /// <summary>Adds the services of every capability.</summary>
    public static void AddLongshore(this IServiceCollection services, ServeOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(provider => Databases.Open(options, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ServerStores>();
        services.AddSingleton(static provider => provider.GetRequiredService<ServerStores>().Store);
        services.AddHostedService<RegularChecks>();
        services.AddSingleton<DatabaseClock>();
        services.AddSingleton(new ContentOptions
        {
            UploadExpiry = options.UploadExpiry,
            BlobLease = options.BlobLease,
            CollectionGrace = options.CollectionGrace,
            RecycleBinLifecycle = options.RecycleBinLifecycle,
            RecycleBinDelete = options.RecycleBinDelete,
        });
        services.AddSingleton(new RedirectOptions(options.RedirectPulls));
        services.AddSingleton(new CollectionOptions
        {
            Interval = options.CollectionInterval,
            BodiesPerSecond = options.CollectionRate,
            BytesPerSecond = options.CollectionByteRate,
            HoldFile = Path.Combine(options.DataDirectory, BodyHold.FileName),
            // Never shorter than a publish takes, and not longer than what else is condemned waits.
            OrphanAge = TimeSpan.FromTicks(Math.Clamp(options.CollectionGrace.Ticks, TimeSpan.TicksPerMinute, TimeSpan.TicksPerHour)),
        });
        services.AddSingleton(new RefusalOptions(options.RefusalDelay));
        services.AddTrail(new TrailOptions
        {
            Directory = options.TrailDirectory,
            HeadSetting = TrailOptions.HeadSettingOf(options.Database is null ? null : ServerIdentity.Ensure(options.DataDirectory)),
            Retention = options.TrailRetention,
            MaxSize = options.TrailMaxSize,
            DefaultRegistry = new RegistryId(options.Account, options.Region),
            Enabled = Environment.GetEnvironmentVariable(TrailOptions.BenchVariable) != "off",
        });
        services.AddTelemetry(options);
        services.AddHealth();
        services.AddJobs(new JobOptions
        {
            SoleServer = options.Database is null,
            Lease = options.JobLease,
            Reserve = new SpaceReserve(Path.Combine(options.DataDirectory, "reserve"), 4 << 20),
        });
        services.AddAccess(new KeyFile(options.KeyFilePath), options.RateLimit);
        services.AddContent();
        services.AddLifecycle(new LifecycleOptions { Interval = options.LifecycleInterval });
        services.AddRegistrySettings(new PushOptions(options.CreateOnPush));
        services.AddProtection();
        services.AddOci(new RegistryId(options.Account, options.Region));
        services.AddAws();
        services.AddManagement();
    }

    /// <summary>Maps the routes of every face.</summary>
    public static void MapLongshore(this IEndpointRouteBuilder routes)
    {
        routes.MapHealth();
        routes.MapTelemetry();
        routes.MapOci();
        routes.MapAws();
        routes.MapManagement();
    }
}
