using Longshore.Server.Content.Stores;
using Longshore.Server.Tests.TestSupport;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.Oci;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Content;

/// <summary>What happens when the store changes under a running server.</summary>
public sealed class StoreGuardTests
{
    [Fact]
    public async Task A_store_that_goes_away_under_a_server_is_refused_and_used_again_when_it_is_back()
    {
        TestStores.RequireFiles("it is moved away");
        await using var content = new ContentHarness();
        var blob = TestBlob.Random(1, 5_000);
        await content.PushAsync(await content.CreateAsync("images"), blob);
        var files = new FileSystemBlobStore(content.BlobDirectory, content.Time);
        var location = (await files.ListAsync(ContentHarness.Token).SingleAsync(ContentHarness.Token)).Location;
        var guard = new StoreGuard(new StoreCheck(content.Database, "the database", files, StoreArea.Standard, static _ => ValueTask.FromResult<string?>(null), NullLogger.Instance), content.Time, NullLogger.Instance);
        var store = new GuardedBlobStore(files, guard);

        // Nobody has asked yet: the first who wants something does.
        Assert.False(guard.IsKnown);
        await using (var reader = await store.OpenReadAsync(location, ContentHarness.Token)) Assert.Equal(5_000, reader!.Length);
        Assert.True(guard.IsKnown);

        Directory.Move(content.BlobDirectory, content.BlobDirectory + ".away");
        _ = new FileSystemBlobStore(content.BlobDirectory, content.Time);
        Assert.Contains("not mounted", await guard.CompareAsync(ContentHarness.Token), StringComparison.Ordinal);
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.OpenReadAsync(location, ContentHarness.Token));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.OpenUploadAsync("new", 0, null, ContentHarness.Token));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.ListAsync(ContentHarness.Token).FirstOrDefaultAsync(ContentHarness.Token));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.ProbeAsync(ContentHarness.Token));

        Directory.Delete(content.BlobDirectory, recursive: true);
        Directory.Move(content.BlobDirectory + ".away", content.BlobDirectory);
        Assert.Null(await guard.CompareAsync(ContentHarness.Token));
        await using (var reader = await store.OpenReadAsync(location, ContentHarness.Token)) Assert.Equal(5_000, reader!.Length);
        await store.ProbeAsync(ContentHarness.Token);
    }
}
