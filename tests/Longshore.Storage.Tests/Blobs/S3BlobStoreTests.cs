using System.Buffers;
using Longshore.Core;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.S3;

namespace Longshore.Storage.Tests.Blobs;

/// <summary>The contract on a bucket of Ceph's gateway, and what only a bucket has.</summary>
public sealed class S3BlobStoreTests : BlobStoreContract
{
    private readonly List<S3BlobStore> _opened = [];
    private S3BlobOptions? _options;

    protected override int InterleavingsRun => 12;

    protected override async ValueTask<IBlobStore> CreateAsync(TimeProvider time)
    {
        var gateway = await S3Gateway.GetAsync();
        _options = S3BlobOptions.TryParse(gateway.NewUrl(), out var problem) ?? throw new InvalidOperationException(problem);
        return Open(time);
    }

    protected override ValueTask CleanUpAsync()
    {
        foreach (var store in _opened) store.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Another_server_goes_on_with_an_upload_and_hashes_what_it_did_not_see()
    {
        var bytes = Bytes(9_000_000, 21);
        await WriteUploadAsync("a", bytes.AsMemory(0, 8_500_000));
        var other = Open(TimeProvider.System);
        await using (var reader = await other.ReadUploadAsync("a", 8_500_000, Token)) Assert.Equal(bytes[..8_500_000], await ReadAllAsync(reader));
        await using (var writer = await other.OpenUploadAsync("a", 8_500_000, null, Token))
        {
            await writer.WriteAsync(new ReadOnlySequence<byte>(bytes, 8_500_000, 500_000), Token);
            await writer.CompleteAsync(Token);
        }

        var third = Open(TimeProvider.System);
        await using (var writer = await third.OpenUploadAsync("a", bytes.Length, null, Token)) Assert.Equal(bytes.Length, writer.Length);
        var location = await third.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
        // The pieces are others', who may be publishing them: expiry removes them.
        await Open(TimeProvider.System).DeleteUploadAsync("a", Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.Empty(await ListUploadsAsync());
        Assert.Equal(2, (await KeysAsync()).Count);
    }

    [Fact]
    public async Task What_another_server_received_whole_is_published_without_a_copy()
    {
        var bytes = Bytes(9_000_000, 30);
        await WriteUploadAsync("a", bytes);
        var before = await KeysAsync();
        var other = Open(TimeProvider.System);
        await using (var writer = await other.OpenUploadAsync("a", bytes.Length, null, Token)) Assert.Equal(bytes.Length, writer.Length);
        var location = await other.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal([location, before.Single(static key => key.StartsWith("data/", StringComparison.Ordinal))], (await KeysAsync()).Order(StringComparer.Ordinal));
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task A_normal_push_makes_one_object_of_bytes_and_one_that_names_it()
    {
        var bytes = Bytes(20_000_000, 22);
        await WriteUploadAsync("a", bytes);
        var before = await KeysAsync();
        Assert.Equal(2, before.Count);
        var data = Assert.Single(before, static key => key.StartsWith("data/", StringComparison.Ordinal));
        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 5, Token);
        Assert.Equal([location, data], (await KeysAsync()).Order(StringComparer.Ordinal));
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.True(await Store.DeleteAsync(location, Token));
        Assert.Empty(await KeysAsync());
    }

    [Fact]
    public async Task Many_chunks_of_any_size_become_one_body()
    {
        var bytes = Bytes(30_000_000, 23);
        int[] sizes = [1, 70_000, 6_000_000, 3, 5 << 20, 100, 12_000_000, 1_000_000, 2_000_000];
        var at = 0;
        foreach (var size in sizes)
        {
            await WriteUploadAsync("a", bytes.AsMemory(at, size), at);
            at += size;
        }

        await WriteUploadAsync("a", bytes.AsMemory(at), at);
        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.Equal(2, (await KeysAsync()).Count);
    }

    [Fact]
    public async Task A_server_that_dies_in_a_large_upload_leaves_parts_that_deleting_the_upload_removes()
    {
        var crashed = Open(TimeProvider.System);
        var writer = await crashed.OpenUploadAsync("a", 0, null, Token);
        await writer.WriteAsync(new ReadOnlySequence<byte>(Bytes(20_000_000, 24)), Token);
        Assert.Single(await UnfinishedAsync());
        Assert.Equal(["a"], (await ListUploadsAsync()).Select(static upload => upload.UploadKey));
        await Store.DeleteUploadAsync("a", Token);
        Assert.Empty(await UnfinishedAsync());
        Assert.Empty(await KeysAsync());
    }

    [Fact]
    public async Task A_body_that_is_published_outlives_the_record_of_its_upload()
    {
        var bytes = Bytes(1000, 25);
        await WriteUploadAsync("a", bytes);
        var record = await Objects.GetSmallAsync("uploads/a", Token);
        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        // As a kill before the record's removal leaves it.
        await Objects.PutAsync("uploads/a", record!, Token);
        await Open(TimeProvider.System).DeleteUploadAsync("a", Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.Empty(await ListUploadsAsync());
    }

    [Fact]
    public async Task What_a_client_that_begins_again_left_elsewhere_goes_by_expiry()
    {
        await WriteUploadAsync("a", Bytes(5000, 26));
        var other = Open(TimeProvider.System);
        var bytes = Bytes(3000, 27);
        await using (var writer = await other.OpenUploadAsync("a", 0, null, Token))
        {
            await writer.WriteAsync(new ReadOnlySequence<byte>(bytes), Token);
            await writer.CompleteAsync(Token);
        }

        var location = await other.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal(["a"], (await ListUploadsAsync()).Select(static upload => upload.UploadKey));
        await Open(TimeProvider.System).DeleteUploadAsync("a", Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.Equal(2, (await KeysAsync()).Count);
    }

    [Fact]
    public async Task Of_two_servers_that_publish_one_upload_the_later_takes_nothing_from_the_first()
    {
        var bytes = Bytes(100_000, 29);
        await WriteUploadAsync("a", bytes);
        var other = Open(TimeProvider.System);
        await using (var writer = await other.OpenUploadAsync("a", bytes.Length, null, Token)) Assert.Equal(bytes.Length, writer.Length);
        var first = await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        var second = await other.PublishAsync("a", Digest.Compute(bytes), 2, Token);
        Assert.True(await Store.DeleteAsync(second, Token));
        Assert.Equal(bytes, await ReadAllAsync(first));
        await other.DeleteUploadAsync("a", Token);
        Assert.Equal(bytes, await ReadAllAsync(first));

        // As when both did so at the same moment.
        var beside = first.Replace(".1.", ".2.", StringComparison.Ordinal);
        await Objects.PutAsync(beside, [], Token);
        Assert.True(await Store.DeleteAsync(beside, Token));
        Assert.False(await Store.DeleteAsync(beside, Token));
        Assert.Equal(bytes, await ReadAllAsync(first));
        Assert.True(await Store.DeleteAsync(first, Token));
        Assert.Empty(await KeysAsync());
    }

    [Fact]
    public async Task A_download_url_serves_the_body_to_whoever_has_it()
    {
        var bytes = Bytes(100_000, 28);
        var location = await PushAsync("a", bytes, 1);
        using var client = new HttpClient();
        Assert.Equal(bytes, await client.GetByteArrayAsync(Store.Presign(location, TimeSpan.FromMinutes(15)), Token));
        using var range = new HttpRequestMessage(HttpMethod.Get, Store.Presign(location, TimeSpan.FromMinutes(15)));
        range.Headers.Range = new System.Net.Http.Headers.RangeHeaderValue(10, 19);
        using var answer = await client.SendAsync(range, Token);
        Assert.Equal(bytes[10..20], await answer.Content.ReadAsByteArrayAsync(Token));
    }

    private S3Objects Objects => _opened[0].Objects;

    private S3BlobStore Open(TimeProvider time)
    {
        var store = new S3BlobStore(_options!, (S3Gateway.AccessKeyId, S3Gateway.SecretAccessKey, null), time);
        _opened.Add(store);
        return store;
    }

    private async Task<List<string>> KeysAsync() => await Objects.ListAsync("", 1000, Token).Select(static item => item.Key).ToListAsync(Token);

    private async Task<List<string>> UnfinishedAsync() => await Objects.ListUnfinishedAsync("", Token).Select(static item => item.Key).ToListAsync(Token);
}
