using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content.Events;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Archiving;

/// <summary>
/// The storage class of images. Archiving takes effect at once, restoring when the bodies are back; <see cref="ArchiveJob"/> moves them. Referrers follow
/// their subject, and the children of an index come back with it.
/// </summary>
internal sealed class ImageArchive(IDatabase database, JobStore jobs, TimeProvider time)
{
    /// <summary>
    /// Moves an image to a storage class and gives its digest and new status. RepositoryNotFound, ManifestUnknown, ImageTagDoesNotMatchDigest,
    /// StorageClassUpdateNotSupported: it is there already or on its way, or an active index lists it.
    /// </summary>
    public async ValueTask<Outcome<(Digest Digest, ImageStatus Status)>> UpdateAsync(
        RegistryId registry, RepositoryName name, ImageId image, StorageClass target, CancellationToken cancellationToken)
    {
        var outcome = await database.WriteAsync<Outcome<(Digest, ImageStatus)>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                if (await ImageRows.FindIdAsync(session, repository.Id, image) is not { } found) return ContentErrors.ImageNotFound(registry, name, image);
                if (image.Digest is not null && image.Tag is { } tag && !await ImageRows.HasTagAsync(session, found.Id, tag)) return ContentErrors.TagNotOnDigest();
                var status = await ArchiveRows.StatusAsync(session, found.Id);
                var digest = found.Nature.Digest;
                if (target == StorageClass.Archive)
                {
                    if (status != ImageStatus.Active) return NotSupported(digest, $"its status is {status.ToString().ToUpperInvariant()}");
                    if (await ArchiveRows.HasActiveParentAsync(session, found.Id)) return NotSupported(digest, "an image index that is not archived lists it");
                    await ArchiveAsync(session, repository, found.Id, time.GetUtcNow());
                    return (digest, ImageStatus.Archived);
                }

                if (status != ImageStatus.Archived) return NotSupported(digest, $"its status is {status.ToString().ToUpperInvariant()}");
                await BeginRestoreAsync(session, repository, found.Id, digest, time.GetUtcNow());
                return (digest, ImageStatus.Activating);
            },
            cancellationToken);
        if (outcome.Succeeded) jobs.Wake();
        return outcome;
    }

    /// <summary>Archives an active image and its referrers, in the caller's transaction. The caller has seen that no active index lists it.</summary>
    public async ValueTask ArchiveAsync(DbSession session, Repository repository, long manifestId, DateTimeOffset now)
    {
        var open = new Stack<long>([manifestId]);
        while (open.TryPop(out var id))
        {
            if (await ImageRows.FindNatureAsync(session, id) is not { } nature || await ArchiveRows.StatusAsync(session, id) != ImageStatus.Active) continue;
            if (id != manifestId && await ArchiveRows.HasActiveParentAsync(session, id)) continue;
            await ArchiveRows.SetAsync(session, id, ImageStatus.Archived, now);
            await ImageEvents.StorageClassUpdatedAsync(session, repository, nature, "ARCHIVE", null, now);
            foreach (var referrer in await ArchiveRows.ReferrersAsync(session, repository.Id, nature.Digest)) open.Push(referrer);
        }

        await jobs.TriggerAsync(session, ArchiveJob.JobKind, "");
    }

    /// <summary>A push of an archived image restores it at once: its bodies can be read where they are, and are moved later.</summary>
    public static async ValueTask<bool> RestoreByPushAsync(DbSession session, Repository repository, long manifestId, DateTimeOffset now)
    {
        if (await ArchiveRows.StatusAsync(session, manifestId) == ImageStatus.Active || await ImageRows.FindNatureAsync(session, manifestId) is not { } nature) return false;
        await ArchiveRows.SetAsync(session, manifestId, ImageStatus.Active, now);
        await ImageEvents.StorageClassUpdatedAsync(session, repository, nature, "STANDARD", now, now);
        return true;
    }

    private async ValueTask BeginRestoreAsync(DbSession session, Repository repository, long manifestId, Digest digest, DateTimeOffset now)
    {
        var open = new Stack<(long Id, Digest Digest)>([(manifestId, digest)]);
        while (open.TryPop(out var image))
        {
            if (await ArchiveRows.StatusAsync(session, image.Id) != ImageStatus.Archived) continue;
            await ArchiveRows.SetAsync(session, image.Id, ImageStatus.Activating, now);
            var further = await ArchiveRows.ReferrersAsync(session, repository.Id, image.Digest);
            further.AddRange(await ArchiveRows.ChildrenAsync(session, image.Id));
            foreach (var id in further)
                if (await ImageRows.FindNatureAsync(session, id) is { } nature) open.Push((id, nature.Digest));
        }

        await jobs.TriggerAsync(session, ArchiveJob.JobKind, "");
    }

    private static RegistryError NotSupported(Digest digest, string why) => new(
        ErrorCode.StorageClassUpdateNotSupported, $"The storage class of the image with digest '{digest}' cannot be updated: {why}.");
}
