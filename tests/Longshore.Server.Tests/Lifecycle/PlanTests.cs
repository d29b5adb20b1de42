using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Lifecycle;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Lifecycle;

public sealed class PlanTests
{
    private static readonly string Old = LifecycleHarness.Policy("sinceImagePushed", 10);

    [Fact]
    public async Task A_plan_says_for_every_image_what_happens_and_why()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, images) = await ThreeAsync(lifecycle);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        Assert.Equal((PlanStatus.Complete, 3L, 2L), (plan.Status, plan.Totals.Images, plan.Totals.Expiring));
        var rows = await lifecycle.ImagesAsync(plan.Id);
        Assert.Equal(images.Select(static i => i.Digest), rows.Select(static i => i.Digest.Value));
        Assert.Equal("expires by rule 1: pushed 30 days ago, and the rule's bound is 10 days", rows[0].Why);
        Assert.Equal("kept by rule 1: pushed 5 days ago, and the rule's bound is 10 days", rows[2].Why);
        Assert.Equal(plan.Totals.PhysicalBytes, rows.Sum(static i => i.Bytes.Physical));
    }

    [Fact]
    public async Task What_changed_since_the_plan_is_kept_and_told()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, images) = await ThreeAsync(lifecycle);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        var pulled = (await lifecycle.Content.Images.GetAsync(Home, name, Longshore.Core.Oci.Reference.Of(Tag("one")), Token)).Value;
        lifecycle.Content.Images.RecordPull(pulled.Id);
        Assert.Null((await lifecycle.Content.PutAsync(name, images[1], "fresh")).Error);
        var applied = await lifecycle.ApplyAsync(plan.Id);
        Assert.Equal((PlanStatus.Applied, 0L, 2L), (applied.Status, applied.Receipt.Done, applied.Receipt.NotDone));
        Assert.Equal(["kept: it was pulled since the plan was made", "kept: its tags changed since the plan was made", null], (await lifecycle.ImagesAsync(plan.Id)).Select(static i => i.Outcome));
        Assert.Equal(3, (await lifecycle.DigestsAsync(name)).Count);
    }

    [Fact]
    public async Task A_veto_keeps_an_image_and_its_referrers_and_says_why()
    {
        await using var lifecycle = new LifecycleHarness(null, new Guard("one"));
        var (name, images) = await ThreeAsync(lifecycle);
        var signature = TestImage.Artifact(new TestImageOptions { LayerSizes = [9], ArtifactType = "application/vnd.example+json", Subject = images[0].Descriptor() }, "text/plain");
        await lifecycle.Content.PushAsync(name, signature);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        var rows = await lifecycle.ImagesAsync(plan.Id);
        Assert.Equal("kept: protected by ada (rule 1 would expire it)", rows[0].Why);
        Assert.Equal($"kept with its subject {images[0].Digest}", rows.Single(i => i.Digest.Value == signature.Digest).Why);
        Assert.Equal((1L, 1L), (plan.Totals.Expiring, plan.Totals.Vetoed));
    }

    [Fact]
    public async Task A_veto_that_came_after_the_plan_keeps_the_image_too()
    {
        var guard = new Guard(null);
        await using var lifecycle = new LifecycleHarness(null, guard);
        var (name, _) = await ThreeAsync(lifecycle);
        var plan = await lifecycle.PlanAsync(name, text: Old);
        guard.Tag = "one";
        await lifecycle.ApplyAsync(plan.Id);
        Assert.Equal(["kept: protected by ada", "done", null], (await lifecycle.ImagesAsync(plan.Id)).Select(static i => i.Outcome));
    }

    [Fact]
    public async Task Removed_images_wait_in_the_recycle_bin_and_the_receipt_says_until_when()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, images) = await ThreeAsync(lifecycle);
        var applied = await lifecycle.ApplyAsync((await lifecycle.PlanAsync(name, text: Old)).Id);
        Assert.Equal((2L, 0L, lifecycle.Content.Time.GetUtcNow() + TimeSpan.FromDays(7)), (applied.Receipt.Done, applied.Receipt.FreedBytes, applied.Receipt.HeldUntil));
        Assert.True((await lifecycle.Content.Bin.RestoreAsync(Home, name, DigestOf(images[0].Digest), Token)).Succeeded);
        // Another plan, and time: what was restored goes again, and each byte is on one receipt.
        var second = await lifecycle.ApplyAsync((await lifecycle.PlanAsync(name, text: Old)).Id);
        for (var i = 0; i < 3; i++)
        {
            lifecycle.Content.Time.Step(TimeSpan.FromDays(8));
            await lifecycle.Content.RunJobAsync(new Longshore.Server.Content.Recycling.RecycleBinJob(lifecycle.Content.Database, lifecycle.Content.Time));
            await lifecycle.Content.CollectAsync();
        }

        var (first, last) = (await lifecycle.FindAsync(applied.Id), await lifecycle.FindAsync(second.Id));
        Assert.Equal(applied.Totals.PhysicalBytes, first.Receipt.FreedBytes + last.Receipt.FreedBytes);
        Assert.Equal(second.Totals.PhysicalBytes, last.Receipt.FreedBytes);
    }

    [Fact]
    public async Task The_daily_run_evaluates_applies_and_tells()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, images) = await ThreeAsync(lifecycle);
        Assert.True((await lifecycle.Policies.PutAsync(Home, name, Old, Token)).Succeeded);
        await lifecycle.RunPolicyAsync(name);
        Assert.Equal([images[2].Digest], await lifecycle.DigestsAsync(name));
        var policy = (await lifecycle.Policies.GetAsync(Home, name, Token)).Value;
        Assert.Equal(lifecycle.Content.Time.GetUtcNow(), policy.LastEvaluatedAt);
        var run = Assert.Single((await lifecycle.Plans.ListAsync(Home, name, null, 10, Token)).Value);
        Assert.Equal((PlanKind.Run, PlanStatus.Applied, 2L), (run.Kind, run.Status, run.Receipt.Done));
        Assert.Equal(1, await lifecycle.Content.CountAsync("audit_records", "event_name = 'PolicyExecutionEvent'"));
        Assert.Equal(2, await lifecycle.Content.CountAsync("events", "detail LIKE '%DELETE%'"));
        // Due again within the interval, and nothing to tell of when nothing is to be done.
        var job = await lifecycle.Jobs.FindAsync(LifecycleJob.JobKind, LifecyclePolicies.NameOf(policy.RepositoryId), Token);
        Assert.InRange(job!.DueAt!.Value - lifecycle.Content.Time.GetUtcNow(), TimeSpan.FromHours(21), TimeSpan.FromHours(24));
        await lifecycle.RunPolicyAsync(name);
        Assert.Single((await lifecycle.Plans.ListAsync(Home, name, null, 10, Token)).Value);
    }

    [Fact]
    public async Task A_clock_that_jumped_stops_the_run_and_nothing_is_removed()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, _) = await ThreeAsync(lifecycle);
        Assert.True((await lifecycle.Policies.PutAsync(Home, name, LifecycleHarness.Policy("sinceImagePushed", 365), Token)).Succeeded);
        lifecycle.Clock.Stop();
        lifecycle.Content.Time.Step(TimeSpan.FromDays(400));
        await lifecycle.RunPolicyAsync(name);
        Assert.Equal(3, (await lifecycle.DigestsAsync(name)).Count);
        var policy = (await lifecycle.Policies.GetAsync(Home, name, Token)).Value;
        var job = await lifecycle.Jobs.FindAsync(LifecycleJob.JobKind, LifecyclePolicies.NameOf(policy.RepositoryId), Token);
        Assert.Contains("the clock jumped forwards by 400", job!.LastError, StringComparison.Ordinal);
        Assert.Null(policy.LastEvaluatedAt);
    }

    [Fact]
    public async Task An_interrupted_run_whose_policy_was_changed_removes_nothing()
    {
        await using var lifecycle = new LifecycleHarness(null, new Guard(null));
        var (name, images) = await ThreeAsync(lifecycle);
        var policy = (await lifecycle.Policies.PutAsync(Home, name, Old, Token)).Value;
        // The run of a server that was killed between plan and application.
        var plan = await lifecycle.PlanAsync(name);
        await lifecycle.Content.Database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await session.ExecuteAsync("UPDATE plans SET kind = 'run', status = 'APPLYING' WHERE id = @id", ("@id", plan.Id));
                return await session.ExecuteAsync("UPDATE jobs SET progress = @id WHERE kind = 'lifecycle'", ("@id", plan.Id));
            },
            Token);
        Assert.True((await lifecycle.Policies.PutAsync(Home, name, LifecycleHarness.Policy("sinceImagePushed", 25), Token)).Value.Version > policy.Version);
        await lifecycle.RunPolicyAsync(name);
        Assert.All((await lifecycle.ImagesAsync(plan.Id)).Take(2), static image => Assert.Equal("kept: the policy was changed meanwhile", image.Outcome));
        // The new policy then takes what it says, and no more.
        Assert.Equal([images[1].Digest, images[2].Digest], (await lifecycle.DigestsAsync(name)).OrderBy(d => Array.FindIndex(images, i => i.Digest == d)));
    }

    [Fact]
    public async Task A_repository_that_vanishes_leaves_a_failed_plan_and_no_job()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, _) = await ThreeAsync(lifecycle);
        Assert.True((await lifecycle.Policies.PutAsync(Home, name, Old, Token)).Succeeded);
        var plan = (await lifecycle.Plans.StartAsync(Home, name, PlanKind.Manual, null, Caller, Token)).Value;
        Assert.True((await lifecycle.Content.Catalog.DeleteAsync(Home, name, force: true, Token)).Succeeded);
        await lifecycle.RunJobsAsync();
        Assert.Equal((PlanStatus.Failed, "The repository no longer exists."), ((await lifecycle.FindAsync(plan.Id)).Status, (await lifecycle.FindAsync(plan.Id)).Error));
        lifecycle.Content.Time.Step(TimeSpan.FromDays(2));
        await lifecycle.RunJobsAsync();
        Assert.Equal(0, await lifecycle.Content.CountAsync("jobs", "kind = 'lifecycle'"));
    }

    [Fact]
    public async Task Previews_replace_each_other_expire_and_cannot_be_applied()
    {
        await using var lifecycle = new LifecycleHarness();
        var (name, _) = await ThreeAsync(lifecycle);
        Assert.Equal(ErrorCode.LifecyclePolicyNotFound, (await lifecycle.Plans.StartAsync(Home, name, PlanKind.Preview, null, Caller, Token)).Error!.Code);
        Assert.Equal(ErrorCode.LifecyclePolicyPreviewNotFound, (await lifecycle.Plans.FindPreviewAsync(Home, name, Token)).Error!.Code);
        var first = await lifecycle.Plans.StartAsync(Home, name, PlanKind.Preview, Old, Caller, Token);
        Assert.Equal(ErrorCode.LifecyclePolicyPreviewInProgress, (await lifecycle.Plans.StartAsync(Home, name, PlanKind.Preview, Old, Caller, Token)).Error!.Code);
        await lifecycle.RunJobsAsync();
        var second = await lifecycle.PlanAsync(name, PlanKind.Preview, Old);
        Assert.Equal(second.Id, (await lifecycle.Plans.FindPreviewAsync(Home, name, Token)).Value.Id);
        Assert.NotEqual(first.Value.Id, second.Id);
        Assert.Equal(ErrorCode.PlanNotApplicable, (await lifecycle.Plans.ApplyAsync(Home, second.Id, Caller, Token)).Error!.Code);
        lifecycle.Content.Time.Step(TimeSpan.FromHours(25));
        Assert.Equal(PlanStatus.Expired, (await lifecycle.Plans.FindPreviewAsync(Home, name, Token)).Value.Status);
        var manual = await lifecycle.PlanAsync(name, text: Old);
        lifecycle.Content.Time.Step(TimeSpan.FromHours(25));
        Assert.Equal(ErrorCode.PlanNotApplicable, (await lifecycle.Plans.ApplyAsync(Home, manual.Id, Caller, Token)).Error!.Code);
    }

    /// <summary>Images of 30, 20 and 5 days, tagged one, two and three, that share a layer.</summary>
    private static async Task<(RepositoryName Name, TestManifest[] Images)> ThreeAsync(LifecycleHarness lifecycle)
    {
        var name = await lifecycle.Content.CreateAsync("team/app");
        var shared = TestBlob.Random(1, 100, OciMediaTypes.Layer);
        var images = Enumerable.Range(0, 3).Select(i => TestImage.Manifest(
            new TestImageOptions(), TestBlob.Random(10 + i, 20, OciMediaTypes.ImageConfig), [shared, TestBlob.Random(20 + i, 30 + i, OciMediaTypes.Layer)])).ToArray();
        await lifecycle.Content.PushAsync(name, images[0], "one");
        lifecycle.Content.Time.Step(TimeSpan.FromDays(10));
        await lifecycle.Content.PushAsync(name, images[1], "two");
        lifecycle.Content.Time.Step(TimeSpan.FromDays(15));
        await lifecycle.Content.PushAsync(name, images[2], "three");
        lifecycle.Content.Time.Step(TimeSpan.FromDays(5));
        return (name, images);
    }

    private sealed class Guard(string? tag) : IRetentionGuard
    {
        private static readonly RetentionVeto Veto = new(RetentionKind.Protected, "protected by ada");

        public string? Tag { get; set; } = tag;

        public ValueTask<Func<LifecycleImage, RetentionVeto?>> LoadAsync(DbSession session, Repository repository, IReadOnlyList<LifecycleImage> images, DateTimeOffset now) =>
            ValueTask.FromResult<Func<LifecycleImage, RetentionVeto?>>(image => Tag is not null && image.Tags.Contains(Tag) ? Veto : null);

        public async ValueTask<RetentionVeto?> FindAsync(DbSession session, Repository repository, long manifestId, DateTimeOffset now) =>
            Tag is not null && (await ImageRows.TagsAsync(session, manifestId)).Contains(Tag) ? Veto : null;
    }
}
