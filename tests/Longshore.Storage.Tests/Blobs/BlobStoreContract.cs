using System.Buffers;
using Longshore.Core;
using Longshore.Storage.Blobs;

namespace Longshore.Storage.Tests.Blobs;

/// <summary>
/// What every <see cref="IBlobStore"/> promises. A store joins by deriving and giving <see cref="CreateAsync"/> a new, empty
/// store; <see cref="CleanUpAsync"/> removes it.
/// </summary>
public abstract partial class BlobStoreContract : IAsyncLifetime
{
    private IBlobStore? _store;

    protected IBlobStore Store => _store ?? throw new InvalidOperationException("InitializeAsync has not run.");

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected abstract ValueTask<IBlobStore> CreateAsync(TimeProvider time);

    protected abstract ValueTask CleanUpAsync();

    public async ValueTask InitializeAsync() => _store = await CreateAsync(TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_published_body_is_read_back()
    {
        var bytes = Bytes(100_000, seed: 1);
        var location = await PushAsync("a", bytes, generation: 1);
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task Publishing_ends_the_upload()
    {
        await PushAsync("a", Bytes(10, 1), 1);
        Assert.Empty(await ListUploadsAsync());
        var missing = await Assert.ThrowsAsync<UploadBodyMissingException>(async () => await Store.OpenUploadAsync("a", 10, null, Token));
        Assert.Equal(0, missing.Found);
    }

    [Fact]
    public async Task An_empty_body_is_a_body()
    {
        var location = await PushAsync("empty", [], 1);
        Assert.Empty(await ReadAllAsync(location) ?? throw new InvalidOperationException("no body"));
    }

    [Fact]
    public async Task A_sha512_body_is_read_back_and_listed()
    {
        var bytes = Bytes(1000, 2);
        await WriteUploadAsync("a", bytes);
        var location = await Store.PublishAsync("a", Digest.Compute(bytes, DigestAlgorithm.Sha512), 1, Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
        Assert.Equal([location], (await ListAsync()).Select(b => b.Location));
    }

    [Fact]
    public async Task A_sequence_of_many_segments_is_written_whole()
    {
        // More segments than one pwritev takes (1,024).
        var bytes = Bytes(30_000, 3);
        await using (var writer = await Store.OpenUploadAsync("a", 0, null, Token))
        {
            await writer.WriteAsync(Segmented(bytes, 10), Token);
            Assert.Equal(bytes.Length, writer.Length);
            await writer.WriteAsync(Segmented(bytes, 7), Token);
            await writer.CompleteAsync(Token);
        }

        byte[] both = [.. bytes, .. bytes];
        var location = await Store.PublishAsync("a", Digest.Compute(both), 1, Token);
        Assert.Equal(both, await ReadAllAsync(location));
    }

    [Fact]
    public async Task An_upload_goes_on_where_it_stopped()
    {
        var bytes = Bytes(50_000, 4);
        await WriteUploadAsync("a", bytes.AsMemory(0, 20_000));
        await WriteUploadAsync("a", bytes.AsMemory(20_000), offset: 20_000);
        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task What_a_crash_left_behind_the_offset_is_cut_off()
    {
        var bytes = Bytes(3000, 5);
        await WriteUploadAsync("a", Bytes(5000, 6));
        await WriteUploadAsync("a", bytes);
        Assert.Equal(3000, Assert.Single(await ListUploadsAsync()).Length);

        await using (var writer = await Store.OpenUploadAsync("a", 1000, null, Token)) Assert.Equal(1000, writer.Length);
        await WriteUploadAsync("a", bytes.AsMemory(1000), offset: 1000);
        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task An_upload_with_fewer_bytes_than_its_offset_is_refused_and_kept()
    {
        await WriteUploadAsync("a", Bytes(100, 7));
        var missing = await Assert.ThrowsAsync<UploadBodyMissingException>(async () => await Store.OpenUploadAsync("a", 101, null, Token));
        Assert.Equal(100, missing.Found);
        missing = await Assert.ThrowsAsync<UploadBodyMissingException>(async () => await Store.ReadUploadAsync("a", 101, Token));
        Assert.Equal(100, missing.Found);
        missing = await Assert.ThrowsAsync<UploadBodyMissingException>(async () => await Store.OpenUploadAsync("b", 1, null, Token));
        Assert.Equal(0, missing.Found);
        Assert.Equal(["a"], (await ListUploadsAsync()).Select(u => u.UploadKey));
    }

    [Fact]
    public async Task The_first_bytes_of_an_upload_are_read_to_hash_them_again()
    {
        var bytes = Bytes(1000, 8);
        await WriteUploadAsync("a", bytes);
        await using var reader = await Store.ReadUploadAsync("a", 600, Token);
        Assert.Equal(600, reader.Length);
        Assert.Equal(bytes[..600], await ReadAllAsync(reader));
    }

    [Fact]
    public async Task A_deleted_upload_is_gone_and_deleting_it_again_is_no_error()
    {
        await WriteUploadAsync("a", Bytes(10, 9));
        await Store.DeleteUploadAsync("a", Token);
        await Store.DeleteUploadAsync("a", Token);
        Assert.Empty(await ListUploadsAsync());
    }

    [Fact]
    public async Task Publishing_without_an_upload_fails()
    {
        await Assert.ThrowsAnyAsync<IOException>(async () => await Store.PublishAsync("a", Digest.Compute([1]), 1, Token));
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task A_generation_that_is_published_again_replaces_nothing()
    {
        var bytes = Bytes(10, 10);
        var location = await PushAsync("a", bytes, 1);
        await WriteUploadAsync("b", Bytes(20, 11));
        try
        {
            Assert.NotEqual(location, await Store.PublishAsync("b", Digest.Compute(bytes), 1, Token));
        }
        catch (BodyExistsException)
        {
            // A store whose locations follow from digest and generation.
        }

        Assert.Equal(bytes, await ReadAllAsync(location));
    }

    [Fact]
    public async Task Deleting_one_generation_leaves_the_other()
    {
        var bytes = Bytes(10, 12);
        var first = await PushAsync("a", bytes, 1);
        var second = await PushAsync("b", bytes, 2);
        Assert.NotEqual(first, second);
        Assert.True(await Store.DeleteAsync(first, Token));
        Assert.False(await Store.DeleteAsync(first, Token));
        Assert.Null(await Store.OpenReadAsync(first, Token));
        Assert.Equal(bytes, await ReadAllAsync(second));
        Assert.Equal([second], (await ListAsync()).Select(b => b.Location));
    }

    [Fact]
    public async Task Generations_of_one_digest_are_published_and_deleted_at_once()
    {
        var bytes = Bytes(4096, 13);
        var digest = Digest.Compute(bytes);
        // Each worker's deletes may empty what all of them share, while the others publish into it.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(
            async () =>
            {
                for (var round = 0; round < 50; round++)
                {
                    var key = $"w{worker}";
                    await WriteUploadAsync(key, bytes);
                    var location = await Store.PublishAsync(key, digest, (round * 10) + worker, Token);
                    Assert.Equal(bytes, await ReadAllAsync(location));
                    if (round < 49) Assert.True(await Store.DeleteAsync(location, Token));
                }
            },
            Token)));
        Assert.Equal(4, (await ListAsync()).Count);
    }

    [Fact]
    public async Task A_quarantined_body_is_out_of_reach()
    {
        var bytes = Bytes(10, 14);
        var bad = await PushAsync("a", bytes, 1);
        var good = await PushAsync("b", bytes, 2);
        Assert.NotEmpty(await Store.QuarantineAsync(bad, Token));
        Assert.Null(await Store.OpenReadAsync(bad, Token));
        Assert.False(await Store.DeleteAsync(bad, Token));
        Assert.Equal([good], (await ListAsync()).Select(b => b.Location));
        await Assert.ThrowsAnyAsync<IOException>(async () => await Store.QuarantineAsync(bad, Token));
    }

    [Fact]
    public async Task Reads_at_any_position_give_the_bytes_there()
    {
        var bytes = Bytes(10_000, 15);
        await using var reader = await Store.OpenReadAsync(await PushAsync("a", bytes, 1), Token);
        Assert.NotNull(reader);
        Assert.Equal(10_000, reader.Length);
        var buffer = new byte[512];
        foreach (var position in new long[] { 9_999, 0, 5_000, 4_999, 9_600 })
        {
            var read = await reader.ReadAsync(buffer, position, Token);
            Assert.InRange(read, 1, (int)Math.Min(512, 10_000 - position));
            Assert.Equal(bytes.AsSpan((int)position, read), buffer.AsSpan(0, read));
        }

        Assert.Equal(0, await reader.ReadAsync(buffer, 10_000, Token));
        Assert.Equal(0, await reader.ReadAsync(buffer, 20_000, Token));
        Assert.Equal(0, await reader.ReadAsync(Memory<byte>.Empty, 0, Token));
    }

    [Fact]
    public async Task Lists_tell_lengths_and_times()
    {
        var before = TimeProvider.System.GetUtcNow().AddMinutes(-1);
        var location = await PushAsync("a", Bytes(10, 16), 1);
        await WriteUploadAsync("b-1", Bytes(20, 17));
        var body = Assert.Single(await ListAsync());
        Assert.Equal((location, 10L), (body.Location, body.Length));
        var upload = Assert.Single(await ListUploadsAsync());
        Assert.Equal(("b-1", 20L), (upload.UploadKey, upload.Length));
        Assert.InRange(body.ModifiedAt, before, before.AddMinutes(5));
        Assert.InRange(upload.ModifiedAt, before, before.AddMinutes(5));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("a/b")]
    [InlineData("/etc/passwd")]
    [InlineData("A")]
    [InlineData("a.b")]
    [InlineData("a\0b")]
    [InlineData("a\n")]
    [InlineData("ä")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task An_upload_key_that_is_none_is_refused(string key)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.OpenUploadAsync(key, 0, null, Token));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ReadUploadAsync(key, 0, Token));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.DeleteUploadAsync(key, Token));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.PublishAsync(key, Digest.Compute([1]), 1, Token));
        Assert.Empty(await ListUploadsAsync());
    }

    protected static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected async Task<string> PushAsync(string key, byte[] bytes, long generation)
    {
        await WriteUploadAsync(key, bytes);
        return await Store.PublishAsync(key, Digest.Compute(bytes), generation, Token);
    }

    protected async Task WriteUploadAsync(string key, ReadOnlyMemory<byte> bytes, long offset = 0)
    {
        await using var writer = await Store.OpenUploadAsync(key, offset, null, Token);
        await writer.WriteAsync(new ReadOnlySequence<byte>(bytes), Token);
        await writer.CompleteAsync(Token);
    }

    protected async Task<byte[]?> ReadAllAsync(string location)
    {
        await using var reader = await Store.OpenReadAsync(location, Token);
        return reader is null ? null : await ReadAllAsync(reader);
    }

    protected static async Task<byte[]> ReadAllAsync(IBlobReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        using var all = new MemoryStream();
        var buffer = new byte[4000];
        int read;
        while ((read = await reader.ReadAsync(buffer, all.Length, Token)) > 0) all.Write(buffer, 0, read);
        return all.ToArray();
    }

    protected async Task<List<StoredBody>> ListAsync() => await Store.ListAsync(Token).ToListAsync(Token);

    protected async Task<List<StoredUpload>> ListUploadsAsync() => await Store.ListUploadsAsync(Token).ToListAsync(Token);

    protected static ReadOnlySequence<byte> Segmented(byte[] bytes, int size)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        var first = new Segment(bytes.AsMemory(0, Math.Min(size, bytes.Length)), 0);
        var last = first;
        for (var at = size; at < bytes.Length; at += size) last = last.Append(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex) => (Memory, RunningIndex) = (memory, runningIndex);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
