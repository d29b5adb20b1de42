using Longshore.Server.Content;
using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Protection;

/// <summary>Composition of what keeps images from being removed.</summary>
internal static class ProtectionSetup
{
    /// <summary>Adds the services of this folder. They need the database and the clock.</summary>
    public static IServiceCollection AddProtection(this IServiceCollection services) => services
        .AddJob<UsageExpiryJob>()
        .AddSingleton<IRemovalGuard, RemovalGuard>()
        .AddSingleton<IRetentionGuard, RetentionGuard>()
        .AddSingleton<Protections>()
        .AddSingleton<UsageReports>()
        .AddSingleton<ProtectInUse>();
}
