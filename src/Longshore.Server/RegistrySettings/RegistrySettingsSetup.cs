namespace Longshore.Server.RegistrySettings;

/// <summary>Composition of the settings of whole registries.</summary>
internal static class RegistrySettingsSetup
{
    /// <summary>Adds the services of this folder. They need those of <c>Access</c> and <c>Content</c>, the database and the clock.</summary>
    public static IServiceCollection AddRegistrySettings(this IServiceCollection services, PushOptions options) => services
        .AddSingleton(options)
        .AddSingleton<AccountSettings>()
        .AddSingleton<PullTimeExclusions>()
        .AddSingleton<ScanningConfigurations>()
        .AddSingleton<CreationTemplates>()
        .AddSingleton<PushTargets>();
}
