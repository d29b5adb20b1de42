namespace Longshore.Server.Iam;

/// <summary>IAM, as the host composes it.</summary>
internal static class IamSetup
{
    /// <summary>Adds the services of this folder. They need those of <c>Access</c>.</summary>
    public static IServiceCollection AddIam(this IServiceCollection services) => services
        .AddSingleton<IamDatabase>()
        .AddSingleton<Bootstrap.BootstrapFile>()
        .AddSingleton<IamFace>();
}
