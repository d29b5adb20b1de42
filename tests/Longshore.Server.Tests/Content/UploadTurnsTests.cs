using System.IO.Pipelines;
using Longshore.Core;
using Longshore.Server.Tests.TestSupport;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.S3;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

/// <summary>Several servers on one database and one store take turns at one upload.</summary>
public sealed class UploadTurnsTests
{
    private static readonly TestBlob Blob = TestBlob.Random(11, 3_000_000);

    [Fact]
    public async Task An_upload_goes_on_at_any_server()
    {
        await using var a = Shared(new ContentHarness());
        await using var b = Shared(a.Second());
        await using var c = Shared(a.Second());
        var name = await a.CreateAsync("roaming");
        var id = (await a.Uploads.StartAsync(Home, name, Token)).Value.Id;
        Assert.Equal(1_000_000, (await AppendAsync(a, name, id, 0, 1_000_000)).Value.Received);
        Assert.Equal(1_000_000, (await b.Uploads.GetAsync(Home, name, id, Token)).Value.Received);
        Assert.Equal(2_000_000, (await AppendAsync(b, name, id, 1_000_000, 2_000_000)).Value.Received);
        var blob = await c.Uploads.CompleteAsync(
            Home, name, id, DigestOf(Blob.Digest), 2_000_000, 1_000_000, Body(Blob.Content[2_000_000..]), Token);
        Assert.Null(blob.Error);
        Assert.Equal(Blob.Content, await TestStores.ReadAsync(a.DataDirectory, blob.Value.Location));
        // Of a bucket's upload the record stays for expiry: it tells of what other servers sent.
        if (!S3Gateway.IsAskedFor) Assert.Empty(a.UploadFiles());
        Assert.Empty(await a.VerifyAsync());
    }

    [Fact]
    public async Task What_a_server_still_writes_that_stood_still_reaches_nothing_of_those_that_went_on()
    {
        await using var a = Shared(new ContentHarness());
        await using var b = Shared(a.Second());
        var name = await a.CreateAsync("standing");
        var id = (await a.Uploads.StartAsync(Home, name, Token)).Value.Id;
        await AppendAsync(a, name, id, 0, 1_000_000);

        // A takes another part, and stands still in the middle of it.
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await pipe.Writer.WriteAsync(new byte[400_000], Token);
        var standing = a.Uploads.AppendAsync(Home, name, id, 1_000_000, 900_000, pipe.Reader, Token).AsTask();
        while (await a.CountAsync("uploads", "writing = 1") == 0) await Task.Yield();

        // The client goes on at B.
        Assert.Equal(2_000_000, (await AppendAsync(b, name, id, 1_000_000, 2_000_000)).Value.Received);

        // A wakes up with bytes that nobody wants any more.
        await pipe.Writer.WriteAsync(new byte[500_000], Token);
        await pipe.Writer.CompleteAsync();
        Assert.Equal(ErrorCode.BlobUploadUnknown, (await standing).Error?.Code);

        var blob = await b.Uploads.CompleteAsync(
            Home, name, id, DigestOf(Blob.Digest), 2_000_000, 1_000_000, Body(Blob.Content[2_000_000..]), Token);
        Assert.Null(blob.Error);
        Assert.Equal(Blob.Content, await TestStores.ReadAsync(a.DataDirectory, blob.Value.Location));
        Assert.Empty(await a.VerifyAsync());
    }

    [Fact]
    public async Task A_server_that_stood_still_before_it_gives_up_takes_nothing_away_from_those_that_went_on()
    {
        await using var a = Shared(new ContentHarness());
        await using var b = Shared(a.Second());
        var name = await a.CreateAsync("late");
        var id = (await a.Uploads.StartAsync(Home, name, Token)).Value.Id;
        using var gone = new CancellationTokenSource();
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await pipe.Writer.WriteAsync(new byte[400_000], Token);
        var standing = a.Uploads.AppendAsync(Home, name, id, 0, 900_000, pipe.Reader, gone.Token).AsTask();
        while (await a.CountAsync("uploads", "writing = 1") == 0) await Task.Yield();
        Assert.Equal(2_000_000, (await AppendAsync(b, name, id, 0, 2_000_000)).Value.Received);

        // Its client is gone, as A finds out now: it cuts off what it wrote.
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => standing);
        Assert.Equal(2_000_000, (await b.Uploads.GetAsync(Home, name, id, Token)).Value.Received);
        var blob = await b.Uploads.CompleteAsync(Home, name, id, DigestOf(Blob.Digest), null, 1_000_000, Body(Blob.Content[2_000_000..]), Token);
        Assert.Null(blob.Error);
        Assert.Equal(Blob.Content, await TestStores.ReadAsync(a.DataDirectory, blob.Value.Location));
    }

    [Fact]
    public async Task Of_a_server_that_died_while_it_wrote_the_next_one_takes_the_bytes_over()
    {
        await using var b = Shared(new ContentHarness());
        var name = await b.CreateAsync("dead");
        var id = (await b.Uploads.StartAsync(Home, name, Token)).Value.Id;
        await AppendAsync(b, name, id, 0, 1_000_000);
        await b.Database.WriteAsync(Longshore.Storage.Metadata.Durability.Synced, static s => s.ExecuteAsync("UPDATE uploads SET writing = 1, version = version + 1"), Token);
        // In a bucket nothing can be added to what is there.
        if (!S3Gateway.IsAskedFor) File.AppendAllText(Path.Combine(b.BlobDirectory, Assert.Single(b.UploadFiles())), "what died with it");

        Assert.Equal(2_000_000, (await AppendAsync(b, name, id, 1_000_000, 2_000_000)).Value.Received);
        var file = Assert.Single(b.UploadFiles());
        Assert.StartsWith(id + "-", Path.GetFileName(file), StringComparison.Ordinal);

        // Expiry knows the key: young or old, its bytes are the row's.
        b.Time.Step(TimeSpan.FromHours(23));
        b.SetTime(file, b.Time.GetUtcNow().AddHours(-40));
        Assert.Equal(0, await b.Expiry.RunAsync(Token));
        Assert.Null((await b.Uploads.CompleteAsync(Home, name, id, DigestOf(Blob.Digest), null, 1_000_000, Body(Blob.Content[2_000_000..]), Token)).Error);
        Assert.Empty(b.UploadFiles());
        Assert.Empty(await b.VerifyAsync());
    }

    [Fact]
    public async Task A_request_that_fails_gives_its_turn_back()
    {
        await using var a = Shared(new ContentHarness());
        await using var b = Shared(a.Second());
        var name = await a.CreateAsync("short");
        var id = (await a.Uploads.StartAsync(Home, name, Token)).Value.Id;
        await AppendAsync(a, name, id, 0, 1_000_000);
        Assert.Equal(ErrorCode.SizeInvalid, (await a.Uploads.AppendAsync(Home, name, id, 1_000_000, 500, Body(new byte[499]), Token)).Error?.Code);
        Assert.Equal(ErrorCode.DigestInvalid, (await a.Uploads.CompleteAsync(Home, name, id, DigestOf(Blob.Digest), null, null, null, Token)).Error?.Code);
        Assert.Equal(0, await a.CountAsync("uploads", "writing = 1"));
        Assert.Equal(3_000_000, (await AppendAsync(b, name, id, 1_000_000, 3_000_000)).Value.Received);
        Assert.Equal(0, await a.CountAsync("uploads", "body <> 0"));
        Assert.Null((await a.Uploads.CompleteAsync(Home, name, id, DigestOf(Blob.Digest), null, null, null, Token)).Error);
    }

    [Fact]
    public async Task Of_two_that_begin_at_once_one_gets_on_and_the_bytes_are_right()
    {
        await using var a = Shared(new ContentHarness());
        await using var b = Shared(a.Second());
        var name = await a.CreateAsync("both");
        for (var i = 0; i < 20; i++)
        {
            var id = (await a.Uploads.StartAsync(Home, name, Token)).Value.Id;
            await AppendAsync(a, name, id, 0, 1_000_000);
            var both = await Task.WhenAll(
                Task.Run(() => AppendAsync(a, name, id, 1_000_000, 3_000_000), Token),
                Task.Run(() => AppendAsync(b, name, id, 1_000_000, 3_000_000), Token));
            Assert.Contains(both, outcome => outcome.Succeeded);
            var blob = await b.Uploads.CompleteAsync(Home, name, id, DigestOf(Blob.Digest), null, null, null, Token);
            Assert.Null(blob.Error);
            Assert.Equal(Blob.Content, await TestStores.ReadAsync(a.DataDirectory, blob.Value.Location));
        }
    }

    private static ContentHarness Shared(ContentHarness harness)
    {
        harness.Database.Shared = true;
        return harness;
    }

    private static Task<Outcome<Longshore.Server.Content.UploadStatus>> AppendAsync(ContentHarness server, RepositoryName name, string id, int from, int to) =>
        server.Uploads.AppendAsync(Home, name, id, from, to - from, Body(Blob.Content[from..to]), Token).AsTask();
}
