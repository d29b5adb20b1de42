using Longshore.Core;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.Processes;

namespace Longshore.Storage.Tests.Blobs;

/// <summary>Copies of bodies from one store to another.</summary>
public sealed class BodyTransferTests : IDisposable
{
    private readonly TemporaryDirectory home = new("transfer");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task A_body_that_the_medium_cannot_read_is_no_reason_to_stop_and_leaves_nothing_behind()
    {
        var store = new FileSystemBlobStore(home.Combine("to"), TimeProvider.System);
        Assert.True(Digest.TryParse("sha256:" + new string('0', 64), out var digest));
        await using var unreadable = new Failing(new IOException("Input/output error", 5));
        Assert.Null(await BodyTransfer.CopyAsync(unreadable, store, "copy-1", digest, 1, Token));
        await using var away = new Failing(new IOException("Stale file handle", 116));
        await Assert.ThrowsAsync<IOException>(async () => await BodyTransfer.CopyAsync(away, store, "copy-2", digest, 1, Token));
        await foreach (var upload in store.ListUploadsAsync(Token)) Assert.Fail(upload.UploadKey);
        await foreach (var body in store.ListAsync(Token)) Assert.Fail(body.Location);
    }

    private sealed class Failing(IOException failure) : IBlobReader
    {
        public long Length => 10;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, long position, CancellationToken cancellationToken) => throw failure;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
