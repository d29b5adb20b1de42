using Longshore.Server.Content;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class PullRecorderTests
{
    [Fact]
    public async Task The_last_pull_is_kept_and_images_that_went_do_not_matter()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("pulled");
        var image = TestImage.Create(1, 10);
        await content.PushAsync(name, image, "a");
        var id = await DescribeAsync(content, name);
        Assert.Null(id.LastPulledAt);

        content.Images.RecordPull(id.Id);
        content.Images.RecordPull(id.Id + 1000);
        content.Time.Step(TimeSpan.FromMilliseconds(50));
        content.Images.RecordPull(id.Id); // Too soon to note again.
        await content.Pulls.FlushAsync(Token);
        var first = (await DescribeAsync(content, name)).LastPulledAt;
        Assert.Equal(content.Time.GetUtcNow().AddMilliseconds(-50), first);

        content.Time.Step(TimeSpan.FromSeconds(3));
        content.Images.RecordPull(id.Id);
        Assert.Equal(first, (await DescribeAsync(content, name)).LastPulledAt);
        await content.Pulls.FlushAsync(Token);
        await content.Pulls.FlushAsync(Token);
        Assert.Equal(content.Time.GetUtcNow(), (await DescribeAsync(content, name)).LastPulledAt);
    }

    [Fact]
    public async Task What_is_noted_when_the_server_stops_is_kept()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("pulled");
        await content.PushAsync(name, TestImage.Create(1, 10), "a");
        await content.Pulls.StartAsync(Token);
        content.Images.RecordPull((await DescribeAsync(content, name)).Id);
        await content.Pulls.StopAsync(Token);
        Assert.Equal(content.Time.GetUtcNow(), (await DescribeAsync(content, name)).LastPulledAt);
    }

    private static async Task<ImageSummary> DescribeAsync(ContentHarness content, Core.RepositoryName name) =>
        (await content.Images.DescribeAsync(Home, name, new ImageId(null, Tag("a")), Token)).Value;
}
