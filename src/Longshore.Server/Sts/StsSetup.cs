namespace Longshore.Server.Sts;

/// <summary>STS, as the host composes it.</summary>
internal static class StsSetup
{
    /// <summary>Adds the services of this folder.</summary>
    public static IServiceCollection AddSts(this IServiceCollection services) => services.AddSingleton<StsFace>();
}
