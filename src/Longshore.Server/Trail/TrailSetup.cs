using Longshore.Server.Access;

namespace Longshore.Server.Trail;

/// <summary>The trail, as the host composes it.</summary>
internal static class TrailSetup
{
    /// <summary>Adds the services of this folder. First among the hosted ones: the trail is open before anything is served, and closed last.</summary>
    public static IServiceCollection AddTrail(this IServiceCollection services, TrailOptions options) => services
        .AddSingleton(options)
        .AddSingleton<TrailService>()
        .AddSingleton<TrailSearch>()
        .AddSingleton<TrailVerification>()
        .AddSingleton<ICallTrail>(static provider => provider.GetRequiredService<TrailService>())
        .AddHostedService(static provider => provider.GetRequiredService<TrailService>());
}
