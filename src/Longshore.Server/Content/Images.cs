using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Content.Events;
using Longshore.Server.Content.Recycling;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>The images of repositories: get, delete, list. <see cref="ImagePusher"/> puts them.</summary>
internal sealed class Images(IDatabase database, ImagePusher pusher, PullRecorder pulls, ImageRemover remover, IRemovalGuard guard, RecycleBinSettings recycling, TimeProvider time)
{
    /// <inheritdoc cref="ImagePusher.PutAsync"/>
    public ValueTask<Outcome<ImagePutResult>> PutAsync(ImagePut put, CancellationToken cancellationToken) => pusher.PutAsync(put, cancellationToken);

    /// <summary>The manifest. RepositoryNotFound, ManifestUnknown. Does not count as a pull.</summary>
    public ValueTask<Outcome<StoredManifest>> GetAsync(RegistryId registry, RepositoryName name, Reference reference, CancellationToken cancellationToken) =>
        database.ReadAsync<Outcome<StoredManifest>>(
            async session =>
            {
                // One statement on the way that succeeds; why it failed is asked only when it did.
                var manifest = reference.IsDigest
                    ? await session.QueryFirstAsync(
                        $"""
                        SELECT m.id, m.digest, m.media_type, m.bytes
                        FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = @reference
                        WHERE r.account = @account AND r.region = @region AND r.name = @name AND {ArchiveRows.IsActive}
                        """,
                        ReadManifest,
                        ("@reference", reference.Digest.Value),
                        ("@account", registry.Account),
                        ("@region", registry.Region),
                        ("@name", name.Value))
                    : await session.QueryFirstAsync(
                        $"""
                        SELECT m.id, m.digest, m.media_type, m.bytes
                        FROM repositories r JOIN tags t ON t.repository_id = r.id AND t.name = @reference JOIN manifests m ON m.id = t.manifest_id
                        WHERE r.account = @account AND r.region = @region AND r.name = @name AND {ArchiveRows.IsActive}
                        """,
                        ReadManifest,
                        ("@reference", reference.Tag.Value),
                        ("@account", registry.Account),
                        ("@region", registry.Region),
                        ("@name", name.Value));
                if (manifest is not null) return manifest;
                return await session.FindIdAsync(registry, name) is null ? ContentErrors.RepositoryNotFound(registry, name) : ContentErrors.ManifestUnknown();
            },
            cancellationToken);

    /// <summary>Notes that an image was pulled; kept soon after, in batches.</summary>
    public void RecordPull(long manifestId) => pulls.Record(manifestId);

    /// <summary>Takes away a tag alone (the distribution API's delete by tag). RepositoryNotFound, ManifestUnknown, ImageProtected.</summary>
    public ValueTask<Outcome<Digest>> RemoveTagAsync(RegistryId registry, RepositoryName name, TagName tag, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Digest>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                if (await ImageRows.FindIdAsync(session, repository.Id, new ImageId(null, tag)) is not { } image) return ContentErrors.ManifestUnknown();
                if (await guard.CheckTagAsync(session, repository, tag, time.GetUtcNow()) is { } refusal) return refusal;
                await DeleteTagAsync(session, repository, image, tag);
                return image.Digest;
            },
            cancellationToken);

    /// <summary>
    /// Deletes as ECR's BatchDeleteImage does: by digest the image and all its tags; by tag the tag, and the image with its last tag; by both, the
    /// tag must be on that digest (else ImageTagDoesNotMatchDigest). RepositoryNotFound, ManifestUnknown, ContentReferenced (Detail "digests": the indexes),
    /// ImageProtected.
    /// <paramref name="by"/> is the ARN of who deletes: the recycle bin keeps it, when the registry's retention has the image go there.
    /// </summary>
    public ValueTask<Outcome<ImageDeletion>> DeleteAsync(RegistryId registry, RepositoryName name, ImageId image, string by, CancellationToken cancellationToken) =>
        DeleteAsync(registry, name, image, by, force: false, cancellationToken);

    /// <inheritdoc cref="DeleteAsync(RegistryId, RepositoryName, ImageId, string, CancellationToken)"/>
    /// <param name="registry">The registry.</param>
    /// <param name="name">The repository.</param>
    /// <param name="image">The image.</param>
    /// <param name="by">Who deletes.</param>
    /// <param name="force">Whether protected images go too.</param>
    /// <param name="cancellationToken">Heeded until the write begins.</param>
    public ValueTask<Outcome<ImageDeletion>> DeleteAsync(RegistryId registry, RepositoryName name, ImageId image, string by, bool force, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<ImageDeletion>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                if (await ImageRows.FindIdAsync(session, repository.Id, image) is not { } found) return ContentErrors.ImageNotFound(registry, name, image);
                if (image.Tag is { } tag)
                {
                    if (!await ImageRows.HasTagAsync(session, found.Id, tag)) return ContentErrors.TagNotOnDigest();
                    if (await ImageRows.HasOtherTagAsync(session, found.Id, tag))
                    {
                        if (!force && await guard.CheckTagAsync(session, repository, tag, time.GetUtcNow()) is { } refusal) return refusal;
                        await DeleteTagAsync(session, repository, found, tag);
                        return new ImageDeletion(found.Digest, [tag.Value], ImageDeleted: false);
                    }
                }

                var retention = (await recycling.GetAsync(session, registry)).Delete;
                var result = await remover.RemoveAsync(session, repository, found.Id, new RemovalContext(by, null, retention, time.GetUtcNow(), force));
                if (result.Refusal is { } kept) return kept;
                return result.Status == RemovalStatus.Referenced
                    ? ContentErrors.ReferencedByManifestList(result.ReferencedBy)
                    : new ImageDeletion(found.Digest, result.Tags, ImageDeleted: true);
            },
            cancellationToken);

    /// <summary>Tags in byte order of images that are ready to be pulled, those after <paramref name="after"/>, at most <paramref name="limit"/>. RepositoryNotFound.</summary>
    public ValueTask<Outcome<List<string>>> ListTagsAsync(RegistryId registry, RepositoryName name, string? after, int limit, CancellationToken cancellationToken) =>
        InRepositoryAsync(
            registry,
            name,
            (session, repository) => session.QueryAsync(
                """
                SELECT t.name FROM tags t WHERE t.repository_id = @repository AND t.name > @after
                  AND NOT EXISTS (SELECT 1 FROM archived_images z WHERE z.manifest_id = t.manifest_id AND z.state <> 0) ORDER BY t.name LIMIT @limit
                """,
                static row => row.GetString(0),
                ("@repository", repository),
                ("@after", after ?? ""),
                ("@limit", (long)limit)),
            cancellationToken);

    /// <summary>Images in order of their digests, those after <paramref name="after"/>, with all their tags. RepositoryNotFound.</summary>
    public ValueTask<Outcome<List<ImageSummary>>> ListAsync(RegistryId registry, RepositoryName name, TagStatus status, string? after, int limit, CancellationToken cancellationToken) =>
        ListAsync(registry, name, status, StatusChoice.Active, after, limit, cancellationToken);

    /// <summary>The same for images of a storage class.</summary>
    public ValueTask<Outcome<List<ImageSummary>>> ListAsync(
        RegistryId registry, RepositoryName name, TagStatus status, StatusChoice choice, string? after, int limit, CancellationToken cancellationToken) =>
        InRepositoryAsync(registry, name, (session, repository) => ImageRows.ListAsync(session, repository, status, choice, after, limit), cancellationToken);

    /// <summary>One image. RepositoryNotFound, ManifestUnknown; ImageTagDoesNotMatchDigest when the tag is not on the digest.</summary>
    public ValueTask<Outcome<ImageSummary>> DescribeAsync(RegistryId registry, RepositoryName name, ImageId image, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<ImageSummary>>(
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                if (await ImageRows.FindAsync(session, repository, image) is not { } found) return ContentErrors.ImageNotFound(registry, name, image);
                return image.Tag is { } tag && !found.Tags.Contains(tag.Value) ? ContentErrors.TagNotOnDigest() : found;
            },
            cancellationToken);

    /// <summary>
    /// ECR ListImages: one entry per tag in byte order, then one per untagged image; <paramref name="position"/> is a former page's Next. RepositoryNotFound,
    /// InvalidParameter for a position that no page gave.
    /// </summary>
    public ValueTask<Outcome<ImageIdPage>> ListImageIdsAsync(RegistryId registry, RepositoryName name, TagStatus status, string? position, int limit, CancellationToken cancellationToken) =>
        ListImageIdsAsync(registry, name, status, StatusChoice.Active, position, limit, cancellationToken);

    /// <summary>The same for images of a storage class.</summary>
    public ValueTask<Outcome<ImageIdPage>> ListImageIdsAsync(
        RegistryId registry, RepositoryName name, TagStatus status, StatusChoice choice, string? position, int limit, CancellationToken cancellationToken)
    {
        if (!ImageIdLister.TryParse(position, status, out var from))
            return ValueTask.FromResult<Outcome<ImageIdPage>>(new RegistryError(ErrorCode.InvalidParameter, "The nextToken is not one that this operation gave."));
        return InRepositoryAsync(registry, name, (session, repository) => ImageIdLister.ListAsync(session, repository, status, choice, from, limit), cancellationToken);
    }

    /// <summary>
    /// Manifests whose subject is the digest, in order of their digests, those after <paramref name="after"/>; of one of the artifact types when any are given.
    /// RepositoryNotFound.
    /// </summary>
    public ValueTask<Outcome<List<Referrer>>> ListReferrersAsync(
        RegistryId registry,
        RepositoryName name,
        Digest subject,
        IReadOnlyList<string> artifactTypes,
        string? after,
        int limit,
        CancellationToken cancellationToken) => ListReferrersAsync(registry, name, subject, artifactTypes, StatusChoice.Active, after, limit, cancellationToken);

    /// <summary>The same for images of a storage class.</summary>
    public ValueTask<Outcome<List<Referrer>>> ListReferrersAsync(
        RegistryId registry,
        RepositoryName name,
        Digest subject,
        IReadOnlyList<string> artifactTypes,
        StatusChoice choice,
        string? after,
        int limit,
        CancellationToken cancellationToken) => InRepositoryAsync(
            registry,
            name,
            (session, repository) => ReferrerRows.ListAsync(session, repository, subject, artifactTypes, choice, after, limit),
            cancellationToken);

    private ValueTask<Outcome<T>> InRepositoryAsync<T>(RegistryId registry, RepositoryName name, Func<DbSession, long, ValueTask<T>> work, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<T>>(
            async session => await session.FindIdAsync(registry, name) is { } repository
                ? await work(session, repository)
                : ContentErrors.RepositoryNotFound(registry, name),
            cancellationToken);

    private async ValueTask DeleteTagAsync(DbSession session, Repository repository, FoundImage image, TagName tag)
    {
        await session.ExecuteAsync("DELETE FROM tags WHERE repository_id = @repository AND name = @tag", ("@repository", repository.Id), ("@tag", tag.Value));
        await TagCounts.RemovedAsync(session, image.Id);
        await ImageEvents.TagDeletedAsync(session, repository, image.Nature, tag, time.GetUtcNow());
    }

    private static StoredManifest ReadManifest(System.Data.Common.DbDataReader row) => new(row.GetInt64(0), ImageRows.DigestAt(row, 1), row.GetString(2), row.GetBytes(3));
}
