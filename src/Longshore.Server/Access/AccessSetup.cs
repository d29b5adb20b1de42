using Longshore.Storage.Metadata;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Longshore.Server.Access;

/// <summary>Authentication and authorisation, as the host composes them.</summary>
internal static class AccessSetup
{
    /// <summary>
    /// Adds the services of this folder. They need an <c>IDatabase</c>; the host calls
    /// PrincipalStore.EnsureRootAsync before it takes requests.
    /// </summary>
    public static IServiceCollection AddAccess(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        return services
            .AddSingleton<AccessVersion>()
            .AddSingleton<AccessGate>()
            .AddSingleton<ServerKeys>()
            .AddSingleton<SealedBox>()
            .AddSingleton<PrincipalStore>()
            .AddSingleton<SessionOwners>()
            .AddSingleton<SessionCredentials>()
            .AddSingleton<SessionRevocation>()
            .AddSingleton<LastUse>()
            .AddHostedService(static services => services.GetRequiredService<LastUse>())
            .AddSingleton<RegistryTokens>()
            .AddSingleton<LayerUrlSigner>()
            .AddSingleton<SigningKeys>()
            .AddSingleton<SignatureV4>()
            .AddSingleton<CallerAuthenticator>();
    }
}
