using System.Buffers;
using System.Diagnostics;
using Longshore.Core;
using Longshore.Storage.Blobs;

namespace Longshore.Storage.Tests.Blobs;

/// <summary>The contract on a directory, and what only a directory has.</summary>
public sealed class FileSystemBlobStoreTests : BlobStoreContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("longshore-blobs-").FullName;

    private string Root => Path.Join(_directory, "deep", "blobs");

    protected override ValueTask<IBlobStore> CreateAsync(TimeProvider time) => new(new FileSystemBlobStore(Root, time));

    protected override ValueTask CleanUpAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Files_lie_where_the_stored_format_says()
    {
        byte[] bytes = [1, 2, 3];
        var hex = Digest.Compute(bytes).Hex.ToString();
        await WriteUploadAsync("key-1", bytes);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Path.Join(Root, "uploads", "key-1"), Token));

        var location = await Store.PublishAsync("key-1", Digest.Compute(bytes), 7, Token);
        Assert.Equal($"sha256/{hex[..2]}/{hex}.7", location);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Path.Join(Root, location), Token));
        Assert.False(File.Exists(Path.Join(Root, "uploads", "key-1")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, new DirectoryInfo(Root).UnixFileMode);
    }

    [Fact]
    public async Task A_quarantined_file_is_named_for_a_person()
    {
        var store = new FileSystemBlobStore(Root, new FixedTime(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)));
        byte[] bytes = [1, 2];
        var location = await PushAsync("a", bytes, 3);
        var path = await store.QuarantineAsync(location, Token);
        Assert.Equal(Path.Join(Root, "quarantine", $"sha256-{Digest.Compute(bytes).Hex}-3-20260102T030405.0000000Z"), path);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(path, Token));
        Assert.False(File.Exists(Path.Join(Root, location)));
    }

    [Fact]
    public async Task Bodies_and_uploads_outlive_the_store_that_wrote_them()
    {
        var location = await PushAsync("a", [1], 1);
        await WriteUploadAsync("b", new byte[] { 2, 3 });
        var next = new FileSystemBlobStore(Root + "/", TimeProvider.System);
        await using var reader = await next.OpenReadAsync(location, Token);
        Assert.NotNull(reader);
        await using var writer = await next.OpenUploadAsync("b", 2, null, Token);
        Assert.Equal(2, writer.Length);
    }

    [Fact]
    public async Task A_body_that_is_deleted_while_it_is_read_is_read_to_its_end()
    {
        var bytes = Bytes(10_000, 1);
        var location = await PushAsync("a", bytes, 1);
        await using var reader = await Store.OpenReadAsync(location, Token);
        Assert.NotNull(reader);
        Assert.True(await Store.DeleteAsync(location, Token));
        Assert.Equal(bytes, await ReadAllAsync(reader));
    }

    [Fact]
    public async Task Files_that_others_put_into_the_tree_are_not_listed()
    {
        var location = await PushAsync("a", [1], 1);
        await File.WriteAllTextAsync(Path.Join(Root, location + ".bak"), "x", Token);
        await File.WriteAllTextAsync(Path.Join(Root, "sha256", "note"), "x", Token);
        await File.WriteAllTextAsync(Path.Join(Root, location[..9], "note"), "x", Token);
        await File.WriteAllTextAsync(Path.Join(Root, "uploads", "NOTE.txt"), "x", Token);
        Directory.CreateDirectory(Path.Join(Root, "uploads", "directory"));
        Assert.Equal([location], (await ListAsync()).Select(b => b.Location));
        Assert.Empty(await ListUploadsAsync());
    }

    [Theory]
    [InlineData(20 << 20, 3 << 20, 0)]
    [InlineData((1 << 20) + 1, 100_000, 0)] // Goes over to direct writes between two blocks.
    [InlineData((2 << 20) + 4095, 77_777, 12_345)] // Goes on where another request ended, off any block.
    [InlineData(3 << 20, 512 * 1024, 1 << 20)] // Ends with an empty buffer.
    public async Task A_body_that_is_written_past_the_page_cache_is_whole(int size, int step, int firstRequest)
    {
        var bytes = Bytes(size, 1);
        if (firstRequest > 0) await WriteUploadAsync("a", bytes.AsMemory(0, firstRequest));
        await using (var writer = await Store.OpenUploadAsync("a", firstRequest, null, Token))
        {
            for (var at = firstRequest; at < size; at += step)
                await writer.WriteAsync(Segmented(bytes[at..Math.Min(size, at + step)], 50_000), Token);
            Assert.Equal(size, writer.Length);
            await writer.CompleteAsync(Token);
        }

        var location = await Store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
        Assert.Equal(Digest.Compute(bytes), Digest.Compute(await ReadAllAsync(location)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("../x")]
    [InlineData("uploads/a")]
    [InlineData("sha256/HH/@.1")]
    [InlineData("sha256/..//@.1")]
    [InlineData("sha256/hh/@")]
    [InlineData("sha256/hh/@.")]
    [InlineData("sha256/hh/@/1")]
    [InlineData("sha256/hh/@...")]
    [InlineData("sha256/hh/@.01")]
    [InlineData("sha256/hh/@.-1")]
    [InlineData("sha256/hh/@.+1")]
    [InlineData("sha256/hh/@.1\n")]
    [InlineData("sha256/hh/@.1/2")]
    [InlineData("sha256/hh/@.9223372036854775808")]
    [InlineData("sha256/hh/@@.1")]
    [InlineData("sha512/hh/@.1")]
    [InlineData("SHA256/hh/@.1")]
    [InlineData("./sha256/hh/@.1")]
    [InlineData("sha256//hh/@.1")]
    public async Task A_location_that_is_none_is_refused(string pattern)
    {
        // @ is a real digest that a body is stored for, hh its first digits, HH other ones.
        var hex = Digest.Compute([1]).Hex.ToString();
        await PushAsync("a", [1], 1);
        var location = pattern.Replace("hh", hex[..2], StringComparison.Ordinal).Replace("HH", "zz", StringComparison.Ordinal)
            .Replace("@", hex, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.OpenReadAsync(location, Token));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.DeleteAsync(location, Token));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.QuarantineAsync(location, Token));
    }

    [Fact]
    public async Task A_full_disk_refuses_bytes_keeps_what_was_there_and_recovers()
    {
        var mount = Path.Join(_directory, "small");
        Directory.CreateDirectory(mount);
        if (!Environment.IsPrivilegedProcess || await RunAsync("mount", "-t", "tmpfs", "-o", "size=1m", "longshore-test", mount) != 0)
            Assert.Skip("A small tmpfs can be mounted by root only.");
        try
        {
            var store = new FileSystemBlobStore(Path.Join(mount, "blobs"), TimeProvider.System);
            var bytes = Bytes(900_000, 1);
            await using (var writer = await store.OpenUploadAsync("a", 0, null, Token))
            {
                await writer.WriteAsync(new ReadOnlySequence<byte>(bytes, 0, 600_000), Token);
                // The write that fails may be one behind the caller's back: the next call tells.
                await Assert.ThrowsAsync<StorageFullException>(async () =>
                {
                    await writer.WriteAsync(Segmented(Bytes(700_000, 2), 1000), Token);
                    await writer.CompleteAsync(Token);
                });
                await Assert.ThrowsAsync<IOException>(async () => await writer.WriteAsync(new ReadOnlySequence<byte>(bytes, 0, 1), Token));
            }

            // What the failed write took is free again, and another writer goes on.
            await using (var writer = await store.OpenUploadAsync("a", 600_000, null, Token))
            {
                await writer.WriteAsync(new ReadOnlySequence<byte>(bytes, 600_000, 100_000), Token);
                await writer.CompleteAsync(Token);
            }

            await using (var writer = await store.OpenUploadAsync("a", 700_000, null, Token))
            {
                await writer.WriteAsync(new ReadOnlySequence<byte>(bytes, 700_000, 200_000), Token);
                await writer.CompleteAsync(Token);
            }

            var location = await store.PublishAsync("a", Digest.Compute(bytes), 1, Token);
            await using var reader = await store.OpenReadAsync(location, Token);
            Assert.NotNull(reader);
            Assert.Equal(bytes, await ReadAllAsync(reader));
        }
        finally
        {
            await RunAsync("umount", "-l", mount);
        }
    }

    [Fact]
    public async Task A_disk_without_inodes_refuses_uploads_and_publishing_and_recovers()
    {
        var mount = Path.Join(_directory, "small");
        Directory.CreateDirectory(mount);
        // Six inodes are the tree: mount point, root, four directories. One is left for an upload's file.
        if (!Environment.IsPrivilegedProcess || await RunAsync("mount", "-t", "tmpfs", "-o", "nr_inodes=7", "longshore-test", mount) != 0)
            Assert.Skip("A small tmpfs can be mounted by root only.");
        try
        {
            var store = new FileSystemBlobStore(Path.Join(mount, "blobs"), TimeProvider.System);
            await using (await store.OpenUploadAsync("a", 0, null, Token))
            {
            }

            await Assert.ThrowsAsync<StorageFullException>(async () => await store.OpenUploadAsync("b", 0, null, Token));
            await Assert.ThrowsAsync<StorageFullException>(async () => await store.PublishAsync("a", Digest.Compute([]), 1, Token));
            Assert.Equal(0, await RunAsync("mount", "-o", "remount,nr_inodes=20", mount));
            var location = await store.PublishAsync("a", Digest.Compute([]), 1, Token);
            await using var reader = await store.OpenReadAsync(location, Token);
            Assert.NotNull(reader);
        }
        finally
        {
            await RunAsync("umount", "-l", mount);
        }
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })
            ?? throw new InvalidOperationException($"{program} did not start.");
        _ = await process.StandardError.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);
        return process.ExitCode;
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
