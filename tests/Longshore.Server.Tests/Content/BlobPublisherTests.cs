using Longshore.Core;
using Longshore.Server.Content;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class BlobPublisherTests
{
    [Fact]
    public async Task Many_publishers_of_one_digest_leave_one_body_and_no_other_file()
    {
        await using var content = new ContentHarness();
        var names = new List<RepositoryName>();
        for (var i = 0; i < 8; i++) names.Add(await content.CreateAsync($"race/r{i}"));
        for (var round = 0; round < 10; round++)
        {
            var blob = TestBlob.Random(round, 100_000);
            var published = await Task.WhenAll(names.Select(name => Task.Run(() => content.PushAsync(name, blob), Token)));
            Assert.Single(published.Select(p => p.Location).Distinct());
            Assert.Equal(round + 1, content.Bodies().Length);
            foreach (var name in names) Assert.True((await content.Shelf.FindAsync(Home, name, DigestOf(blob.Digest), Token)).Succeeded);
        }

        Assert.Empty(content.UploadFiles());
    }

    [Fact]
    public async Task An_upload_whose_repository_goes_before_the_commit_leaves_no_body()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("gone");
        var blob = TestBlob.Random(1, 1000);
        var writer = await content.Store.OpenUploadAsync("key", 0, null, Token);
        await writer.WriteAsync(new(blob.Content), Token);
        var outcome = await content.Publisher.PublishAsync(
            "key", writer, DigestOf(blob.Digest), 1000, _ => ValueTask.FromResult<Outcome<long>>(ContentErrors.RepositoryNotFound(Home, name)), Token);
        Assert.Equal(ErrorCode.RepositoryNotFound, outcome.Error?.Code);
        Assert.Empty(content.Bodies());
        Assert.Equal(0, await content.CountAsync("blobs"));
    }

    [Fact]
    public async Task A_link_that_throws_takes_the_row_back()
    {
        await using var content = new ContentHarness();
        var blob = TestBlob.Random(1, 1000);
        var writer = await content.Store.OpenUploadAsync("key", 0, null, Token);
        await writer.WriteAsync(new(blob.Content), Token);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await content.Publisher.PublishAsync(
            "key", writer, DigestOf(blob.Digest), 1000, _ => throw new InvalidOperationException("link"), Token));
        Assert.Equal(0, await content.CountAsync("blobs"));
    }

    [Fact]
    public async Task Two_ends_of_one_upload_give_one_blob_and_one_refusal()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("ends");
        for (var round = 0; round < 20; round++)
        {
            var blob = TestBlob.Random(round, 5000);
            var id = (await content.Uploads.StartAsync(Home, name, Token)).Value.Id;
            Assert.True((await content.Uploads.AppendAsync(Home, name, id, null, null, Body(blob.Content), Token)).Succeeded);
            var ends = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(
                () => content.Uploads.CompleteAsync(Home, name, id, DigestOf(blob.Digest), null, null, null, Token).AsTask(), Token)));
            Assert.Single(ends, e => e.Succeeded);
            Assert.Contains(ends.Single(e => !e.Succeeded).Error!.Code, new[] { ErrorCode.RangeInvalid, ErrorCode.BlobUploadUnknown });
        }

        Assert.Empty(content.UploadFiles());
    }
}
