namespace Longshore.Server.Hosting.Jobs;

/// <summary>Composition of background jobs. Handlers are registered by their capabilities as <see cref="IJobHandler"/>.</summary>
internal static class JobsSetup
{
    /// <summary>Adds store and runner. The host provides the database and the clock.</summary>
    public static IServiceCollection AddJobs(this IServiceCollection services, JobOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(new Jitter(new Random()));
        services.AddSingleton<JobStore>();
        services.AddSingleton<JobRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<JobRunner>());
        return services;
    }

    /// <summary>Adds the handler of one kind of jobs, a singleton.</summary>
    public static IServiceCollection AddJob<THandler>(this IServiceCollection services)
        where THandler : class, IJobHandler
    {
        services.AddSingleton<THandler>();
        services.AddSingleton<IJobHandler>(provider => provider.GetRequiredService<THandler>());
        return services;
    }
}
