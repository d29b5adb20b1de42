using System.Buffers;
using System.Diagnostics;
using Longshore.Core;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.S3;

namespace Longshore.Storage.Tests.Blobs;

/// <summary>The bucket behind a connection on which everything goes wrong.</summary>
public sealed class S3FaultTests : IAsyncLifetime
{
    private FaultProxy? _proxy;
    private S3BlobStore? _store;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private FaultProxy Proxy => _proxy!;

    private S3BlobStore Store => _store!;

    public async ValueTask InitializeAsync()
    {
        var gateway = await S3Gateway.GetAsync();
        _proxy = new FaultProxy(gateway.Endpoint);
        _store = Open(gateway.NewUrl(_proxy.Address));
    }

    public async ValueTask DisposeAsync()
    {
        _store?.Dispose();
        if (_proxy is not null) await _proxy.DisposeAsync();
    }

    [Theory]
    [InlineData(Fault.SlowDown)]
    [InlineData(Fault.InternalError)]
    [InlineData(Fault.Cut)]
    [InlineData(Fault.LostAnswer)]
    [InlineData(Fault.Truncated)]
    public async Task Every_third_request_fails_and_a_body_goes_in_and_comes_out_whole(Fault fault)
    {
        var number = 0;
        Proxy.Decide = _ => Interlocked.Increment(ref number) % 3 == 0 ? fault : Fault.None;
        var bytes = Bytes(20_000_000);
        var location = await PushAsync("a", bytes);
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.True(await Store.DeleteAsync(location, Token));
        Assert.Empty(await Store.ListAsync(Token).ToListAsync(Token));
        Assert.Empty(await Store.ListUploadsAsync(Token).ToListAsync(Token));
    }

    [Fact]
    public async Task Answers_that_are_always_cut_are_never_the_whole_body()
    {
        var bytes = Bytes(1_000_000);
        var location = await PushAsync("a", bytes);
        // Each answer brings half of what is left, so a body of a million bytes would need twenty; the smallest ones bring nothing.
        Proxy.Decide = static head => head.StartsWith("GET", StringComparison.Ordinal) ? Fault.Truncated : Fault.None;
        await Assert.ThrowsAnyAsync<IOException>(() => ReadAllAsync(location));
        Proxy.Decide = static _ => Fault.None;
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task A_store_that_is_away_is_told_soon_and_comes_back_by_itself()
    {
        var bytes = Bytes(100_000);
        var location = await PushAsync("a", bytes);
        await WriteAsync("b", bytes, 0);
        Proxy.Away = true;
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Store.OpenReadAsync(location, Token));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => WriteAsync("b", bytes, bytes.Length));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Store.PublishAsync("b", Digest.Compute(bytes), 2, Token));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 45);
        Proxy.Away = false;
        Assert.Equal(bytes, await ReadAllAsync(location));
        await WriteAsync("b", bytes, bytes.Length);
        byte[] both = [.. bytes, .. bytes];
        Assert.Equal(both, await ReadAllAsync(await Store.PublishAsync("b", Digest.Compute(both), 2, Token)));
    }

    [Fact]
    public async Task What_a_publish_without_an_answer_named_can_be_removed_and_the_body_stays()
    {
        var bytes = Bytes(200_000);
        await WriteAsync("a", bytes, 0);
        // The name is written and its writer never hears of it.
        Proxy.Decide = static head => head.Contains("/bodies/", StringComparison.Ordinal) ? Fault.LostAnswer : Fault.None;
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token));
        Proxy.Decide = static _ => Fault.None;
        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 2, Token);
        var named = await Store.ListAsync(Token).ToListAsync(Token);
        Assert.Equal(2, named.Count);
        // As scrub does with what has no row.
        Assert.True(await Store.DeleteAsync(named.Single(body => body.Location != location).Location, Token));
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task A_store_that_takes_calls_and_never_answers_is_given_up_in_bounded_time()
    {
        var bytes = Bytes(20_000_000);
        var location = await PushAsync("a", bytes);
        Proxy.Decide = static _ => Fault.Silence;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(
            Assert.ThrowsAsync<StorageUnavailableException>(async () => await Store.OpenReadAsync(location, Token)),
            Assert.ThrowsAsync<StorageUnavailableException>(() => WriteAsync("b", bytes, 0)));
        Assert.InRange(clock.Elapsed.TotalSeconds, 10, 50);
        // The next one need not learn it again.
        clock.Restart();
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Store.OpenReadAsync(location, Token));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 15);
        Proxy.Decide = static _ => Fault.None;
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task A_slow_store_is_waited_for()
    {
        Proxy.Delay = TimeSpan.FromSeconds(1);
        var bytes = Bytes(9_000_000);
        Assert.Equal(bytes, await ReadAllAsync(await PushAsync("a", bytes)));
    }

    [Fact]
    public async Task Encryption_is_asked_for_with_every_object_that_has_bytes()
    {
        var gateway = await S3Gateway.GetAsync();
        using var store = Open(gateway.NewUrl(Proxy.Address, "&sse=aws:kms&sse-kms-key=my-key"));
        // The gateway has no key server and refuses; what was asked for is what counts.
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            await using var writer = await store.OpenUploadAsync("a", 0, null, Token);
            await writer.WriteAsync(new ReadOnlySequence<byte>(Bytes(100)), Token);
            await writer.CompleteAsync(Token);
        });
        Assert.Contains(Proxy.Heads, static head => head.Contains("x-amz-server-side-encryption: aws:kms\r\n", StringComparison.OrdinalIgnoreCase)
            && head.Contains("x-amz-server-side-encryption-aws-kms-key-id: my-key\r\n", StringComparison.OrdinalIgnoreCase));
    }

    private static S3BlobStore Open(string url) =>
        new(S3BlobOptions.TryParse(url, out var problem) ?? throw new InvalidOperationException(problem), (S3Gateway.AccessKeyId, S3Gateway.SecretAccessKey, null), TimeProvider.System);

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private async Task WriteAsync(string key, byte[] bytes, long offset)
    {
        await using var writer = await Store.OpenUploadAsync(key, offset, null, Token);
        await writer.WriteAsync(new ReadOnlySequence<byte>(bytes), Token);
        await writer.CompleteAsync(Token);
    }

    private async Task<string> PushAsync(string key, byte[] bytes)
    {
        await WriteAsync(key, bytes, 0);
        return await Store.PublishAsync(key, Digest.Compute(bytes), 1, Token);
    }

    private async Task<byte[]> ReadAllAsync(string location)
    {
        await using var reader = await Store.OpenReadAsync(location, Token);
        Assert.NotNull(reader);
        using var all = new MemoryStream();
        var buffer = new byte[256 << 10];
        int read;
        while ((read = await reader.ReadAsync(buffer, all.Length, Token)) > 0) all.Write(buffer, 0, read);
        return all.ToArray();
    }
}
