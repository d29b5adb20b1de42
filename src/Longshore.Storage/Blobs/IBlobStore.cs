using Longshore.Core;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Where bodies of blobs live. Knows bytes, keys and locations; nothing of repositories or rights.
/// Implementations: FileSystemBlobStore, S3BlobStore; the contract suite in Longshore.Storage.Tests holds for each.
/// </summary>
/// <remarks>
/// A body is written under an upload key and then published under its digest and generation. Callers may assume:
/// a location is durable when <see cref="PublishAsync"/> returns; a published body never changes; the same digest in a
/// new generation has another location, so deleting an old one never touches fresh bytes. A full store throws
/// <see cref="StorageFullException"/> and leaves what was there.
/// </remarks>
public interface IBlobStore
{
    /// <summary>
    /// Opens the body of an upload for appending at <paramref name="offset"/>: creates it at 0, and cuts off what a crash
    /// may have left behind the offset. One writer at a time: the caller sees to it.
    /// </summary>
    /// <param name="uploadKey">The upload.</param>
    /// <param name="offset">Where to go on.</param>
    /// <param name="observer">
    /// Sees every byte written, in order: what hashes it. Called on any thread, never on two at once, and for the last time
    /// before <see cref="IBlobWriter.CompleteAsync"/> or disposing ends.
    /// </param>
    /// <param name="cancellationToken">Heeded before anything is done.</param>
    /// <exception cref="UploadBodyMissingException">Fewer than <paramref name="offset"/> bytes are stored.</exception>
    ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken);

    /// <summary>Reads the first <paramref name="length"/> bytes that an upload stored so far, to hash them again.</summary>
    ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken);

    /// <summary>
    /// Publishes an upload as the body of a digest and ends the upload key. Durable (bytes and directory entry) when it
    /// returns; the writer is completed and disposed before.
    /// </summary>
    /// <returns>The location, to be kept in the blob's row: opaque to everyone but this store.</returns>
    /// <exception cref="BodyExistsException">The digest has a body in this generation already; the upload is as it was.</exception>
    ValueTask<string> PublishAsync(string uploadKey, Digest digest, long generation, CancellationToken cancellationToken);

    /// <summary>Removes the body of an upload; no error when there is none.</summary>
    ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken);

    /// <summary>Opens a published body, or gives null when the store has none at this location.</summary>
    ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken);

    /// <summary>As <see cref="OpenReadAsync(string, CancellationToken)"/>, telling which bytes will be read: no promise, and others may be read as well.</summary>
    /// <param name="location">The body.</param>
    /// <param name="start">The first byte.</param>
    /// <param name="behind">Behind the last byte.</param>
    /// <param name="cancellationToken">Ends it.</param>
    ValueTask<IBlobReader?> OpenReadAsync(string location, long start, long behind, CancellationToken cancellationToken) => OpenReadAsync(location, cancellationToken);

    /// <summary>Whether the operator says that clients reach the store of a body themselves.</summary>
    bool IsPublic(string location) => false;

    /// <summary>
    /// A URL at which whoever has it may GET a published body, with no other proof of who he is: a secret. Null when the store offers none. Nobody looks whether
    /// there is such a body.
    /// </summary>
    /// <param name="location">The body.</param>
    /// <param name="lifetime">How long the URL is good for; up to 7 days.</param>
    Uri? Presign(string location, TimeSpan lifetime) => null;

    /// <summary>Removes a published body; false when there was none.</summary>
    ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken);

    /// <summary>
    /// Moves a published body aside, out of reach of <see cref="OpenReadAsync(string, CancellationToken)"/>, for a person to look at.
    /// </summary>
    /// <returns>Where it is now, in words for a person.</returns>
    ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken);

    /// <summary>Every published body, in no promised order; memory does not grow with their number.</summary>
    IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken);

    /// <summary>Parts into which <see cref="ListAsync(int, CancellationToken)"/> divides the bodies.</summary>
    int ListParts { get; }

    /// <summary>
    /// The published bodies of one part, so that a long walk can go on where it was interrupted. A body is always in the same part; all parts together
    /// are <see cref="ListAsync(CancellationToken)"/>.
    /// </summary>
    /// <param name="part">From 0 to below <see cref="ListParts"/>.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken);

    /// <summary>The keys of all uploads that have a body, in no promised order.</summary>
    IAsyncEnumerable<StoredUpload> ListUploadsAsync(CancellationToken cancellationToken);

    /// <summary>Asks the store for something small without changing it. Throws when it does not answer.</summary>
    async ValueTask ProbeAsync(CancellationToken cancellationToken)
    {
        await foreach (var _ in ListUploadsAsync(cancellationToken)) return;
    }
}

/// <summary>Sees bytes on their way.</summary>
public delegate void BytesObserver(ReadOnlySpan<byte> bytes);

/// <summary>A published body as the store lists it.</summary>
/// <param name="Location">What <see cref="IBlobStore.PublishAsync"/> returned.</param>
/// <param name="Digest">What it was published as; nobody has looked whether its bytes still have this digest.</param>
/// <param name="Generation">The generation it was published in.</param>
/// <param name="Length">Bytes.</param>
/// <param name="ModifiedAt">When it was last written: with a slow upload long before it was published.</param>
public readonly record struct StoredBody(string Location, Digest Digest, long Generation, long Length, DateTimeOffset ModifiedAt);

/// <summary>The body of an unfinished upload as the store lists it.</summary>
public readonly record struct StoredUpload(string UploadKey, long Length, DateTimeOffset ModifiedAt);

/// <summary>Appends to the body of an upload.</summary>
public interface IBlobWriter : IAsyncDisposable
{
    /// <summary>Bytes in the body so far.</summary>
    long Length { get; }

    /// <summary>Appends all bytes of the sequence. After a failure the writer takes no more, and the body ends somewhere behind its former end.</summary>
    ValueTask WriteAsync(System.Buffers.ReadOnlySequence<byte> bytes, CancellationToken cancellationToken);

    /// <summary>
    /// Hands over everything appended, some of which may wait in memory until then: to be called before disposing, or the
    /// end of the body is lost. Not durable: <see cref="IBlobStore.PublishAsync"/> sees to that.
    /// </summary>
    ValueTask CompleteAsync(CancellationToken cancellationToken);
}

/// <summary>Reads a body at any position; safe for one reader at a time.</summary>
public interface IBlobReader : IAsyncDisposable
{
    /// <summary>Bytes in the body.</summary>
    long Length { get; }

    /// <summary>Fills as much of the buffer as the body has from <paramref name="position"/>; 0 means the end.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, long position, CancellationToken cancellationToken);
}

/// <summary>The store has no room for more bytes.</summary>
public sealed class StorageFullException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The store does not answer, or refuses work for now; later it may.</summary>
public sealed class StorageUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>A digest has a body in a generation in which it was to be published: another server chose the same one.</summary>
public sealed class BodyExistsException(string message) : IOException(message);

/// <summary>An upload's row tells of more bytes than its body holds (the machine lost power).</summary>
public sealed class UploadBodyMissingException(string uploadKey, long expected, long found)
    : IOException($"Upload {uploadKey} should hold {expected} bytes and holds {found}.")
{
    /// <summary>Bytes that the body really holds.</summary>
    public long Found { get; } = found;
}
