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
    /// <param name="services">Takes them.</param>
    /// <param name="keyFile">The file with the keys that seal the database's secrets.</param>
    /// <param name="rateLimit">How many calls are taken; null means any number.</param>
    public static IServiceCollection AddAccess(this IServiceCollection services, KeyFile keyFile, RateLimitOptions? rateLimit = null)
    {
        services.TryAddSingleton(TimeProvider.System);
        return services
            .AddSingleton<AccessVersion>()
            .AddSingleton<PolicyStore>()
            .AddSingleton<PrincipalLookup>()
            .AddSingleton<AccessExplainer>()
            .AddSingleton<AccessReview>()
            .AddSingleton<PrincipalPolicies>()
            .AddSingleton<ResourcePolicies>()
            .AddSingleton<AccessGate>()
            .AddSingleton(keyFile)
            .AddSingleton(rateLimit ?? new RateLimitOptions())
            .AddSingleton<RateLimits>()
            .AddSingleton<Refusals>()
            .AddSingleton<ServerKeys>()
            .AddSingleton<SealedBox>()
            .AddSingleton<PrincipalStore>()
            .AddSingleton<AccountStore>()
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
