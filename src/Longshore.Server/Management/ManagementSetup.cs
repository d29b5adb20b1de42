using Longshore.Server.Management.Access;
using Longshore.Server.Management.Accounts;
using Longshore.Server.Management.Collection;

namespace Longshore.Server.Management;

/// <summary>Our own API, as the host composes it.</summary>
internal static class ManagementSetup
{
    /// <summary>Adds the services of this folder. They need those of <c>Access</c> and of every capability that the operation table names.</summary>
    public static IServiceCollection AddManagement(this IServiceCollection services) => services
        .AddSingleton<ManagementAuthentication>()
        .AddSingleton<AccessQuestions>()
        .AddSingleton<CollectionService>()
        .AddSingleton<AccountService>()
        .AddSingleton<Trail.AlertService>()
        .AddSingleton<OpenApiDocument>()
        .AddSingleton<ManagementEndpoint>();

    /// <summary>Maps all below <c>/longshore</c>.</summary>
    public static void MapManagement(this IEndpointRouteBuilder routes) =>
        routes.Map("/longshore/{**path}", routes.ServiceProvider.GetRequiredService<ManagementEndpoint>().HandleAsync);
}
