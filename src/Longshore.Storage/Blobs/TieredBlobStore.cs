using Longshore.Core;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Two stores as one: bodies are published in the standard one, and can be moved to the archive, which may lie on cheaper storage, and back.
/// Locations in the archive begin with <see cref="ArchivePrefix"/>; all others are the standard store's own.
/// </summary>
public sealed class TieredBlobStore(IBlobStore standard, IBlobStore archive) : IBlobStore
{
    /// <summary>What locations in the archive begin with.</summary>
    public const string ArchivePrefix = "archive/";

    /// <inheritdoc/>
    public int ListParts => standard.ListParts + archive.ListParts;

    /// <summary>Whether a body lies in the archive.</summary>
    public static bool IsArchived(string location)
    {
        ArgumentNullException.ThrowIfNull(location);
        return location.StartsWith(ArchivePrefix, StringComparison.Ordinal);
    }

    /// <summary>
    /// Copies a body to the other area, in a new generation. Durable when it returns; the old body stays until the caller removes it. The bytes are
    /// hashed on their way: a body that is not what its digest says is not moved.
    /// </summary>
    /// <returns>The new location; null when there is no body at the old one.</returns>
    /// <exception cref="InvalidDataException">The stored bytes do not have the digest.</exception>
    public async ValueTask<string?> CopyAcrossAsync(string location, Digest digest, long generation, CancellationToken cancellationToken)
    {
        var (from, own) = Route(location);
        var to = IsArchived(location) ? standard : archive;
        await using var reader = await from.OpenReadAsync(own, cancellationToken);
        if (reader is null) return null;
        var published = await BodyTransfer.CopyAsync(reader, to, $"move-{Guid.NewGuid():N}", digest, generation, cancellationToken)
            ?? throw new InvalidDataException($"The body at {location} cannot be read, or does not have the digest {digest}. Run longshore verify.");
        return ReferenceEquals(to, archive) ? ArchivePrefix + published : published;
    }

    /// <inheritdoc/>
    public ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken) =>
        standard.OpenUploadAsync(uploadKey, offset, observer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken) =>
        standard.ReadUploadAsync(uploadKey, length, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<string> PublishAsync(string uploadKey, Digest digest, long generation, CancellationToken cancellationToken) =>
        standard.PublishAsync(uploadKey, digest, generation, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken)
    {
        // What a move left behind lies in either.
        await standard.DeleteUploadAsync(uploadKey, cancellationToken);
        await archive.DeleteUploadAsync(uploadKey, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken)
    {
        var (store, own) = Route(location);
        return store.OpenReadAsync(own, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IBlobReader?> OpenReadAsync(string location, long start, long behind, CancellationToken cancellationToken)
    {
        var (store, own) = Route(location);
        return store.OpenReadAsync(own, start, behind, cancellationToken);
    }

    /// <inheritdoc/>
    public bool IsPublic(string location)
    {
        var (store, own) = Route(location);
        return store.IsPublic(own);
    }

    /// <inheritdoc/>
    public Uri? Presign(string location, TimeSpan lifetime)
    {
        var (store, own) = Route(location);
        return store.Presign(own, lifetime);
    }

    /// <inheritdoc/>
    public async ValueTask ProbeAsync(CancellationToken cancellationToken)
    {
        await standard.ProbeAsync(cancellationToken);
        await archive.ProbeAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken)
    {
        var (store, own) = Route(location);
        return store.DeleteAsync(own, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken)
    {
        var (store, own) = Route(location);
        return store.QuarantineAsync(own, cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken) =>
        standard.ListAsync(cancellationToken).Concat(archive.ListAsync(cancellationToken).Select(Archived));

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken) => part < standard.ListParts
        ? standard.ListAsync(part, cancellationToken)
        : archive.ListAsync(part - standard.ListParts, cancellationToken).Select(Archived);

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredUpload> ListUploadsAsync(CancellationToken cancellationToken) =>
        standard.ListUploadsAsync(cancellationToken).Concat(archive.ListUploadsAsync(cancellationToken));

    private static StoredBody Archived(StoredBody body) => body with { Location = ArchivePrefix + body.Location };

    private (IBlobStore Store, string Location) Route(string location) => IsArchived(location) ? (archive, location[ArchivePrefix.Length..]) : (standard, location);
}
