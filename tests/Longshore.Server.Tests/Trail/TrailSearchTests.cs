using Longshore.Server.Trail;

namespace Longshore.Server.Tests.Trail;

/// <summary>Searches over several segments, compressed ones among them, give what a plain look at every record gives.</summary>
public sealed class TrailSearchTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_in_both_orders_hold_every_match_once()
    {
        await using var trail = await TrailFiles.OpenAsync();
        var written = await trail.FillAsync(3);
        await WaitForSummariesAsync(trail);
        using var search = new TrailSearch(trail.Service!, TimeProvider.System);
        foreach (var (filter, expected) in (IEnumerable<(TrailFilter, int)>)[
            (new TrailFilter(), written),
            (new TrailFilter { Repository = "team/r7" }, Count(written, n => n % 50 == 7)),
            (new TrailFilter { Events = ["PutImage"], ReadOnly = false }, Count(written, n => n % 3 == 0)),
            (new TrailFilter { Tag = "t123" }, 1),
            (new TrailFilter { Address = "10.0.0.5", Events = ["BatchGetImage"] }, Count(written, n => n % 200 == 5 && n % 3 != 0)),
            (new TrailFilter { Account = "999999999999" }, 0),
            (new TrailFilter { Errors = true }, 0),
            (new TrailFilter { To = 1 }, 0)])
        {
            foreach (var newestFirst in (bool[])[true, false])
            {
                var found = new List<long>();
                long? position = null;
                do
                {
                    var page = await search.FindAsync(filter, newestFirst, position, 37, Token);
                    found.AddRange(page.Records.Select(static record => record.Sequence));
                    position = page.Next;
                }
                while (position is not null);
                Assert.Equal(expected, found.Count);
                Assert.Equal(newestFirst ? found.OrderDescending() : found.Order(), found);
            }
        }
    }

    [Fact]
    public async Task A_summary_that_was_tampered_with_hides_nothing()
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(2);
        await WaitForSummariesAsync(trail);
        var summary = trail.Directory.SummaryPathOf(1);
        var text = await File.ReadAllTextAsync(summary, Token);
        var bloom = text.IndexOf("\"bloom\":\"", StringComparison.Ordinal) + 9;
        await File.WriteAllTextAsync(summary, text[..bloom] + new string('A', 86) + "==" + text[text.IndexOf('"', bloom)..], Token);
        using var search = new TrailSearch(trail.Service!, TimeProvider.System);
        Assert.Single((await search.FindAsync(new TrailFilter { Tag = "t5" }, true, null, 10, Token)).Records);
    }

    [Fact]
    public async Task Old_segments_go_and_the_rest_still_verifies()
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(3);
        await trail.StopAsync();
        // Everything sealed is older than a retention of nothing; the start removes it.
        await trail.StartAsync(retention: TimeSpan.Zero);
        for (var i = 0; i < 100 && trail.Directory.Segments().Count > 1; i++) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
        Assert.Single(trail.Directory.Segments());
        await trail.FillAsync(1);
        await trail.StopAsync();
        Assert.Empty(await trail.VerifyAsync());
        // And what is left cannot lose its beginning unseen.
        trail.Directory.Delete(trail.Directory.Segments()[0]);
        Assert.Contains(await trail.VerifyAsync(), static finding => finding.Kind == TrailFindingKind.Damage);
    }

    [Fact]
    public async Task Compressed_segments_verify_and_a_changed_one_is_seen()
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(2);
        await WaitForSummariesAsync(trail);
        await trail.StopAsync();
        Assert.False(File.Exists(trail.Directory.PathOf(1)));
        Assert.Empty(await trail.VerifyAsync());
        var file = trail.Directory.CompressedPathOf(1);
        var bytes = await File.ReadAllBytesAsync(file, Token);
        bytes[bytes.Length / 2] ^= 0x10;
        await File.WriteAllBytesAsync(file, bytes, Token);
        Assert.Contains(await trail.VerifyAsync(), static finding => finding.Kind == TrailFindingKind.Damage);
    }

    private static int Count(int written, Func<int, bool> holds) => Enumerable.Range(0, written).Count(holds);

    private static async Task WaitForSummariesAsync(TrailFiles trail)
    {
        for (var i = 0; i < 300 && !trail.Service!.Index.All.All(info => File.Exists(trail.Directory.CompressedPathOf(info.Number)) && !File.Exists(trail.Directory.PathOf(info.Number))); i++)
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        Assert.All(trail.Service!.Index.All, info => Assert.True(File.Exists(trail.Directory.SummaryPathOf(info.Number))));
    }
}
