using System.Collections.Concurrent;
using Longshore.Server.Hosting.Jobs;
using static Longshore.Server.Tests.Hosting.Jobs.JobHarness;

namespace Longshore.Server.Tests.Hosting.Jobs;

public sealed class JobRunnerTests
{
    [Fact]
    public async Task Two_servers_run_each_of_many_jobs_once()
    {
        await using var jobs = new JobHarness(TimeProvider.System, new JobOptions { Poll = TimeSpan.FromMilliseconds(20) });
        var tomorrow = TimeProvider.System.GetUtcNow().AddDays(1);
        jobs.Handler.Work = (_, _) => Task.FromResult<DateTimeOffset?>(tomorrow);
        for (var i = 0; i < 200; i++) await jobs.A.Store.TriggerAsync("test", $"job{i}", Token);
        await jobs.A.Runner.StartAsync(Token);
        await jobs.B.Runner.StartAsync(Token);
        while (jobs.Handler.Runs.Count < 200) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token);
        await Task.WhenAll(jobs.A.Runner.StopAsync(Token), jobs.B.Runner.StopAsync(Token));
        Assert.Equal(200, jobs.Handler.Runs.Count);
        Assert.Equal(200, jobs.Handler.Runs.Distinct().Count());
    }

    [Fact]
    public async Task A_long_run_is_renewed_and_stays_alone()
    {
        await using var jobs = new JobHarness(TimeProvider.System, new JobOptions { Poll = TimeSpan.FromMilliseconds(20), Lease = TimeSpan.FromMilliseconds(600) });
        jobs.Handler.Work = async (_, token) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, token);
            return null;
        };
        await jobs.A.Store.TriggerAsync("test", "long", Token);
        await jobs.A.Runner.StartAsync(Token);
        await jobs.B.Runner.StartAsync(Token);
        while (await jobs.A.Store.FindAsync("test", "long", Token) is not null) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        await Task.WhenAll(jobs.A.Runner.StopAsync(Token), jobs.B.Runner.StopAsync(Token));
        Assert.Single(jobs.Handler.Runs);
    }

    [Fact]
    public async Task What_is_not_due_waits_and_what_is_done_without_a_next_time_is_removed()
    {
        await using var jobs = new JobHarness();
        await jobs.A.Store.EnsureAsync("test", "later", jobs.Clock.GetUtcNow().AddHours(1), Token);
        Assert.False(await jobs.B.Store.EnsureAsync("test", "later", jobs.Clock.GetUtcNow(), Token));
        Assert.Equal(0, await RunDueAsync(jobs.A));
        jobs.Clock.Step(TimeSpan.FromHours(1));
        Assert.Equal(1, await RunDueAsync(jobs.A));
        Assert.Null(await jobs.A.Store.FindAsync("test", "later", Token));
    }

    [Fact]
    public async Task A_trigger_during_a_run_means_another_run()
    {
        await using var jobs = new JobHarness();
        foreach (var next in new DateTimeOffset?[] { null, jobs.Clock.GetUtcNow().AddDays(1) })
        {
            var first = true;
            jobs.Handler.Work = async (_, token) =>
            {
                if (first) await jobs.B.Store.TriggerAsync("test", "again", token);
                first = false;
                return next;
            };
            await jobs.A.Store.TriggerAsync("test", "again", Token);
            Assert.Equal(1, await RunDueAsync(jobs.A));
            Assert.Equal(1, await RunDueAsync(jobs.B));
            Assert.Equal(0, await RunDueAsync(jobs.A));
        }
    }

    [Fact]
    public async Task Failures_are_told_and_tried_again_after_growing_waits_until_one_succeeds()
    {
        await using var jobs = new JobHarness();
        jobs.Handler.Work = (_, _) => throw new InvalidDataException("the disk is odd");
        await jobs.A.Store.TriggerAsync("test", "bad", Token);
        var former = TimeSpan.Zero;
        for (var attempt = 1; attempt <= 6; attempt++)
        {
            Assert.Equal(1, await RunDueAsync(jobs.A));
            Assert.Equal(0, await RunDueAsync(jobs.A));
            var state = (await jobs.A.Store.FindAsync("test", "bad", Token))!;
            Assert.Equal((attempt, false, "InvalidDataException: the disk is odd", null), (state.Attempts, state.Running, state.LastError, state.FinishedAt));
            var wait = state.DueAt!.Value - jobs.Clock.GetUtcNow();
            Assert.InRange(wait, TimeSpan.FromSeconds(2.5 * Math.Pow(2, attempt - 1)), TimeSpan.FromSeconds(5 * Math.Pow(2, attempt - 1)));
            Assert.True(wait > former);
            former = wait;
            jobs.Clock.Step(wait);
        }

        jobs.Handler.Work = (_, _) => Task.FromResult<DateTimeOffset?>(jobs.Clock.GetUtcNow().AddDays(1));
        Assert.Equal(1, await RunDueAsync(jobs.A));
        var good = (await jobs.A.Store.FindAsync("test", "bad", Token))!;
        Assert.Equal((0, null, jobs.Clock.GetUtcNow()), (good.Attempts, good.LastError, good.FinishedAt));
    }

    [Fact]
    public async Task A_dead_servers_job_is_taken_over_by_the_stopwatch_whatever_the_wall_clock_says()
    {
        await using var jobs = new JobHarness();
        await jobs.A.Store.TriggerAsync("test", "orphan", Token);
        var claim = (await ClaimAsync(jobs))!;
        Assert.True(await SaveAsync(jobs, claim, "42"));
        Assert.Equal(0, await RunDueAsync(jobs.B));
        jobs.Clock.Jump(TimeSpan.FromDays(3));
        Assert.Equal(0, await RunDueAsync(jobs.B));
        jobs.Clock.Jump(TimeSpan.FromDays(-30));
        Assert.Equal(0, await RunDueAsync(jobs.B));
        jobs.Clock.Step(TimeSpan.FromSeconds(44));
        Assert.Equal(0, await RunDueAsync(jobs.B));
        Assert.True(await jobs.A.Store.RenewAsync(claim, jobs.Options.Lease, Token));
        jobs.Clock.Step(TimeSpan.FromSeconds(2));
        Assert.Equal(0, await RunDueAsync(jobs.B));
        jobs.Clock.Step(TimeSpan.FromSeconds(46));
        string? progress = null;
        jobs.Handler.Work = (job, _) =>
        {
            progress = job.Progress;
            return Task.FromResult<DateTimeOffset?>(null);
        };
        Assert.Equal(1, await RunDueAsync(jobs.B));
        Assert.Equal("42", progress);
        // The server that was thought dead comes back and can change nothing.
        Assert.False(await SaveAsync(jobs, claim, "43"));
        Assert.False(await jobs.A.Store.CompleteAsync(claim, null, Token));
        Assert.False(await jobs.A.Store.RenewAsync(claim, jobs.Options.Lease, Token));
    }

    [Fact]
    public async Task A_due_time_of_a_clock_that_was_years_ahead_does_not_stall_the_job()
    {
        await using var jobs = new JobHarness();
        jobs.Handler.Work = (_, _) => Task.FromResult<DateTimeOffset?>(jobs.Clock.GetUtcNow().AddDays(1));
        jobs.Clock.Jump(TimeSpan.FromDays(4000));
        await jobs.A.Store.TriggerAsync("test", "daily", Token);
        Assert.Equal(1, await RunDueAsync(jobs.A));
        jobs.Clock.Jump(TimeSpan.FromDays(-4000));
        Assert.Equal(1, await RunDueAsync(jobs.A));
        Assert.Equal(0, await RunDueAsync(jobs.A));
        Assert.Equal(jobs.Clock.GetUtcNow().AddDays(1), (await jobs.A.Store.FindAsync("test", "daily", Token))!.DueAt);
        // A small step back, as time services make them, runs nothing early.
        jobs.Clock.Jump(TimeSpan.FromHours(-1));
        Assert.Equal(0, await RunDueAsync(jobs.A));
    }

    [Fact]
    public async Task A_server_that_stops_gives_its_jobs_back()
    {
        await using var jobs = new JobHarness(TimeProvider.System);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        jobs.Handler.Work = async (job, token) =>
        {
            await job.SaveProgressAsync("half", token);
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return null;
        };
        await jobs.A.Store.TriggerAsync("test", "half", Token);
        await jobs.A.Runner.StartAsync(Token);
        await begun.Task.WaitAsync(Token);
        await jobs.A.Runner.StopAsync(Token);
        var state = (await jobs.A.Store.FindAsync("test", "half", Token))!;
        Assert.Equal((false, 0, "half", null), (state.Running, state.Attempts, state.Progress, state.LastError));
        jobs.Handler.Work = (_, _) => Task.FromResult<DateTimeOffset?>(null);
        Assert.Equal(1, await RunDueAsync(jobs.B));
    }

    [Fact]
    public async Task A_sole_server_goes_on_at_once_with_what_a_killed_one_left()
    {
        await using var jobs = new JobHarness(TimeProvider.System);
        await jobs.A.Store.TriggerAsync("test", "left", Token);
        Assert.NotNull(await ClaimAsync(jobs));
        var next = jobs.Server(new JobOptions { SoleServer = true });
        using var runner = next.Runner;
        await runner.StartAsync(Token);
        while (jobs.Handler.Runs.IsEmpty) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Token);
        await runner.StopAsync(Token);
    }

    [Fact]
    public async Task A_job_that_is_removed_or_lost_while_it_runs_is_told_so_and_changes_nothing()
    {
        await using var jobs = new JobHarness();
        var outcomes = new ConcurrentQueue<string>();
        jobs.Handler.Work = async (job, token) =>
        {
            await jobs.B.Store.RemoveAsync("test", "gone", token);
            await Assert.ThrowsAsync<JobLostException>(async () => await job.SaveProgressAsync("x", token));
            await Assert.ThrowsAsync<JobLostException>(async () => await jobs.Database.WriteAsync(
                Storage.Metadata.Durability.Relaxed,
                async session =>
                {
                    await JobStore.EnsureAsync(session, "other", "side effect", jobs.Clock.GetUtcNow());
                    await job.FenceAsync(session);
                    return 0;
                },
                token));
            outcomes.Enqueue("told");
            return null;
        };
        await jobs.A.Store.TriggerAsync("test", "gone", Token);
        Assert.Equal(1, await RunDueAsync(jobs.A));
        Assert.Equal("told", Assert.Single(outcomes));
        Assert.Null(await jobs.A.Store.FindAsync("test", "gone", Token));
        Assert.Null(await jobs.A.Store.FindAsync("other", "side effect", Token));
    }

    [Fact]
    public async Task No_more_runs_at_once_than_the_kind_allows_and_lists_go_on_by_name()
    {
        await using var jobs = new JobHarness();
        jobs.Handler.MaxParallel = 2;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        jobs.Handler.Work = async (_, _) =>
        {
            await gate.Task;
            return null;
        };
        foreach (var name in new[] { "a", "b", "c" }) await jobs.A.Store.TriggerAsync("test", name, Token);
        var runs = await jobs.A.Runner.PollAsync(Token);
        Assert.Equal(2, runs.Count);
        Assert.Empty(await jobs.A.Runner.PollAsync(Token));
        Assert.Equal([("a", true), ("b", true)], (await jobs.B.Store.ListAsync("test", null, 2, Token)).Select(s => (s.Name, s.Running)));
        Assert.Equal(["c"], (await jobs.B.Store.ListAsync("test", "b", 10, Token)).Select(s => s.Name));
        gate.SetResult();
        await Task.WhenAll(runs);
        Assert.Equal(1, await RunDueAsync(jobs.A));
    }

    private static async Task<JobClaim?> ClaimAsync(JobHarness jobs)
    {
        var due = Assert.Single(await jobs.A.Store.ListDueAsync("test", TimeSpan.FromDays(1), 10, Token));
        return await jobs.A.Store.TryClaimAsync(due, jobs.Options.Lease, Token);
    }

    private static ValueTask<bool> SaveAsync(JobHarness jobs, JobClaim claim, string progress) =>
        jobs.Database.WriteAsync(Storage.Metadata.Durability.Relaxed, s => JobStore.SaveProgressAsync(s, claim, progress), Token);
}
