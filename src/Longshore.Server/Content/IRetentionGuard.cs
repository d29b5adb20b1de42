using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// What keeps images of a repository whatever a policy says: protections and running workloads. Plans ask it twice: for all images when they
/// are made, and about each image in the transaction that would remove it.
/// </summary>
internal interface IRetentionGuard
{
    /// <summary>The vetoes of one repository, as they are at this moment.</summary>
    /// <param name="session">The snapshot that the images were read in.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="images">All its images: children of a running index and referrers of a running image are found among them.</param>
    /// <param name="now">The moment; protections that ended before it keep nothing.</param>
    /// <returns>What keeps an image; null when nothing does.</returns>
    ValueTask<Func<LifecycleImage, RetentionVeto?>> LoadAsync(DbSession session, Repository repository, IReadOnlyList<LifecycleImage> images, DateTimeOffset now);

    /// <summary>What keeps one image that a policy would remove, in the transaction that would remove it; null when nothing does.</summary>
    ValueTask<RetentionVeto?> FindAsync(DbSession session, Repository repository, long manifestId, DateTimeOffset now);
}
