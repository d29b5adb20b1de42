using Longshore.Server.Trail;

namespace Longshore.Server.Tests.Trail;

/// <summary>Room for the records to come is made in time: no call is refused while the disk has room.</summary>
public sealed class TrailRoomTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_trail_that_was_copied_to_its_last_line_takes_calls_at_once()
    {
        await using var files = await TrailFiles.OpenAsync();
        await files.FillAsync(1);
        Assert.NotNull(await BeginAsync(files));
        await files.StopAsync();
        var last = files.Directory.PathOf(files.Directory.Segments()[^1]);
        // As backup, restore and migrate leave it.
        using (var segment = new FileStream(last, FileMode.Open, FileAccess.ReadWrite))
            segment.SetLength(TrailRecovery.GoodLength(new FileStream(last, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), files.Directory.Segments()[^1]));
        await files.StartAsync();
        var begun = BeginAsync(files);
        Assert.True(begun.IsCompleted, "The call waits for room.");
        Assert.NotNull(await begun);
        await files.StopAsync();
        Assert.Empty(await files.VerifyAsync());
    }

    [Fact]
    public async Task More_service_events_than_two_segments_hold_keep_no_call_waiting()
    {
        await using var files = await TrailFiles.OpenAsync();
        await files.StopAsync();
        await files.AddServiceEventsAsync(1000, 2000);
        await files.StartAsync();
        for (var attempt = 0; files.Service!.Tail.Number < 10 && attempt < 300; attempt++) await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        Assert.InRange(files.Service!.Tail.Number, 10, long.MaxValue);
        Assert.NotNull(await BeginAsync(files));
    }

    private static ValueTask<TrailBegun?> BeginAsync(TrailFiles files)
    {
        var at = files.Service!.Now;
        return files.Service.Log.BeginAsync(TrailFiles.Payload(TrailLine.Begin, at, 0, "x"), at, TrailPromise.Synced, Token);
    }
}
