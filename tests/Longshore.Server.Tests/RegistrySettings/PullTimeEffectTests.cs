using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;
using Longshore.Server.Tests.Content;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.RegistrySettings;

/// <summary>What exclusions do. Below the wire: root alone can sign in so far, and root can never be excluded.</summary>
public sealed class PullTimeEffectTests
{
    private const string Role = "arn:aws:iam::123456789012:role/ci/scanner";

    [Theory]
    [InlineData(Role, Role, true)]
    [InlineData(Role, "arn:aws:sts::123456789012:assumed-role/scanner/session-1", true)]
    [InlineData(Role, "arn:aws:sts::123456789012:assumed-role/other/scanner", false)]
    [InlineData(Role, "arn:aws:sts::999999999999:assumed-role/scanner/session-1", false)]
    [InlineData(Role, "arn:aws:iam::123456789012:user/scanner", false)]
    [InlineData(Role, "arn:aws:iam::123456789012:root", false)]
    [InlineData("arn:aws:iam::123456789012:user/a/mirror", "arn:aws:iam::123456789012:user/a/mirror", true)]
    [InlineData("arn:aws:iam::123456789012:user/a/mirror", "arn:aws:iam::123456789012:user/b/mirror", false)]
    [InlineData("arn:aws-cn:iam::123456789012:role/scanner", "arn:aws:sts::123456789012:assumed-role/scanner/s", false)]
    public async Task Pulls_of_an_excluded_principal_do_not_count(string registered, string caller, bool excluded)
    {
        await using var content = new ContentHarness();
        var exclusions = new PullTimeExclusions(content.Database, content.Images, new AccessVersion(), content.Time);
        var name = await content.CreateAsync("pulled");
        await content.PushAsync(name, TestImage.Create(1, 10), "a");
        var image = await DescribeAsync(content, name);
        Assert.True((await exclusions.RegisterAsync(Home, registered, Token)).Succeeded);
        await exclusions.RecordPullAsync(Home, caller, image.Id, Token);
        await content.Pulls.FlushAsync(Token);
        Assert.Equal(excluded, (await DescribeAsync(content, name)).LastPulledAt is null);
    }

    [Fact]
    public async Task A_change_counts_from_the_next_pull_on_and_in_its_registry_alone()
    {
        await using var content = new ContentHarness();
        var exclusions = new PullTimeExclusions(content.Database, content.Images, new AccessVersion(), content.Time);
        for (var i = 0; i < 3; i++)
        {
            Assert.False(await exclusions.IsExcludedAsync(Home, Role, Token));
            await exclusions.RegisterAsync(Home, Role, Token);
            Assert.True(await exclusions.IsExcludedAsync(Home, Role, Token));
            Assert.False(await exclusions.IsExcludedAsync(Home with { Region = "us-west-2" }, Role, Token));
            await exclusions.DeregisterAsync(Home, Role, Token);
        }
    }

    [Fact]
    public async Task What_another_server_wrote_is_seen_once_the_version_of_access_has_moved_on()
    {
        await using var content = new ContentHarness();
        var version = new AccessVersion();
        var here = new PullTimeExclusions(content.Database, content.Images, version, content.Time);
        var there = new PullTimeExclusions(content.Database, content.Images, new AccessVersion(), content.Time);
        Assert.False(await here.IsExcludedAsync(Home, Role, Token));
        await there.RegisterAsync(Home, Role, Token);
        version.Bump();
        Assert.True(await here.IsExcludedAsync(Home, Role, Token));
    }

    private static async Task<ImageSummary> DescribeAsync(ContentHarness content, RepositoryName name) =>
        (await content.Images.DescribeAsync(Home, name, new ImageId(null, Tag("a")), Token)).Value;
}
