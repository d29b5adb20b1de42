using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

public sealed class ProtectionSnapshotTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_protection_counts_until_its_end_and_not_at_it()
    {
        var ending = Protect("p", ProtectionKind.Repository, "", Now.AddHours(1));
        Assert.NotNull(Snapshot(Now, ending).ProtectionOf("d1", []));
        Assert.NotNull(Snapshot(Now.AddHours(1).AddTicks(-1), ending).ProtectionOf("d1", []));
        Assert.Null(Snapshot(Now.AddHours(1), ending).ProtectionOf("d1", []));
        Assert.Equal(0, Snapshot(Now.AddHours(2), ending).Count);
    }

    [Fact]
    public void The_one_that_lasts_longest_is_told()
    {
        var soon = Protect("a", ProtectionKind.Digest, "d1", Now.AddDays(1));
        var later = Protect("b", ProtectionKind.Tag, "v*", Now.AddDays(2));
        var ever = Protect("c", ProtectionKind.Tag, "v1", null);
        var snapshot = Snapshot(Now, soon, later, ever);
        Assert.Equal("a", snapshot.ProtectionOf("d1", [])!.Id);
        Assert.Equal("b", snapshot.ProtectionOf("d1", ["v2"])!.Id);
        Assert.Equal("c", snapshot.ProtectionOf("d1", ["v2", "v1"])!.Id);
        Assert.Null(snapshot.ProtectionOf("d2", ["latest"]));
    }

    [Fact]
    public void The_words_name_owner_end_and_reason()
    {
        Assert.Equal("protected by ada (p) until 2026-05-01T13:00:00Z: audit", Protect("p", ProtectionKind.Repository, "", Now.AddHours(1)).Describe());
        Assert.Equal("protected by ada (p) without end: audit", Protect("p", ProtectionKind.Repository, "", null).Describe());
        var use = new ImageUse(5, [new("k8s", new Workload("Deployment", "eu", "shop", "api")), new("ecs", new Workload(Name: "job"))]);
        Assert.Equal("in use by Deployment shop/api on eu (reported by k8s), job (reported by ecs) and 3 more", use.Describe());
        Assert.Equal("in use through d1 by a workload (reported by k8s)", new ImageUse(1, [new("k8s", new Workload())], "d1").Describe());
    }

    [Fact]
    public void Any_number_of_protections_says_what_a_look_at_each_says()
    {
        var part = Gen.Elements("", "a", "b", "ab", "*");
        var pattern = from x in part from y in part from z in part select x + y + z;
        var protection =
            from id in Gen.Choose(0, 999)
            from kind in Gen.Elements(ProtectionKind.Digest, ProtectionKind.Tag, ProtectionKind.Tag, ProtectionKind.Tag)
            from text in pattern
            from hours in Gen.Choose(-2, 3)
            select Protect($"p{id}", kind, kind == ProtectionKind.Digest ? text.Replace("*", "", StringComparison.Ordinal) : text, hours == 3 ? null : Now.AddHours(hours));
        var tag = from x in Gen.Elements("a", "b", "ab") from y in Gen.Elements("", "a", "b", "bb") select x + y;
        var scene = from rules in protection.ListOf(12) from tags in tag.ListOf(3) from digest in tag select (Rules: rules.ToList(), Tags: tags.ToList(), Digest: digest);
        Prop.ForAll(scene.ToArbitrary(), s =>
        {
            var all = s.Rules.Where(p => p.IsActive(Now) && (p.Kind == ProtectionKind.Digest ? p.Target == s.Digest : s.Tags.Exists(t => Wildcard.Matches(p.Target, t)))).ToList();
            var found = Snapshot(Now, [.. s.Rules]).ProtectionOf(s.Digest, s.Tags);
            if (all.Count == 0) Assert.Null(found);
            else Assert.Equal(all.Max(p => p.Until ?? DateTimeOffset.MaxValue), found!.Until ?? DateTimeOffset.MaxValue);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Use_spreads_to_children_and_referrers_however_far()
    {
        var images = new[]
        {
            Image("index"), Image("child", ["index"]), Image("signature", subject: "child"), Image("of-signature", subject: "signature"),
            Image("other"), Image("other-signature", subject: "other"), Image("parent-of-other", subject: null),
        };
        var uses = new ImageUses();
        uses.Report("index", new ImageUser("k8s", new Workload(Name: "api")));
        uses.Report("gone", new ImageUser("k8s", new Workload(Name: "old")));
        uses.Spread(images);
        Assert.Equal(["child", "gone", "index", "of-signature", "signature"], uses.All.Keys.Order());
        Assert.Null(uses.All["index"].Through);
        Assert.Equal("index", uses.All["of-signature"].Through);
    }

    [Fact]
    public void Use_counts_all_and_lists_a_few()
    {
        var uses = new ImageUses();
        for (var i = 0; i < 1000; i++) uses.Report("d", new ImageUser("k8s", new Workload(Name: $"w{i}")));
        Assert.Equal((1000L, ImageUse.MostListed), (uses.All["d"].Count, uses.All["d"].First.Count));
    }

    [Fact]
    public void Circles_end()
    {
        var uses = new ImageUses();
        uses.Report("a", new ImageUser("s", new Workload()));
        uses.Spread([Image("a", ["b"], "b"), Image("b", ["a"], "a")]);
        Assert.Equal(2, uses.All.Count);
    }

    [Fact]
    public void A_veto_says_protection_first_then_use_then_silence()
    {
        var uses = new Dictionary<string, ImageUse> { ["used"] = new(1, [new("k8s", new Workload())]) };
        var stale = new StaleSource("ecs", Now.AddHours(-3), TimeSpan.FromHours(1));
        var snapshot = new ProtectionSnapshot([Protect("p", ProtectionKind.Digest, "held", null)], uses, [stale], Now);
        Assert.Equal(RetentionKind.Protected, snapshot.VetoOf("held", [])!.Kind);
        Assert.Equal(RetentionKind.InUse, snapshot.VetoOf("used", [])!.Kind);
        var silent = snapshot.VetoOf("other", [])!;
        Assert.Equal(RetentionKind.SourceSilent, silent.Kind);
        Assert.Contains("ecs has not reported since 2026-05-01T09:00:00Z (time to live 3600 s)", silent.Reason, StringComparison.Ordinal);
        Assert.Null(ProtectionSnapshot.Empty.VetoOf("other", []));
    }

    [Fact]
    public void Images_that_a_protected_index_lists_are_kept_with_it()
    {
        LifecycleImage[] images = [Image("outer", tags: ["v1"]), Image("inner", ["outer"]), Image("leaf", ["inner"]), Image("loose")];
        var veto = Snapshot(Now, Protect("p", ProtectionKind.Tag, "v*", null)).VetoesOf(images);
        Assert.StartsWith("protected by", veto(images[0])!.Reason, StringComparison.Ordinal);
        Assert.StartsWith("listed by outer, which is protected by", veto(images[2])!.Reason, StringComparison.Ordinal);
        Assert.Null(veto(images[3]));
    }

    [Theory]
    [InlineData(-3600, false)]
    [InlineData(60, false)]
    [InlineData(61, true)]
    public void A_source_is_stale_after_its_time_to_live_and_never_by_a_clock_put_back(int secondsSince, bool stale) =>
        Assert.Equal(stale, StaleSource.IsStale(Now.AddSeconds(-secondsSince), TimeSpan.FromSeconds(60), Now));

    private static ImageProtection Protect(string id, ProtectionKind kind, string target, DateTimeOffset? until) => new(id, kind, "team/*", target, "ada", "audit", until);

    private static ProtectionSnapshot Snapshot(DateTimeOffset now, params ImageProtection[] protections) => new(protections, new Dictionary<string, ImageUse>(), [], now);

    private static LifecycleImage Image(string digest, string[]? lists = null, string? subject = null, string[]? tags = null) =>
        new() { Id = 1, Digest = digest, PushedAt = Now, ReferencedBy = lists ?? [], Subject = subject, Tags = tags ?? [] };
}
