using System.Text.Json.Nodes;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Hosting.Jobs;
using Longshore.Server.Lifecycle;
using Longshore.Server.Tests.Content;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Lifecycle;

/// <summary>Policies, plans and their jobs over a <see cref="ContentHarness"/>.</summary>
internal sealed class LifecycleHarness : IAsyncDisposable
{
    private readonly JobRunner runner;

    public LifecycleHarness(ContentOptions? options = null, params IRetentionGuard[] guards)
    {
        var content = new ContentHarness(options);
        Content = content;
        content.FreedBytes.Add(new FreedByPlans());
        Jobs = new JobStore(content.Database, content.Time);
        Guards = [.. guards];
        var jitter = new Jitter(new Random(7));
        Policies = new LifecyclePolicies(content.Database, Options, jitter, content.Time);
        Plans = new Plans(content.Database, Jobs, Options, content.Time);
        var builder = new PlanBuilder(content.Database, content.Pulls, Guards, content.Time);
        var executor = new PlanExecutor(content.Database, content.Remover, content.RecycleSettings, new ImageArchive(content.Database, Jobs, content.Time), content.Pulls, Guards, content.Time);
        Clock = new StoppableStopwatch(content.Time);
        IJobHandler[] handlers =
        [
            new PlanJob(content.Database, builder, NullLogger<PlanJob>.Instance),
            new ApplyJob(content.Database, executor, NullLogger<ApplyJob>.Instance),
            new LifecycleJob(content.Database, builder, executor, Plans, new ClockGuard(Clock), Options, jitter, NullLogger<LifecycleJob>.Instance),
            new PlanExpiryJob(content.Database, Options),
        ];
        runner = new JobRunner(content.Database, Jobs, handlers, new JobOptions { SoleServer = true }, jitter, content.Time, NullLogger<JobRunner>.Instance);
    }

    public ContentHarness Content { get; }

    public JobStore Jobs { get; }

    public LifecycleOptions Options { get; } = new();

    public LifecyclePolicies Policies { get; }

    public Plans Plans { get; }

    public List<IRetentionGuard> Guards { get; }

    public StoppableStopwatch Clock { get; }

    /// <summary>A policy of one rule for all images.</summary>
    public static string Policy(string countType, int number, string status = "any", string? prefix = null)
    {
        var selection = new JsonObject { ["tagStatus"] = status, ["countType"] = countType, ["countNumber"] = number };
        if (countType != "imageCountMoreThan") selection["countUnit"] = "days";
        if (prefix is not null) selection["tagPrefixList"] = new JsonArray(prefix);
        return new JsonObject
        {
            ["rules"] = new JsonArray(new JsonObject { ["rulePriority"] = 1, ["description"] = "made by a test", ["selection"] = selection, ["action"] = new JsonObject { ["type"] = "expire" } }),
        }.ToJsonString();
    }

    /// <summary>Runs what is due until nothing is.</summary>
    public async Task RunJobsAsync()
    {
        while (await runner.PollAsync(ContentHarness.Token) is { Count: > 0 } runs) await Task.WhenAll(runs);
    }

    /// <summary>Makes a plan of one kind.</summary>
    public async Task<Plan> PlanAsync(RepositoryName name, string kind = PlanKind.Manual, string? text = null)
    {
        var plan = (await Plans.StartAsync(ContentHarness.Home, name, kind, text, ContentHarness.Caller, ContentHarness.Token)).Value;
        await RunJobsAsync();
        return await FindAsync(plan.Id);
    }

    /// <summary>Applies a plan to its end.</summary>
    public async Task<Plan> ApplyAsync(string id)
    {
        Assert.Null((await Plans.ApplyAsync(ContentHarness.Home, id, ContentHarness.Caller, ContentHarness.Token)).Error);
        await RunJobsAsync();
        return await FindAsync(id);
    }

    public async Task<Plan> FindAsync(string id) => (await Plans.FindAsync(ContentHarness.Home, id, ContentHarness.Token)).Value;

    public async Task<List<PlanImage>> ImagesAsync(string id) => await Plans.ListImagesAsync(id, acting: false, -1, 10_000, ContentHarness.Token);

    /// <summary>Runs the policy of a repository now.</summary>
    public async Task RunPolicyAsync(RepositoryName name)
    {
        var policy = (await Policies.GetAsync(ContentHarness.Home, name, ContentHarness.Token)).Value;
        await Jobs.TriggerAsync(LifecycleJob.JobKind, LifecyclePolicies.NameOf(policy.RepositoryId), ContentHarness.Token);
        await RunJobsAsync();
    }

    public async Task<List<string>> DigestsAsync(RepositoryName name) =>
        (await Content.Images.ListAsync(ContentHarness.Home, name, TagStatus.Any, null, 1000, ContentHarness.Token)).Value.ConvertAll(static image => image.Digest.Value);

    public async ValueTask DisposeAsync()
    {
        runner.Dispose();
        await Content.DisposeAsync();
    }
}

/// <summary>A clock whose stopwatch follows a stepped one, until it is told to stand still: then the steps are jumps of the wall clock.</summary>
internal sealed class StoppableStopwatch(SteppedTime time) : TimeProvider
{
    private long? stopped;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Stop() => stopped = GetTimestamp();

    public override long GetTimestamp() => stopped ?? time.GetUtcNow().UtcTicks;

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();
}
