using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Lifecycle;

/// <summary>Composition of lifecycle policies, plans and their jobs.</summary>
internal static class LifecycleSetup
{
    /// <summary>Adds lifecycle; needs Content and the job runner.</summary>
    public static IServiceCollection AddLifecycle(this IServiceCollection services, LifecycleOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<ClockGuard>();
        services.AddSingleton<LifecyclePolicies>();
        services.AddSingleton<INewRepositoryPolicy>(static provider => provider.GetRequiredService<LifecyclePolicies>());
        services.AddSingleton<IFreedBytes, FreedByPlans>();
        services.AddSingleton<PlanBuilder>();
        services.AddSingleton<PlanExecutor>();
        services.AddSingleton<Plans>();
        services.AddSingleton<LifecycleRuns>();
        services.AddSingleton<ImageEvidenceReader>();
        return services.AddJob<PlanJob>().AddJob<ApplyJob>().AddJob<LifecycleJob>().AddJob<PlanExpiryJob>();
    }
}
