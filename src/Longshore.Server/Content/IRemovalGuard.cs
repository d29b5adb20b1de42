using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>An image that is about to be removed.</summary>
/// <param name="ManifestId">Its row.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="Tags">Its tags.</param>
internal readonly record struct RemovalCandidate(long ManifestId, Digest Digest, IReadOnlyList<string> Tags);

/// <summary>
/// Says what nobody may remove without force. Asked in the transaction of every removal; plans ask <see cref="IRetentionGuard"/> besides. Implemented by the capability that keeps protections; the
/// errors are <see cref="ErrorCode.ImageProtected"/>.
/// </summary>
internal interface IRemovalGuard
{
    /// <summary>Why an image must stay; null when it may go.</summary>
    ValueTask<RegistryError?> CheckImageAsync(DbSession session, Repository repository, RemovalCandidate image, DateTimeOffset now);

    /// <summary>Why a tag must stay on its image; null when it may go.</summary>
    ValueTask<RegistryError?> CheckTagAsync(DbSession session, Repository repository, TagName tag, DateTimeOffset now);

    /// <summary>Why a repository must not be deleted with its images; null when it may.</summary>
    ValueTask<RegistryError?> CheckRepositoryAsync(DbSession session, Repository repository, DateTimeOffset now);
}
