using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;
using Longshore.Server.Tests.Content;
using Longshore.Server.Tests.TestSupport;
using Longshore.Storage.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.RegistrySettings;

public sealed class PushTargetTests
{
    private const string Policy = """{"rules":[]}""";
    private static readonly Caller Root = new(new Principal(PrincipalKind.Root, Home.Account, "arn:aws:iam::123456789012:root", Home.Account), Home);
    private static readonly Caller User = new(new Principal(PrincipalKind.User, Home.Account, "arn:aws:iam::123456789012:user/nobody", "AIDA") { Id = 99 }, Home);
    private static HttpContext Http => new DefaultHttpContext();

    private static readonly RegistryError Missing = new(ErrorCode.RepositoryNotFound, "missing");

    [Fact]
    public async Task A_repository_gets_the_templates_lifecycle_policy_in_the_transaction_that_creates_it()
    {
        await using var content = new ContentHarness();
        var keeper = new Keeper();
        var targets = await TargetsAsync(content, keeper, Policy);
        Assert.Null(await targets.RetryAsync(Http, Root, Home, Name("team/app"), Missing, Token));
        Assert.Equal([("team/app", Policy)], keeper.Kept);

        keeper.Fails = true;
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await targets.RetryAsync(Http, Root, Home, Name("team/other"), Missing, Token));
        Assert.Equal(ErrorCode.RepositoryNotFound, (await content.Catalog.FindAsync(Home, Name("team/other"), Token)).Error!.Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task A_template_without_a_policy_gives_none(string? policy)
    {
        await using var content = new ContentHarness();
        var keeper = new Keeper();
        var targets = await TargetsAsync(content, keeper, policy);
        Assert.Null(await targets.RetryAsync(Http, Root, Home, Name("team/app"), Missing, Token));
        Assert.Empty(keeper.Kept);
        Assert.True((await content.Catalog.FindAsync(Home, Name("team/app"), Token)).Succeeded);
    }

    [Fact]
    public async Task Who_may_not_create_repositories_leaves_none()
    {
        await using var content = new ContentHarness();
        var targets = await TargetsAsync(content, new Keeper(), null);
        var denied = await targets.RetryAsync(Http, User, Home, Name("team/app"), Missing, Token);
        Assert.Equal(ErrorCode.Denied, denied!.Code);
        Assert.Contains("ecr:CreateRepository", denied.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.Denied, (await targets.EnsureAsync(Http, User, Home, Name("team/app"), Token))!.Code);
        Assert.Empty(await content.Catalog.ListAsync(Home, null, 10, Token));
        // Where no template is, nobody learns what they may not do.
        Assert.Same(Missing, await targets.RetryAsync(Http, User, Home, Name("other/app"), Missing, Token));
    }

    [Fact]
    public void The_longest_prefix_comes_first_and_root_last()
    {
        Assert.Equal(["a/b/c", "a/b", "a", "ROOT"], CreationTemplate.PrefixesOf("a/b/c/d"));
        Assert.Equal(["ROOT"], CreationTemplate.PrefixesOf("alone"));
    }

    private static async Task<PushTargets> TargetsAsync(ContentHarness content, Keeper keeper, string? policy)
    {
        var templates = new CreationTemplates(content.Database);
        var now = content.Time.GetUtcNow();
        var template = new CreationTemplate(
            "team", null, [CreationTemplate.CreateOnPush], RepositorySettings.Default, new Dictionary<string, string>(), policy, null, now, now);
        Assert.True((await templates.CreateAsync(Home, template, Token)).Succeeded);
        return new PushTargets(new PushOptions(false), templates, content.Catalog, [keeper], TestGate.Open(content.Database, content.Time), NullLogger<PushTargets>.Instance);
    }

    private sealed class Keeper : INewRepositoryPolicy
    {
        public List<(string, string)> Kept { get; } = [];

        public bool Fails { get; set; }

        public ValueTask PutAsync(DbSession session, Repository repository, string lifecyclePolicy)
        {
            if (Fails) throw new InvalidOperationException("cannot");
            Kept.Add((repository.Name.Value, lifecyclePolicy));
            return ValueTask.CompletedTask;
        }
    }
}
