using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Protection;
using Longshore.Server.Tests.Content;
using Longshore.Server.Tests.Lifecycle;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Protection;

/// <summary>Protections and usage where they are asked: in removals and in plans, with a clock that moves when told.</summary>
public sealed class ProtectionGuardTests
{
    private static readonly string Old = LifecycleHarness.Policy("sinceImagePushed", 10);

    [Fact]
    public async Task Patterns_are_found_among_many_as_a_look_at_each_finds_them()
    {
        await using var content = new ContentHarness();
        var protections = new Protections(content.Database, content.Time);
        var random = new Random(11);
        string[] parts = ["a", "b", "ab", "a/b", "*", "-", "x"];
        var patterns = new HashSet<string> { "*", "a*", "ab/ab", "ab/*", "*b" };
        while (patterns.Count < 200) patterns.Add(string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => parts[random.Next(parts.Length)])));
        var put = new List<string>();
        foreach (var pattern in patterns)
            if ((await protections.PutAsync(Home, Protect($"p{put.Count}", pattern), null, Caller, Token)).Succeeded) put.Add(pattern);
        Assert.InRange(put.Count, 50, 200);
        foreach (var name in new[] { "ab", "ab/ab", "a/b", "a/bx", "xx", "ab-x/b", "b/a/b", "zz" }.Select(Name))
        {
            var found = await content.Database.ReadAsync(session => ProtectionRows.PatternsOfAsync(session, Home, name), Token);
            Assert.Equal(put.Where(pattern => Wildcard.Matches(pattern, name.Value)).Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task Tag_patterns_are_found_among_many_as_a_look_at_each_finds_them()
    {
        await using var content = new ContentHarness();
        var protections = new Protections(content.Database, content.Time);
        var name = await content.CreateAsync("team/app");
        var repository = (await content.Catalog.FindAsync(Home, name, Token)).Value;
        string[] patterns = ["v1", "v1.*", "v*-prod", "release", "release-*", "r", "*-keep", "v1.2.3"];
        for (var i = 0; i < patterns.Length; i++)
            Assert.True((await protections.PutAsync(Home, Protect($"p{i}", i % 2 == 0 ? "team/app" : "team/*", ProtectionKind.Tag, patterns[i]), null, Caller, Token)).Succeeded);
        foreach (var tag in new[] { "v1", "v1.2", "v1.2.3", "v2", "v2-prod", "release", "release-", "releas", "r", "a-keep", "v", "zz" })
        {
            var refused = await content.Database.ReadAsync(session => new RemovalGuard().CheckTagAsync(session, repository, Tag(tag), content.Time.GetUtcNow()), Token);
            Assert.Equal(patterns.Any(pattern => Wildcard.Matches(pattern, tag)), refused?.Code == ErrorCode.ImageProtected);
        }
    }

    [Fact]
    public async Task A_protection_that_has_ended_keeps_nothing()
    {
        await using var content = new ContentHarness();
        var protections = new Protections(content.Database, content.Time);
        var name = await content.CreateAsync("team/app");
        var image = TestImage.Create(1, 10);
        await content.PushAsync(name, image, "v1");
        var until = content.Time.GetUtcNow() + TimeSpan.FromHours(1);
        Assert.True((await protections.PutAsync(Home, Protect("p", "team/app") with { Until = until }, null, Caller, Token)).Succeeded);
        var id = new ImageId(DigestOf(image.Digest), null);
        Assert.Equal(ErrorCode.ImageProtected, (await content.Images.DeleteAsync(Home, name, id, Caller, Token)).Error?.Code);
        Assert.Equal(ErrorCode.ImageProtected, (await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Error?.Code);
        content.Time.Step(TimeSpan.FromHours(1));
        Assert.True((await content.Images.DeleteAsync(Home, name, id, Caller, Token)).Succeeded);
        Assert.Equal("p", Assert.Single(await protections.ListAsync(Home, null, 10, Token)).Protection.Id);
        Assert.True((await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
    }

    [Fact]
    public async Task A_repository_is_deleted_when_no_protection_concerns_an_image_in_it()
    {
        await using var content = new ContentHarness();
        var protections = new Protections(content.Database, content.Time);
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, TestImage.Create(1, 10), "v1");
        Assert.True((await protections.PutAsync(Home, Protect("digest", "team/*", ProtectionKind.Digest, TestImage.Create(2, 10).Digest), null, Caller, Token)).Succeeded);
        Assert.True((await protections.PutAsync(Home, Protect("tag", "team/*", ProtectionKind.Tag, "release-*"), null, Caller, Token)).Succeeded);
        Assert.True((await protections.PutAsync(Home, Protect("elsewhere", "prod/*"), null, Caller, Token)).Succeeded);
        Assert.True((await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
        await content.CreateAsync("team/app");
        await content.PushAsync(name, TestImage.Create(3, 10), "a", "release-1", "z");
        Assert.Contains("team/app", (await content.Catalog.DeleteAsync(Home, name, force: true, Token)).Error!.Message, StringComparison.Ordinal);
        Assert.True((await content.Catalog.DeleteAsync(Home, name, force: true, evenProtected: true, Token)).Succeeded);
    }

    [Fact]
    public async Task A_plan_keeps_what_is_protected_and_says_until_when()
    {
        await using var lifecycle = new LifecycleHarness(null, new RetentionGuard());
        var (name, image, _) = await TwoOldAsync(lifecycle);
        var until = lifecycle.Content.Time.GetUtcNow() + TimeSpan.FromDays(3);
        var protections = new Protections(lifecycle.Content.Database, lifecycle.Content.Time);
        Assert.True((await protections.PutAsync(Home, Protect("audit", "team/*", ProtectionKind.Digest, image.Digest) with { Until = until }, null, Caller, Token)).Succeeded);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        Assert.Equal((1L, 1L), (plan.Totals.Expiring, plan.Totals.Vetoed));
        Assert.StartsWith("kept: protected by ada (audit) until ", (await lifecycle.ImagesAsync(plan.Id)).Single(row => row.Digest.Value == image.Digest).Why, StringComparison.Ordinal);
        lifecycle.Content.Time.Step(TimeSpan.FromDays(3));
        Assert.Equal(2, (await lifecycle.PlanAsync(name, text: Old)).Totals.Expiring);
    }

    [Fact]
    public async Task What_was_protected_or_reported_after_the_plan_is_kept()
    {
        await using var lifecycle = new LifecycleHarness(null, new RetentionGuard());
        var (name, first, second) = await TwoOldAsync(lifecycle);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        Assert.Equal(2, plan.Totals.Expiring);
        var protections = new Protections(lifecycle.Content.Database, lifecycle.Content.Time);
        Assert.True((await protections.PutAsync(Home, Protect("late", "team/app", ProtectionKind.Tag, "fir*"), null, Caller, Token)).Succeeded);
        await ReportAsync(lifecycle.Content, "k8s", ["other/*"], (name, second.Digest));
        var applied = await lifecycle.ApplyAsync(plan.Id);
        Assert.Equal((0L, 2L), (applied.Receipt.Done, applied.Receipt.NotDone));
        Assert.Equal(
            ["kept: protected by ada (late) without end: audit", "kept: in use by w (reported by k8s)"],
            (await lifecycle.ImagesAsync(plan.Id)).Select(row => row.Outcome!).Order(StringComparer.Ordinal).Reverse());
        Assert.Contains(first.Digest, await lifecycle.DigestsAsync(name));
    }

    [Fact]
    public async Task What_runs_is_kept_with_its_children_and_referrers()
    {
        await using var lifecycle = new LifecycleHarness(null, new RetentionGuard());
        var content = lifecycle.Content;
        var name = await content.CreateAsync("team/app");
        var index = TestImage.MultiPlatform(new TestImageOptions { Seed = 5, LayerSizes = [20] });
        var signature = Signature(index, 1);
        var nested = Signature(signature, 2);
        var childSignature = Signature(index.Children[0], 3);
        var loose = TestImage.Create(6, 20);
        await content.PushAsync(name, index);
        foreach (var image in new[] { signature, nested, childSignature, loose }) await content.PushAsync(name, image);
        content.Time.Step(TimeSpan.FromDays(30));
        await ReportAsync(content, "k8s", ["team/*"], (name, index.Digest));

        await lifecycle.ApplyAsync((await lifecycle.PlanAsync(name, text: Old)).Id);
        Assert.Equal(
            new[] { index, index.Children[0], index.Children[1], signature, nested, childSignature }.Select(i => i.Digest).Order(StringComparer.Ordinal),
            (await lifecycle.DigestsAsync(name)).Order(StringComparer.Ordinal));

        // An explicit delete goes on as ever.
        Assert.True((await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(index.Digest), null), Caller, Token)).Succeeded);
    }

    [Fact]
    public async Task The_snapshot_from_the_database_is_the_one_from_memory()
    {
        await using var lifecycle = new LifecycleHarness();
        var content = lifecycle.Content;
        var name = await content.CreateAsync("team/app");
        var index = TestImage.MultiPlatform(new TestImageOptions { Seed = 5, LayerSizes = [20] });
        var signature = Signature(index.Children[1], 1);
        await content.PushAsync(name, index);
        await content.PushAsync(name, signature);
        await content.PushAsync(name, TestImage.Create(6, 20));
        await ReportAsync(content, "k8s", ["team/*"], (name, index.Digest));
        var repository = (await content.Catalog.FindAsync(Home, name, Token)).Value;
        var (database, memory) = await content.Database.ReadSnapshotAsync(
            async session =>
            {
                var images = (await Longshore.Server.Lifecycle.RepositorySnapshot.LoadAsync(session, repository.Id)).Images;
                return (
                    await ProtectionView.LoadAsync(session, repository, content.Time.GetUtcNow()),
                    await ProtectionView.LoadAsync(session, repository, content.Time.GetUtcNow(), images));
            },
            Token);
        Assert.Equal(4, database.Uses.Count);
        Assert.Equal(memory.Uses.Keys.Order(), database.Uses.Keys.Order());
        Assert.All(database.Uses, pair => Assert.Equal(pair.Value.Through, memory.Uses[pair.Key].Through));
    }

    [Fact]
    public async Task A_silent_source_freezes_what_it_covers_until_it_reports_again()
    {
        await using var lifecycle = new LifecycleHarness(null, new RetentionGuard());
        var (name, _, _) = await TwoOldAsync(lifecycle);
        await ReportAsync(lifecycle.Content, "ecs", ["team/*"]);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        Assert.Equal((2L, 0L), (plan.Totals.Expiring, plan.Totals.Vetoed));
        lifecycle.Content.Time.Step(TimeSpan.FromHours(1) + TimeSpan.FromSeconds(1));

        var applied = await lifecycle.ApplyAsync(plan.Id);
        Assert.Equal((0L, 2L), (applied.Receipt.Done, applied.Receipt.NotDone));
        var silent = await lifecycle.PlanAsync(name, text: Old);
        Assert.Equal((0L, 2L), (silent.Totals.Expiring, silent.Totals.Vetoed));
        Assert.All(await lifecycle.ImagesAsync(silent.Id), row => Assert.Contains("the usage source ecs has not reported since", row.Why, StringComparison.Ordinal));

        await ReportAsync(lifecycle.Content, "ecs", ["team/*"]);
        Assert.Equal(2, (await lifecycle.PlanAsync(name, text: Old)).Totals.Expiring);
        // Covered no longer: its silence concerns nobody here.
        await ReportAsync(lifecycle.Content, "ecs", ["other/*"]);
        lifecycle.Content.Time.Step(TimeSpan.FromHours(2));
        Assert.Equal(2, (await lifecycle.PlanAsync(name, text: Old)).Totals.Expiring);
    }

    [Fact]
    public async Task Without_the_setting_use_keeps_nothing()
    {
        await using var lifecycle = new LifecycleHarness(null, new RetentionGuard());
        var (name, first, _) = await TwoOldAsync(lifecycle);
        await ReportAsync(lifecycle.Content, "k8s", ["team/*"], (name, first.Digest));
        await new ProtectInUse(lifecycle.Content.Database, lifecycle.Content.Time).PutAsync(Home, false, Token);
        lifecycle.Content.Time.Step(TimeSpan.FromHours(2));
        Assert.Equal(2, (await lifecycle.ApplyAsync((await lifecycle.PlanAsync(name, text: Old)).Id)).Receipt.Done);
    }

    [Fact]
    public async Task A_report_takes_the_former_ones_place_and_leaves_nothing_behind()
    {
        await using var lifecycle = new LifecycleHarness(null, new RetentionGuard());
        var (name, first, second) = await TwoOldAsync(lifecycle);
        var content = lifecycle.Content;
        await ReportAsync(content, "k8s", ["team/*"], (name, first.Digest), (name, first.Digest));
        await ReportAsync(content, "k8s", ["team/*"], (name, second.Digest));
        Assert.Equal(1, await content.CountAsync("usage_records"));
        var plan = await lifecycle.PlanAsync(name, text: Old);
        Assert.Equal([first.Digest], (await lifecycle.ImagesAsync(plan.Id)).Where(row => row.Action is not null).Select(row => row.Digest.Value));

        var reports = new UsageReports(content.Database, content.Time);
        Assert.True((await reports.DeleteAsync(Home, "k8s", Token)).Succeeded);
        Assert.Equal((0L, 0L), (await content.CountAsync("usage_records"), await content.CountAsync("usage_sources")));
        Assert.Equal(ErrorCode.UsageSourceNotFound, (await reports.DeleteAsync(Home, "k8s", Token)).Error?.Code);
    }

    [Fact]
    public async Task A_report_in_parts_counts_with_its_last_and_an_abandoned_one_never()
    {
        await using var content = new ContentHarness();
        var reports = new UsageReports(content.Database, content.Time);
        var name = Name("team/app");
        var digests = Enumerable.Range(0, 5000).Select(i => Digest.Compute(BitConverter.GetBytes(i))).ToList();
        await ReportAsync(content, "k8s", ["team/*"], (name, digests[0].Value));
        var first = (await reports.PutAsync(Home, Report("k8s", name, digests.Take(3000), null, more: true), Token)).Value;
        Assert.Equal((3000L, false), (first.Records, first.Complete));
        Assert.Equal(1, (await reports.GetAsync(Home, "k8s", Token)).Value.Records);
        var last = (await reports.PutAsync(Home, Report("k8s", name, digests.Skip(3000), first.Report, more: false), Token)).Value;
        Assert.Equal((5000L, true), (last.Records, last.Complete));
        Assert.Equal(5000, await content.CountAsync("usage_records"));

        var abandoned = (await reports.PutAsync(Home, Report("k8s", name, digests.Take(10), null, more: true), Token)).Value;
        Assert.True((await reports.PutAsync(Home, Report("k8s", name, digests.Take(20), null, more: false), Token)).Value.Complete);
        Assert.Equal(ErrorCode.InvalidParameter, (await reports.PutAsync(Home, Report("k8s", name, digests.Take(10), abandoned.Report, more: false), Token)).Error?.Code);
        Assert.Equal((20L, 20L), ((await reports.GetAsync(Home, "k8s", Token)).Value.Records, await content.CountAsync("usage_records")));

        // One whose first report is not complete is not there.
        Assert.True((await reports.PutAsync(Home, Report("new", name, digests.Take(1), null, more: true), Token)).Succeeded);
        Assert.Equal(ErrorCode.UsageSourceNotFound, (await reports.GetAsync(Home, "new", Token)).Error?.Code);
    }

    [Fact]
    public async Task Among_many_protections_a_removal_asks_by_seeks()
    {
        const int Many = 20_000;
        await using var content = new ContentHarness();
        var repository = (await content.Catalog.FindAsync(Home, await content.CreateAsync("team/app"), Token)).Value;
        await content.Database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                for (var i = 0; i < Many; i++)
                {
                    await session.ExecuteAsync(
                        "INSERT INTO protections VALUES (@account, @region, @id, 'team/app', 'team/app', 1, @digest, @digest, 'o', 'r', 1, 'x', 1, NULL)",
                        ("@account", Home.Account),
                        ("@region", Home.Region),
                        ("@id", $"p{i}"),
                        ("@digest", Digest.Compute(BitConverter.GetBytes(i)).Value));
                }

                return 0;
            },
            Token);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var kept = await content.Database.ReadAsync(
            async session =>
            {
                var found = 0;
                for (var i = Many - 1000; i < Many + 1000; i++)
                    if (await RemovalGuard.FindAsync(session, repository, new RemovalCandidate(1, Digest.Compute(BitConverter.GetBytes(i)), []), content.Time.GetUtcNow()) is not null) found++;
                return found;
            },
            Token);
        Assert.Equal(1000, kept);
        // 0.15 s here; a scan of them all for each would be half a minute.
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task A_report_that_nobody_completes_is_given_up_after_an_hour()
    {
        await using var content = new ContentHarness();
        var reports = new UsageReports(content.Database, content.Time);
        var name = Name("team/app");
        await ReportAsync(content, "k8s", ["team/*"], (name, Digest.Compute([1]).Value));
        foreach (var source in new[] { "k8s", "new" }) Assert.True((await reports.PutAsync(Home, Report(source, name, [Digest.Compute([2])], null, more: true), Token)).Succeeded);
        var job = new UsageExpiryJob(content.Database, content.Time);
        await content.RunJobAsync(job);
        Assert.Equal((3L, 2L), (await content.CountAsync("usage_records"), await content.CountAsync("usage_sources")));
        content.Time.Step(TimeSpan.FromHours(1));
        await content.RunJobAsync(job);
        Assert.Equal((1L, 1L), (await content.CountAsync("usage_records"), await content.CountAsync("usage_sources")));
        Assert.Equal(1, (await reports.GetAsync(Home, "k8s", Token)).Value.Records);
    }

    private static UsageReport Report(string source, RepositoryName name, IEnumerable<Digest> digests, long? report, bool more) => new(
        source, TimeSpan.FromHours(1), ["team/*"], [.. digests.Select(digest => new UsageEntry(name, digest, null, new Workload(Name: "w")))], report, more);

    private static async Task ReportAsync(ContentHarness content, string source, string[] covers, params (RepositoryName Name, string Digest)[] running)
    {
        var entries = running.Select(each => new UsageEntry(each.Name, DigestOf(each.Digest), null, new Workload(Name: "w"))).ToList();
        var outcome = await new UsageReports(content.Database, content.Time).PutAsync(Home, new UsageReport(source, TimeSpan.FromHours(1), covers, entries, null, false), Token);
        Assert.True(outcome.Value.Complete);
    }

    private static TestManifest Signature(TestManifest subject, int seed) =>
        TestImage.Artifact(new TestImageOptions { Seed = seed, LayerSizes = [9], ArtifactType = "application/vnd.example+json", Subject = subject.Descriptor() }, "text/plain");

    private static async Task<(RepositoryName Name, TestManifest First, TestManifest Second)> TwoOldAsync(LifecycleHarness lifecycle)
    {
        var name = await lifecycle.Content.CreateAsync("team/app");
        var (first, second) = (TestImage.Create(1, 30), TestImage.Create(2, 40));
        await lifecycle.Content.PushAsync(name, first, "first");
        await lifecycle.Content.PushAsync(name, second, "second");
        lifecycle.Content.Time.Step(TimeSpan.FromDays(30));
        return (name, first, second);
    }

    private static ImageProtection Protect(string id, string repository, ProtectionKind kind = ProtectionKind.Repository, string target = "") =>
        new(id, kind, repository, target, "ada", "audit", null);
}
