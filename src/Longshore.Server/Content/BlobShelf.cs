using Longshore.Core;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>A stored body that a repository may see.</summary>
/// <param name="Digest">The digest it was asked or pushed by.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Location">Where the store keeps it.</param>
internal sealed record BlobInfo(Digest Digest, long Size, string Location)
{
    /// <summary>Whether only archived images of the repository name it: then it is not to be pulled.</summary>
    public bool IsArchived { get; init; }
}

/// <summary>State of a body (column <c>blobs.state</c>).</summary>
internal static class BlobState
{
    /// <summary>There to be served.</summary>
    public const long Live = 0;

    /// <summary>Nothing references it: no one sees it, a push brings it back, and after a while it is collected.</summary>
    public const long Condemned = 1;

    /// <summary>Damaged and set aside by <c>longshore verify --repair</c>; a new push of the digest brings it back.</summary>
    public const long Quarantined = 2;
}

/// <summary>The bodies that a repository may see: find, read, take out of sight.</summary>
internal sealed class BlobShelf(IDatabase database, IBlobStore store, TimeProvider time, RedirectOptions? redirects = null)
{
    private const string FindSql =
        """
        SELECT b.size, b.location
        FROM repositories r
        JOIN blobs b ON b.digest = @digest
        JOIN repository_blobs l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.account = @account AND r.region = @region AND r.name = @name AND b.state = 0
        """;

    /// <summary>The body. RepositoryNotFound, BlobUnknown.</summary>
    public ValueTask<Outcome<BlobInfo>> FindAsync(RegistryId registry, RepositoryName name, Digest digest, CancellationToken cancellationToken) =>
        database.ReadAsync<Outcome<BlobInfo>>(
            async session =>
            {
                var blob = await FindAsync(session, registry, name, digest);
                if (blob is { IsArchived: false }) return blob;
                return await session.FindIdAsync(registry, name) is null ? ContentErrors.RepositoryNotFound(registry, name) : ContentErrors.BlobUnknown(digest);
            },
            cancellationToken);

    /// <summary>Which of the digests the repository holds. RepositoryNotFound.</summary>
    public ValueTask<Outcome<Dictionary<Digest, BlobInfo>>> FindManyAsync(RegistryId registry, RepositoryName name, IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<Dictionary<Digest, BlobInfo>>>(
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is null) return ContentErrors.RepositoryNotFound(registry, name);
                var found = new Dictionary<Digest, BlobInfo>();
                foreach (var digest in digests)
                    if (await FindAsync(session, registry, name, digest) is { } blob) found[digest] = blob;
                return found;
            },
            cancellationToken);

    /// <summary>
    /// The body, when an image of the repository names it: what ECR GetDownloadUrlForLayer asks for. RepositoryNotFound, BlobUnknown, LayerInaccessible.
    /// </summary>
    public ValueTask<Outcome<BlobInfo>> FindReferencedAsync(RegistryId registry, RepositoryName name, Digest digest, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<BlobInfo>>(
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } id) return ContentErrors.RepositoryNotFound(registry, name);
                if (await FindAsync(session, registry, name, digest) is not { } blob) return ContentErrors.BlobUnknown(digest);
                return !blob.IsArchived && await IsReferencedAsync(session, id, digest) ? blob : ContentErrors.LayerInaccessible(name, digest);
            },
            cancellationToken);

    /// <summary>A URL at which the body's store serves it, for a pull that is better sent there; else null. Whoever has it may read: it is shown to the caller alone.</summary>
    public Uri? FindDownloadUrl(BlobInfo blob) => (redirects?.Redirects ?? PullRedirects.Never) switch
    {
        PullRedirects.Auto when blob.Size >= RedirectOptions.Threshold && store.IsPublic(blob.Location) => store.Presign(blob.Location, RedirectOptions.Lifetime),
        PullRedirects.Always => store.Presign(blob.Location, RedirectOptions.Lifetime),
        _ => null,
    };

    /// <summary>Opens a body for reading from start to end, where its store has to know. BlobUnknown when it was collected meanwhile.</summary>
    public async ValueTask<Outcome<IBlobReader>> OpenAsync(BlobInfo blob, long start, long end, CancellationToken cancellationToken)
    {
        var reader = await store.OpenReadAsync(blob.Location, start, end, cancellationToken);
        if (reader is null && await LocationAsync(blob.Digest, cancellationToken) is { } moved && moved != blob.Location)
        {
            // It went to the other area of the store since it was looked up.
            reader = await store.OpenReadAsync(moved, start, end, cancellationToken);
        }

        return reader is null ? ContentErrors.BlobUnknown(blob.Digest) : Outcome<IBlobReader>.Of(reader);
    }

    /// <summary>Takes a body out of the repository. RepositoryNotFound, BlobUnknown, ContentReferenced when an image of the repository names it.</summary>
    public ValueTask<Outcome<Done>> RemoveAsync(RegistryId registry, RepositoryName name, Digest digest, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<Done>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } id) return ContentErrors.RepositoryNotFound(registry, name);
                // The link is locked before the images are asked: a manifest that names it comes before both, or sees no link.
                var blob = await session.QueryFirstAsync(
                    """
                    SELECT l.blob_id FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id
                    WHERE l.repository_id = @id AND b.digest = @digest AND b.state = 0 /*lock FOR UPDATE OF l*/
                    """,
                    static row => row.GetInt64(0),
                    ("@id", id),
                    ("@digest", digest.Value));
                if (blob == 0) return ContentErrors.BlobUnknown(digest);
                if (await IsReferencedAsync(session, id, digest)) return ContentErrors.BlobReferenced(digest);
                await session.ExecuteAsync("DELETE FROM repository_blobs WHERE repository_id = @id AND blob_id = @blob", ("@id", id), ("@blob", blob));
                await BlobReferences.CondemnUnreferencedAsync(session, [blob], time.GetUtcNow());
                return Done.Value;
            },
            cancellationToken);

    /// <summary>The body as a repository sees it, or null.</summary>
    internal static async ValueTask<BlobInfo?> FindAsync(DbSession session, RegistryId registry, RepositoryName name, Digest digest)
    {
        var blob = await session.QueryFirstAsync(
            FindSql,
            row => new BlobInfo(digest, row.GetInt64(0), row.GetString(1)),
            ("@digest", digest.Value),
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@name", name.Value));
        // Few bodies lie in the archive: only those are asked about a second time.
        return blob is not null && TieredBlobStore.IsArchived(blob.Location) ? blob with { IsArchived = !await IsAtHandAsync(session, registry, name, digest) } : blob;
    }

    private ValueTask<string?> LocationAsync(Digest digest, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstAsync("SELECT location FROM blobs WHERE digest = @digest AND state = 0", static row => row.GetString(0), ("@digest", digest.Value)),
        cancellationToken);

    // An image that is ready names it, or somebody has just pushed it.
    private static async ValueTask<bool> IsAtHandAsync(DbSession session, RegistryId registry, RepositoryName name, Digest digest) => await session.QueryFirstAsync(
        $"""
        SELECT 1 FROM repositories r JOIN blobs b ON b.digest = @digest JOIN repository_blobs l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.account = @account AND r.region = @region AND r.name = @name AND (l.leased_until IS NOT NULL OR EXISTS (
            SELECT 1 FROM manifest_blobs mb JOIN manifests m ON m.id = mb.manifest_id WHERE mb.blob_id = b.id AND mb.repository_id = r.id AND {ArchiveRows.IsActive}))
        """,
        static row => row.GetInt64(0),
        ("@digest", digest.Value),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value)) == 1;

    private static async ValueTask<bool> IsReferencedAsync(DbSession session, long repositoryId, Digest digest) => await session.QueryFirstAsync(
        """
        SELECT 1 FROM blobs b
        JOIN manifest_blobs mb ON mb.blob_id = b.id AND mb.repository_id = @repository
        WHERE b.digest = @digest LIMIT 1
        """,
        static row => row.GetInt64(0),
        ("@repository", repositoryId),
        ("@digest", digest.Value)) != 0;
}
