using Longshore.Server.Content.Archiving;
using Longshore.Server.Content.Collection;
using Longshore.Server.Content.Events;
using Longshore.Server.Content.Recycling;
using Longshore.Server.Hosting.Jobs;

namespace Longshore.Server.Content;

/// <summary>Composition of content: what writes images and bodies, and the jobs that go with it.</summary>
internal static class ContentSetup
{
    /// <summary>Adds content. The host provides the database, the blob store, the clock, jobs, <see cref="ContentOptions"/> and <see cref="CollectionOptions"/>.</summary>
    public static IServiceCollection AddContent(this IServiceCollection services)
    {
        services.AddSingleton<RepositoryCatalog>();
        services.AddSingleton<UploadClaims>();
        services.AddSingleton<UploadTurns>();
        services.AddSingleton<BlobPublisher>();
        services.AddSingleton<BlobUploads>();
        services.AddSingleton<BlobShelf>();
        services.AddSingleton<ImageArchive>();
        services.AddJob<ArchiveJob>();
        services.AddSingleton<ImagePusher>();
        services.AddSingleton<ImageRemover>();
        services.AddSingleton<RecycleBinSettings>();
        services.AddSingleton<RecycleBin>();
        services.AddSingleton<Images>();
        services.AddSingleton<ImageHistory>();
        services.AddSingleton<PullRecorder>();
        services.AddHostedService(provider => provider.GetRequiredService<PullRecorder>());
        services.AddJob<RecycleBinJob>();
        services.AddJob<EventExpiryJob>();
        services.AddJob<UploadExpiryJob>();
        services.AddSingleton<CollectionMetrics>();
        services.AddSingleton<Collector>();
        services.AddSingleton<StoreScrub>();
        services.AddSingleton<ReferenceSweep>();
        services.AddSingleton<CollectionPreview>();
        services.AddSingleton<CollectionControl>();
        services.AddJob<CollectionJob>();
        services.AddJob<ScrubJob>();
        services.AddJob<SweepJob>();
        return services;
    }
}
