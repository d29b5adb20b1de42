using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Hosting;

namespace Longshore.Server.Oci;

/// <summary>The distribution API, as the host composes it.</summary>
internal static class OciSetup
{
    /// <summary>Adds the services of this folder. They need those of <c>Access</c>, <c>Content</c> and <c>RegistrySettings</c>.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="registry">The registry of requests that name none.</param>
    public static IServiceCollection AddOci(this IServiceCollection services, RegistryId registry) => services
        .AddBlobResponse()
        .AddSingleton(new RegistryResolver(registry))
        .AddSingleton<BlobEndpoints>()
        .AddSingleton<UploadEndpoints>()
        .AddSingleton<ManifestEndpoints>()
        .AddSingleton<ListEndpoints>()
        .AddSingleton<ReferrersEndpoint>()
        .AddSingleton<OciHandlers>()
        .AddSingleton<OciEndpoint>();

    /// <summary>Maps <c>/v2</c> and all below it.</summary>
    public static void MapOci(this IEndpointRouteBuilder routes) =>
        routes.Map("/v2/{**path}", routes.ServiceProvider.GetRequiredService<OciEndpoint>().HandleAsync);
}
