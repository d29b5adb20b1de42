using Longshore.Core;
using Longshore.Storage.Blobs;

namespace Longshore.Server.Tests.Verification;

/// <summary>A store one of whose bodies lies on a bad sector.</summary>
internal sealed class BadSectorStore(IBlobStore store, string badLocation) : IBlobStore
{
    public ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken) =>
        store.OpenUploadAsync(uploadKey, offset, observer, cancellationToken);

    public ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken) => store.ReadUploadAsync(uploadKey, length, cancellationToken);

    public ValueTask<string> PublishAsync(string uploadKey, Digest digest, long generation, CancellationToken cancellationToken) => store.PublishAsync(uploadKey, digest, generation, cancellationToken);

    public ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken) => store.DeleteUploadAsync(uploadKey, cancellationToken);

    public async ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken)
    {
        var reader = await store.OpenReadAsync(location, cancellationToken);
        return location == badLocation && reader is not null ? new BadReader(reader) : reader;
    }

    public ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken) => store.DeleteAsync(location, cancellationToken);

    public ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken) => store.QuarantineAsync(location, cancellationToken);

    public IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken) => store.ListAsync(cancellationToken);

    public int ListParts => store.ListParts;

    public IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken) => store.ListAsync(part, cancellationToken);

    public IAsyncEnumerable<StoredUpload> ListUploadsAsync(CancellationToken cancellationToken) => store.ListUploadsAsync(cancellationToken);

    private sealed class BadReader(IBlobReader reader) : IBlobReader
    {
        public long Length => reader.Length;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, long position, CancellationToken cancellationToken) => throw new IOException("Input/output error");

        public ValueTask DisposeAsync() => reader.DisposeAsync();
    }
}
