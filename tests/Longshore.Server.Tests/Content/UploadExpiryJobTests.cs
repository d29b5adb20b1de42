using System.IO.Pipelines;
using Longshore.Core;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class UploadExpiryJobTests
{
    [Fact]
    public async Task An_upload_ends_when_nobody_went_on_with_it_and_not_before()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("slow");
        var id = (await content.Uploads.StartAsync(Home, name, Token)).Value.Id;
        content.Time.Step(TimeSpan.FromHours(23));
        Assert.True((await content.Uploads.AppendAsync(Home, name, id, 0, 5, Body(new byte[5]), Token)).Succeeded);
        content.Time.Step(TimeSpan.FromHours(23));
        await content.Expiry.RunAsync(Token);
        Assert.Equal(5, (await content.Uploads.GetAsync(Home, name, id, Token)).Value.Received);
        Assert.Single(content.UploadFiles());

        content.Time.Step(TimeSpan.FromHours(1));
        Assert.Equal(ErrorCode.BlobUploadUnknown, (await content.Uploads.GetAsync(Home, name, id, Token)).Error?.Code);
        Assert.Equal(1, await content.Expiry.RunAsync(Token));
        Assert.Empty(content.UploadFiles());
        Assert.Equal(0, await content.CountAsync("uploads"));
    }

    [Fact]
    public async Task More_uploads_than_one_batch_end_in_one_run_also_when_the_first_of_them_are_in_use()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("many");
        var ids = new List<string>();
        for (var i = 0; i < 230; i++)
        {
            ids.Add((await content.Uploads.StartAsync(Home, name, Token)).Value.Id);
            content.Time.Step(TimeSpan.FromMilliseconds(1));
        }

        content.Time.Step(TimeSpan.FromHours(25));
        using (content.Claims.TryClaim(ids[0]))
        using (content.Claims.TryClaim(ids[1]))
            Assert.Equal(228, await content.Expiry.RunAsync(Token));
        Assert.Equal(2, await content.CountAsync("uploads"));
        Assert.Equal(2, await content.Expiry.RunAsync(Token));
    }

    [Fact]
    public async Task Bytes_without_a_row_go_when_no_upload_can_be_that_old()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("orphans");
        var id = (await content.Uploads.StartAsync(Home, name, Token)).Value.Id;
        await content.Uploads.AppendAsync(Home, name, id, 0, 5, Body(new byte[5]), Token);
        await content.Catalog.DeleteAsync(Home, name, force: false, Token);
        var file = Assert.Single(content.UploadFiles());
        content.SetTime(file, content.Time.GetUtcNow().AddHours(-23));
        Assert.Equal(0, await content.Expiry.RunAsync(Token));
        content.Time.Step(TimeSpan.FromHours(1.5));
        Assert.Equal(1, await content.Expiry.RunAsync(Token));
        Assert.Empty(content.UploadFiles());
        // The running hash went with the bytes.
        using var claim = content.Claims.TryClaim(id);
        Assert.Null(claim!.TakeHash(null, 5));
    }

    [Fact]
    public async Task A_whole_body_in_one_slow_request_is_not_taken_for_left_over()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("slow");
        var blob = TestBlob.Random(7, 1000);
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(blob.Content.AsMemory(0, 500), Token);
        var put = content.Uploads.PutAsync(Home, name, DigestOf(blob.Digest), 1000, pipe.Reader, Token).AsTask();
        while (content.UploadFiles().Length == 0) await Task.Yield();
        content.SetTime(content.UploadFiles()[0], content.Time.GetUtcNow());
        content.Time.Step(TimeSpan.FromHours(48));
        Assert.Equal(0, await content.Expiry.RunAsync(Token));
        await pipe.Writer.WriteAsync(blob.Content.AsMemory(500), Token);
        await pipe.Writer.CompleteAsync();
        Assert.True((await put).Succeeded);
    }
}
