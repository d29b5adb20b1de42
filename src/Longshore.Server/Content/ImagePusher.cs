using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Content.Events;
using Longshore.Server.Content.Recycling;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>Stores manifests: checks every reference, and writes image, links and tags in one transaction.</summary>
internal sealed class ImagePusher(IDatabase database, TimeProvider time)
{
    /// <summary>Most tags on one image. ECR allows 1,000; some pipelines, and our own load tests, tag one image far more often.</summary>
    public const int MaxTags = 100_000;

    /// <summary>
    /// Stores a manifest and sets tags. RepositoryNotFound, ManifestInvalid, ManifestTooLarge, ManifestDigestMismatch, ManifestBlobUnknown and
    /// ManifestChildUnknown (Detail "digests": comma-separated), SizeInvalid, TagImmutable, ImageAlreadyExists, LimitExceeded.
    /// </summary>
    public async ValueTask<Outcome<ImagePutResult>> PutAsync(ImagePut put, CancellationToken cancellationToken)
    {
        if (!ManifestDocument.Parse(put.Bytes, put.MediaType).TryGet(out var document, out var error)) return error;
        var digest = Digest.Compute(put.Bytes.Span, put.ExpectedDigest?.Algorithm ?? DigestAlgorithm.Sha256);
        if (put.ExpectedDigest is { } expected && expected != digest) return ContentErrors.ManifestDigestMismatch(put.Registry, put.Repository, expected);
        try
        {
            return await database.WriteBesideAsync<Outcome<ImagePutResult>>(Durability.Synced, session => StoreAsync(session, put, document, digest), cancellationToken);
        }
        catch (RefusedException refused)
        {
            return refused.Error;
        }
    }

    private async ValueTask<Outcome<ImagePutResult>> StoreAsync(DbSession session, ImagePut put, ManifestDocument document, Digest digest)
    {
        var repository = await session.FindForPushAsync(put.Registry, put.Repository);
        if (repository is null) return ContentErrors.RepositoryNotFound(put.Registry, put.Repository);
        var stored = await session.QueryFirstAsync(
            "SELECT id, media_type FROM manifests WHERE repository_id = @repository AND digest = @digest",
            static row => (Id: row.GetInt64(0), MediaType: row.GetString(1)),
            ("@repository", repository.Id),
            ("@digest", digest.Value));
        var isNew = stored.MediaType is null;
        if (isNew)
        {
            if (!(await FindReferencesAsync(session, put, repository.Id, document)).TryGet(out var references, out var error)) return error;
            stored.Id = await ImageRows.InsertAsync(session, repository.Id, digest, document, put.Bytes, references, time.GetUtcNow());
            stored.MediaType = document.MediaType;
            // Of one digest there is one image: the fresh one takes over from the one in the recycle bin.
            if (await RecycledRows.FindAsync(session, repository.Id, digest) is { } recycled)
                await RecycledRows.DropAsync(session, recycled, time.GetUtcNow(), takenOver: true);
        }

        var set = new List<string>(put.Tags.Count);
        // Pushing an archived image restores it.
        var restored = !isNew && await ImageArchive.RestoreByPushAsync(session, repository, stored.Id, time.GetUtcNow());
        var mayBeMany = !isNew || put.Tags.Count >= TagCounts.Counted;
        foreach (var tag in put.Tags)
            if (await SetTagAsync(session, repository, stored.Id, digest, tag, mayBeMany)) set.Add(tag.Value);
        if (isNew || set.Count > 0 || restored)
        {
            var image = new EventImage(digest, stored.MediaType!, document.ArtifactType, document.Subject is not null);
            await ImageEvents.PushedAsync(session, repository, image, set, time.GetUtcNow());
        }
        else if (put.RefuseUnchanged)
        {
            return ContentErrors.ImageAlreadyExists(put.Registry, put.Repository, digest, put.Tags.Count == 0 ? null : put.Tags[0].Value);
        }

        return new ImagePutResult(digest, stored.MediaType!, document.Subject?.Digest);
    }

    /// <summary>Sets a tag; false when it was on this image already. Counts the image's tags when there may be many. Throws to take the whole push back.</summary>
    private async ValueTask<bool> SetTagAsync(DbSession session, Repository repository, long manifestId, Digest digest, TagName tag, bool mayBeMany)
    {
        var current = await session.QueryFirstAsync<long?>(
            "SELECT manifest_id FROM tags WHERE repository_id = @repository AND name = @tag",
            static row => row.GetInt64(0),
            ("@repository", repository.Id),
            ("@tag", tag.Value));
        // ECR refuses an immutable tag even when it is on this very digest.
        if (current is not null && !TagMutabilityRule.MayMove(repository.Settings, tag)) throw new RefusedException(ContentErrors.TagImmutable(repository.Name, tag));
        if (current == manifestId) return false;
        if (mayBeMany && !await TagCounts.TryAddAsync(session, manifestId, MaxTags)) throw new RefusedException(ContentErrors.TooManyImageTags(repository.Name, digest, MaxTags));
        if (current is { } former) await TagCounts.RemovedAsync(session, former);
        await session.ExecuteAsync(
            """
            INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES (@repository, @tag, @manifest, @now)
            ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, updated_at = excluded.updated_at
            """,
            ("@repository", repository.Id),
            ("@tag", tag.Value),
            ("@manifest", manifestId),
            ("@now", time.GetUtcNow().ToDatabase()));
        return true;
    }

    /// <summary>Finds everything the manifest names in the repository, and checks that the sizes are the stored ones.</summary>
    private static async ValueTask<Outcome<ManifestReferences>> FindReferencesAsync(DbSession session, ImagePut put, long repositoryId, ManifestDocument document)
    {
        var blobs = new List<long>(document.BlobReferences.Count);
        var missing = new List<Digest>();
        foreach (var reference in document.BlobReferences)
        {
            var blob = await session.QueryFirstAsync(
                """
                SELECT b.id, b.size FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id AND l.repository_id = @repository
                WHERE b.digest = @digest AND b.state = 0 /*lock FOR KEY SHARE OF l*/
                """,
                static row => (Id: row.GetInt64(0), Size: row.GetInt64(1)),
                ("@repository", repositoryId),
                ("@digest", reference.Digest.Value));
            if (blob.Id == 0)
            {
                if (!reference.IsForeign) missing.Add(reference.Digest);
                continue;
            }

            if (blob.Size != reference.Size) return ContentErrors.ReferenceSize(reference, blob.Size);
            blobs.Add(blob.Id);
        }

        if (missing.Count > 0) return ContentErrors.BlobsMissing(put.Registry, put.Repository, missing);
        var children = new List<long>(document.Children.Count);
        var largest = 0L;
        foreach (var reference in document.Children)
        {
            var child = await session.QueryFirstAsync(
                $"SELECT m.id, m.size, m.image_size FROM manifests m WHERE m.repository_id = @repository AND m.digest = @digest AND {ArchiveRows.IsActive}",
                static row => (Id: row.GetInt64(0), Size: row.GetInt64(1), ImageSize: row.GetInt64(2)),
                ("@repository", repositoryId),
                ("@digest", reference.Digest.Value));
            if (child.Id == 0)
            {
                missing.Add(reference.Digest);
                continue;
            }

            if (child.Size != reference.Size) return ContentErrors.ReferenceSize(reference, child.Size);
            children.Add(child.Id);
            largest = Math.Max(largest, child.ImageSize);
        }

        if (missing.Count > 0) return ContentErrors.ChildrenMissing(put.Registry, put.Repository, missing);
        return new ManifestReferences(blobs, children, document.Kind == ManifestKind.Index ? largest : document.ImageSize);
    }

    /// <summary>Takes the transaction back and carries the reason to the caller.</summary>
    private sealed class RefusedException(RegistryError error) : Exception(error.Message)
    {
        public RegistryError Error => error;
    }
}
