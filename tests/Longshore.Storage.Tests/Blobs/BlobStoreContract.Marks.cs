using Longshore.Storage.Blobs;

namespace Longshore.Storage.Tests.Blobs;

public abstract partial class BlobStoreContract
{
    [Fact]
    public async Task Of_several_that_mark_a_store_one_does_and_the_mark_is_neither_body_nor_upload()
    {
        var store = (IMarkedStore)Store;
        Assert.Null(await store.ReadMarkAsync(Token));
        var added = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => store.TryAddMarkAsync($"mark {i}\n", Token).AsTask(), Token)));
        var one = Array.IndexOf(added, true);
        Assert.Equal((1, $"mark {one}\n"), (added.Count(static done => done), await store.ReadMarkAsync(Token)));

        Assert.False(await store.TryAddMarkAsync("another\n", Token));
        await store.ReplaceMarkAsync("another\n", Token);
        await store.ReplaceMarkAsync("the last\n", Token);
        Assert.Equal("the last\n", await store.ReadMarkAsync(Token));
        Assert.Empty(await ListAsync());
        Assert.Empty(await ListUploadsAsync());
        Assert.NotEmpty(store.Place);
    }
}
