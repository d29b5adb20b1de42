namespace Longshore.Storage.Blobs;

/// <summary>
/// A store that carries a mark of its own: one small text beside the bodies, in no list of bodies or uploads, that goes wherever the whole store is copied to.
/// What it says is not the store's business. Implementations: FileSystemBlobStore, S3BlobStore.
/// </summary>
public interface IMarkedStore : IBlobStore
{
    /// <summary>Name of the mark in the store.</summary>
    const string MarkName = "store-id";

    /// <summary>Where the store is, for people; without secrets.</summary>
    string Place { get; }

    /// <summary>The mark; null when there is none.</summary>
    /// <exception cref="IOException">Nobody can tell: the store does not answer, or its bucket is missing.</exception>
    ValueTask<string?> ReadMarkAsync(CancellationToken cancellationToken);

    /// <summary>Puts a mark where there is none: of several that try, one does. Durable when it returns.</summary>
    /// <returns>False when there is one.</returns>
    ValueTask<bool> TryAddMarkAsync(string mark, CancellationToken cancellationToken);

    /// <summary>Puts a mark in place of the one that is there, if any. Durable when it returns.</summary>
    ValueTask ReplaceMarkAsync(string mark, CancellationToken cancellationToken);
}
