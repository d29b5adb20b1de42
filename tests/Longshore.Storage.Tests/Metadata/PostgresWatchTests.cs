using Longshore.Storage.Metadata;

namespace Longshore.Storage.Tests.Metadata;

public sealed class PostgresWatchTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public async Task Only_a_look_that_was_cut_twice_ends_what_runs(int cuts, bool ends)
    {
        var (asked, changed) = (0, 0);
        var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var watch = new PostgresWatch(
            _ =>
            {
                if (++asked == 2) looked.TrySetResult();
                return asked <= cuts ? Task.FromException<string>(new IOException("cut")) : Task.FromResult("one");
            },
            () => changed++,
            "one",
            TimeProvider.System);
        var turn = watch.Enter();
        watch.Suspect();
        await looked.Task.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Token);
        if (ends) await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, turn.Ended).ContinueWith(static _ => { }, Token, TaskContinuationOptions.None, TaskScheduler.Default);

        // The turn of the next look has come and gone.
        await Task.Delay(TimeSpan.FromSeconds(1.5), TimeProvider.System, Token);
        Assert.Equal(ends, turn.Ended.IsCancellationRequested);
        Assert.Equal(ends ? 1 : 0, changed);
        Assert.Null(watch.Away);
        turn.Leave();
    }
}
