using Longshore.Server.Sts.Oidc;

namespace Longshore.Server.Sts;

/// <summary>STS, as the host composes it.</summary>
internal static class StsSetup
{
    /// <summary>Adds the services of this folder.</summary>
    public static IServiceCollection AddSts(this IServiceCollection services) => services
        .AddSingleton<IssuerClient>()
        .AddSingleton<IssuerKeys>()
        .AddSingleton<OidcProviders>()
        .AddSingleton<WebIdentityVerifier>()
        .AddSingleton<Roles>()
        .AddSingleton<SessionPolicies>()
        .AddSingleton<RoleSessions>()
        .AddSingleton<RoleTrust>()
        .AddSingleton<StsHandler, AssumeRole>()
        .AddSingleton<StsHandler, AssumeRoleWithWebIdentity>()
        .AddSingleton<StsHandler, GetAccessKeyInfo>()
        .AddSingleton<StsHandler, GetCallerIdentity>()
        .AddSingleton<StsHandler, GetSessionToken>()
        .AddSingleton<StsFace>();
}
