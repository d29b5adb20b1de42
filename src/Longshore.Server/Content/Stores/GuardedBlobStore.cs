using System.Runtime.CompilerServices;
using Longshore.Core;
using Longshore.Storage.Blobs;

namespace Longshore.Server.Content.Stores;

/// <summary>A store of which nothing is read and nothing written before it is known to be the database's own.</summary>
internal sealed class GuardedBlobStore(IBlobStore store, StoreGuard guard) : IBlobStore
{
    public int ListParts => store.ListParts;

    public bool IsPublic(string location) => store.IsPublic(location);

    public Uri? Presign(string location, TimeSpan lifetime) => guard.IsKnown ? store.Presign(location, lifetime) : null;

    public ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.OpenUploadAsync(uploadKey, offset, observer, cancellationToken) : After(() => store.OpenUploadAsync(uploadKey, offset, observer, cancellationToken), cancellationToken);

    public ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.ReadUploadAsync(uploadKey, length, cancellationToken) : After(() => store.ReadUploadAsync(uploadKey, length, cancellationToken), cancellationToken);

    public ValueTask<string> PublishAsync(string uploadKey, Digest digest, long generation, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.PublishAsync(uploadKey, digest, generation, cancellationToken) : After(() => store.PublishAsync(uploadKey, digest, generation, cancellationToken), cancellationToken);

    public async ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken)
    {
        await guard.RequireAsync(cancellationToken);
        await store.DeleteUploadAsync(uploadKey, cancellationToken);
    }

    public ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.OpenReadAsync(location, cancellationToken) : After(() => store.OpenReadAsync(location, cancellationToken), cancellationToken);

    public ValueTask<IBlobReader?> OpenReadAsync(string location, long start, long behind, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.OpenReadAsync(location, start, behind, cancellationToken) : After(() => store.OpenReadAsync(location, start, behind, cancellationToken), cancellationToken);

    public ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.DeleteAsync(location, cancellationToken) : After(() => store.DeleteAsync(location, cancellationToken), cancellationToken);

    public ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken) =>
        guard.IsKnown ? store.QuarantineAsync(location, cancellationToken) : After(() => store.QuarantineAsync(location, cancellationToken), cancellationToken);

    public IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken) => After(() => store.ListAsync(cancellationToken), cancellationToken);

    public IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken) => After(() => store.ListAsync(part, cancellationToken), cancellationToken);

    public IAsyncEnumerable<StoredUpload> ListUploadsAsync(CancellationToken cancellationToken) => After(() => store.ListUploadsAsync(cancellationToken), cancellationToken);

    public async ValueTask ProbeAsync(CancellationToken cancellationToken)
    {
        await guard.RequireAsync(cancellationToken);
        await store.ProbeAsync(cancellationToken);
    }

    private async ValueTask<T> After<T>(Func<ValueTask<T>> work, CancellationToken cancellationToken)
    {
        await guard.RequireAsync(cancellationToken);
        return await work();
    }

    private async IAsyncEnumerable<T> After<T>(Func<IAsyncEnumerable<T>> list, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await guard.RequireAsync(cancellationToken);
        await foreach (var item in list().WithCancellation(cancellationToken)) yield return item;
    }
}
