using Longshore.Server.Hosting;

namespace Longshore.Server.Ecr;

/// <summary>ECR, as the host composes it.</summary>
internal static class EcrSetup
{
    /// <summary>Adds the services of this folder. They need those of <c>Access</c> and <c>Content</c>.</summary>
    public static IServiceCollection AddEcr(this IServiceCollection services) => services
        .AddBlobResponse()
        .AddSingleton<EcrFace>()
        .AddSingleton<LayerDownloads>();

    /// <summary>Maps the download addresses; the API itself is mapped with the other AWS faces.</summary>
    public static void MapEcr(this IEndpointRouteBuilder routes) =>
        routes.MapMethods(LayerDownloads.Route, [HttpMethods.Get, HttpMethods.Head], routes.ServiceProvider.GetRequiredService<LayerDownloads>().HandleAsync);
}
