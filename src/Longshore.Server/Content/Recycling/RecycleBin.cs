using System.Data.Common;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Recycling;

/// <summary>The images that were removed and can still come back: list, restore, purge. <see cref="ImageRemover"/> fills the bin.</summary>
internal sealed class RecycleBin(IDatabase database, TimeProvider time)
{
    /// <summary>Most tags of one image in a list.</summary>
    public const int TagsListed = 100;

    // Enough for TagsListed tags of greatest length, and their line breaks.
    private const long TagsRead = TagsListed * (TagName.MaxLength + 1);

    private const string Columns =
        """
        digest, media_type, artifact_type, subject, image_size, SUBSTR(tags, 1, CAST(@read AS INTEGER)),
        CASE WHEN tags = '' THEN 0 ELSE 1 + LENGTH(tags) - LENGTH(REPLACE(tags, @break, '')) END,
        pushed_at, last_pulled_at, removed_at, removed_by, plan_id, expires_at
        """;

    /// <summary>Images of a repository in the bin in order of their digests, those after <paramref name="after"/>; at most <paramref name="limit"/>. RepositoryNotFound.</summary>
    public ValueTask<Outcome<List<RecycledImage>>> ListAsync(RegistryId registry, RepositoryName name, string? after, int limit, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<List<RecycledImage>>>(
            async session => await session.FindIdAsync(registry, name) is { } repository
                ? await session.QueryAsync(
                    $"SELECT {Columns} FROM recycled_images WHERE repository_id = @repository AND digest > @after ORDER BY digest LIMIT @limit",
                    Read,
                    ("@read", TagsRead),
                    ("@break", "\n"),
                    ("@repository", repository),
                    ("@after", after ?? ""),
                    ("@limit", (long)limit))
                : ContentErrors.RepositoryNotFound(registry, name),
            cancellationToken);

    /// <summary>One image in the bin. RepositoryNotFound, ManifestUnknown.</summary>
    public ValueTask<Outcome<RecycledImage>> FindAsync(RegistryId registry, RepositoryName name, Digest digest, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<RecycledImage>>(
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                var found = await session.QueryFirstAsync(
                    $"SELECT {Columns} FROM recycled_images WHERE repository_id = @repository AND digest = @digest",
                    Read,
                    ("@read", TagsRead),
                    ("@break", "\n"),
                    ("@repository", repository),
                    ("@digest", digest.Value));
                return found is null ? ContentErrors.NotRecycled(name, digest) : found;
            },
            cancellationToken);

    /// <summary>
    /// Brings an image back as it was: pushed when it was pushed, with those of its tags that are free. An index brings its images from the bin with it,
    /// and an image its referrers that the same plan removed. The image asked for is the first of the answer. RepositoryNotFound, ManifestUnknown;
    /// ManifestChildUnknown (Detail "digests") when the index lists images that are neither in the repository nor in its bin; LimitExceeded.
    /// </summary>
    public ValueTask<Outcome<IReadOnlyList<RestoredImage>>> RestoreAsync(RegistryId registry, RepositoryName name, Digest digest, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<IReadOnlyList<RestoredImage>>>(
            Durability.Synced,
            async session => await session.FindAsync(registry, name) is { } repository
                ? await new RecycleBinRestore(session, repository, time.GetUtcNow()).RunAsync(digest)
                : ContentErrors.RepositoryNotFound(registry, name),
            cancellationToken);

    /// <summary>Lets an image in the bin go for good. RepositoryNotFound, ManifestUnknown.</summary>
    public ValueTask<Outcome<Done>> PurgeAsync(RegistryId registry, RepositoryName name, Digest digest, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Done>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                if (await RecycledRows.FindAsync(session, repository, digest) is not { } entry) return ContentErrors.NotRecycled(name, digest);
                await RecycledRows.DropAsync(session, entry, time.GetUtcNow());
                return Done.Value;
            },
            cancellationToken);

    /// <summary>Bytes of bodies that only the bin still holds of what a plan removed, each body once: what will be freed when its entries expire.</summary>
    public ValueTask<long> HeldBytesAsync(string planId, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstAsync(
            """
            SELECT COALESCE(SUM(b.size), 0) FROM blobs b
            WHERE b.id IN (SELECT r.blob_id FROM recycled_images i JOIN recycled_blobs r ON r.image_id = i.id WHERE i.plan_id = @plan)
              AND NOT EXISTS (SELECT 1 FROM manifest_blobs m WHERE m.blob_id = b.id)
            """,
            static row => row.GetInt64(0),
            ("@plan", planId)),
        cancellationToken);

    private static RecycledImage Read(DbDataReader row) => new(
        ImageRows.DigestAt(row, 0),
        row.GetString(1),
        row.GetStringOrNull(2),
        row.IsDBNull(3) ? null : ImageRows.DigestAt(row, 3),
        row.GetInt64(4),
        [.. RecycledRows.Lines(row.GetString(5)).Take(TagsListed)],
        row.GetInt64(6),
        row.GetTime(7),
        row.GetTimeOrNull(8),
        row.GetTime(9),
        row.GetString(10),
        row.GetStringOrNull(11),
        row.GetTime(12));
}
