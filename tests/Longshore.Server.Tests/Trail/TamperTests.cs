using Longshore.Server.Trail;

namespace Longshore.Server.Tests.Trail;

/// <summary>Whatever is done to the files of a trail, verification sees it and says where.</summary>
public sealed class TamperTests
{
    [Fact]
    public async Task A_trail_as_it_was_written_verifies_and_goes_on_after_a_stop()
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(2);
        await trail.StopAsync();
        Assert.Empty(await trail.VerifyAsync());
        await trail.StartAsync();
        await trail.FillAsync(1);
        await trail.StopAsync();
        Assert.Empty(await trail.VerifyAsync());
        // Every number once, in order.
        var numbers = trail.Directory.Segments().SelectMany(trail.Lines).Select(line => System.Text.Encoding.UTF8.GetBytes(line))
            .Where(line => TrailLine.SequenceOf(line) > 0 && TrailLine.KindOf(line) != TrailLine.Carried).Select(line => TrailLine.SequenceOf(line)).ToList();
        Assert.Equal(Enumerable.Range(1, numbers.Count).Select(n => (long)n), numbers);
    }

    [Theory]
    [InlineData("flip a byte of a record")]
    [InlineData("remove a record")]
    [InlineData("swap two records")]
    [InlineData("change a record and its hash")]
    [InlineData("add a record")]
    [InlineData("cut the tail of a sealed segment")]
    [InlineData("cut in the middle of a line")]
    [InlineData("remove the seal")]
    [InlineData("forge the seal")]
    [InlineData("write behind the seal")]
    [InlineData("change the head")]
    [InlineData("remove the segment")]
    [InlineData("remove the first segment")]
    [InlineData("remove the end of the trail")]
    [InlineData("exchange two segments")]
    [InlineData("rechain the segment without the key")]
    [InlineData("change a record of the segment that is written")]
    public async Task What_is_done_to_a_segment_is_seen(string what)
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(3);
        // Until the last seal is noted in the database.
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, TestContext.Current.CancellationToken);
        await trail.StopAsync();
        var segments = trail.Directory.Segments();
        var number = segments[1];
        var lines = trail.Lines(number);
        var middle = lines.FindIndex(lines.Count / 2, static line => line.Contains("BatchGetImage", StringComparison.Ordinal));
        switch (what)
        {
            case "flip a byte of a record":
                lines[middle] = lines[middle].Replace("10.0.0.", "10.0.1.", StringComparison.Ordinal);
                break;
            case "remove a record":
                lines.RemoveAt(middle);
                break;
            case "swap two records":
                (lines[middle], lines[middle + 1]) = (lines[middle + 1], lines[middle]);
                break;
            case "change a record and its hash":
                lines = Rechain(lines, middle, only: true);
                break;
            case "add a record":
                lines.Insert(middle, lines[middle]);
                break;
            case "cut the tail of a sealed segment":
                lines.RemoveRange(lines.Count - 20, 20);
                break;
            case "cut in the middle of a line":
                lines.RemoveRange(middle, lines.Count - middle);
                trail.WriteLines(number, lines);
                await File.AppendAllTextAsync(trail.Directory.PathOf(number), "{\"q\":17,\"k\":\"r\"", TestContext.Current.CancellationToken);
                lines = null!;
                break;
            case "remove the seal":
                lines.RemoveAt(lines.Count - 1);
                break;
            case "forge the seal":
                lines[^1] = lines[^1].Replace("\"mac\":\"", "\"mac\":\"A", StringComparison.Ordinal);
                lines = Rechain(lines, lines.Count - 1, only: true);
                break;
            case "write behind the seal":
                lines.Add(lines[middle]);
                break;
            case "change the head":
                lines[0] = lines[0].Replace("\"torn\":\"\"", "\"torn\":\"x\"", StringComparison.Ordinal);
                lines = Rechain(lines, 0, only: false);
                break;
            case "remove the segment":
                trail.Directory.Delete(number);
                lines = null!;
                break;
            case "remove the first segment":
                trail.Directory.Delete(segments[0]);
                lines = null!;
                break;
            case "remove the end of the trail":
                trail.Directory.Delete(segments[^1]);
                trail.Directory.Delete(segments[^2]);
                lines = null!;
                break;
            case "exchange two segments":
                trail.WriteLines(number, trail.Lines(segments[0]));
                trail.WriteLines(segments[0], lines);
                lines = null!;
                break;
            case "rechain the segment without the key":
                lines[middle] = lines[middle].Replace("10.0.0.", "10.0.1.", StringComparison.Ordinal);
                lines = Rechain(lines, middle, only: false);
                break;
            case "change a record of the segment that is written":
                number = segments[^1];
                lines = trail.Lines(number);
                middle = lines.FindIndex(static line => line.Contains("BatchGetImage", StringComparison.Ordinal));
                lines[middle] = lines[middle].Replace("10.0.0.", "10.0.1.", StringComparison.Ordinal);
                break;
        }

        if (lines is not null) trail.WriteLines(number, lines);
        var findings = await trail.VerifyAsync();
        Assert.Contains(findings, static finding => finding.Kind == TrailFindingKind.Damage);
    }

    [Fact]
    public async Task A_cut_segment_stays_damaged_when_the_server_has_started_again()
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(1);
        await trail.StopAsync();
        var number = trail.Directory.Segments()[^1];
        var lines = trail.Lines(number);
        var at = lines.FindIndex(static line => line.Contains("BatchGetImage", StringComparison.Ordinal));
        lines[at] = lines[at].Replace("10.0.0.", "10.0.1.", StringComparison.Ordinal);
        trail.WriteLines(number, lines);
        await trail.StartAsync();
        await trail.FillAsync(1);
        await trail.StopAsync();
        Assert.Contains(await trail.VerifyAsync(), finding => finding.Kind == TrailFindingKind.Damage && finding.Segment == number);
    }

    [Theory]
    [InlineData("the sealed end")]
    [InlineData("the segment that was written")]
    [InlineData("all")]
    public async Task An_end_that_was_removed_stays_missed_when_the_server_has_started_again(string what)
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(3);
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, TestContext.Current.CancellationToken);
        await trail.StopAsync();
        var segments = trail.Directory.Segments();
        foreach (var number in what switch { "all" => segments, "the sealed end" => segments[^2..], _ => segments[^1..] }) trail.Directory.Delete(number);
        // Twice, with as many segments as were there before: nothing that is written later covers the gap.
        for (var start = 0; start < 2; start++)
        {
            await trail.StartAsync();
            await trail.FillAsync(3);
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, TestContext.Current.CancellationToken);
            await trail.StopAsync();
            Assert.Contains(await trail.VerifyAsync(), static finding => finding.Kind == TrailFindingKind.Damage);
        }
    }

    [Fact]
    public async Task A_torn_last_line_is_a_note_and_the_chain_goes_on()
    {
        await using var trail = await TrailFiles.OpenAsync();
        await trail.FillAsync(1);
        await trail.StopAsync();
        var number = trail.Directory.Segments()[^1];
        // Half a line, as a write that the kernel did not finish.
        var file = trail.Directory.PathOf(number);
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        var end = Array.IndexOf(bytes, (byte)0);
        "{\"q\":99,\"k\":\"r\",\"t\":1"u8.CopyTo(bytes.AsSpan(end));
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(await trail.VerifyAsync(), static finding => finding.Kind == TrailFindingKind.Damage);
        await trail.StartAsync();
        await trail.FillAsync(1);
        await trail.StopAsync();
        var findings = await trail.VerifyAsync();
        Assert.Contains(findings, finding => finding.Kind == TrailFindingKind.Note && finding.Segment == number);
        Assert.DoesNotContain(findings, static finding => finding.Kind == TrailFindingKind.Damage);
    }

    [Fact]
    public async Task A_call_that_was_begun_and_never_ended_is_told_as_unknown()
    {
        await using var trail = await TrailFiles.OpenAsync();
        var at = trail.Service!.Now;
        var begun = await trail.Service.Log.BeginAsync(TrailFiles.Payload(TrailLine.Begin, at, 0, "x"), at, TrailPromise.Synced, CancellationToken.None);
        await begun!.Value.Kept;
        // The beginning is carried over to the segment that is last when the server goes.
        await trail.FillAsync(2);
        await trail.StopAsync();
        await trail.StartAsync();
        using var search = new TrailSearch(trail.Service!, TimeProvider.System);
        var page = await search.FindAsync(new TrailFilter { ErrorCode = CloudTrailJson.OutcomeUnknown }, newestFirst: true, null, 10, TestContext.Current.CancellationToken);
        var record = Assert.Single(page.Records);
        Assert.Equal("t0", record.Text("tag"));
        Assert.False(record.IsReadOnly);
        await trail.StopAsync();
        Assert.Empty(await trail.VerifyAsync());
    }

    /// <summary>Computes hashes anew, as who knows the format and not the key would: from a line on, or of that line alone.</summary>
    private static List<string> Rechain(List<string> lines, int from, bool only)
    {
        var chain = new byte[TrailLine.HashSize];
        if (from > 0) Assert.True(TrailLine.TryReadHash(System.Text.Encoding.UTF8.GetBytes(lines[from - 1]), chain));
        else TrailLine.ReadHash(System.Text.Json.JsonDocument.Parse(lines[0]).RootElement.GetProperty("p").GetString())!.CopyTo(chain, 0);
        for (var i = from; i < (only ? from + 1 : lines.Count); i++)
        {
            var content = System.Text.Encoding.UTF8.GetBytes(lines[i][..^TrailLine.EndingSize].Replace("10.0.0.", "10.0.1.", StringComparison.Ordinal));
            var buffer = new byte[TrailLine.HashSize + content.Length + TrailLine.EndingSize + 1];
            content.CopyTo(buffer, TrailLine.HashSize);
            var size = TrailLine.Finish(buffer, content.Length, chain);
            lines[i] = System.Text.Encoding.UTF8.GetString(buffer, TrailLine.HashSize, size - 1);
        }

        return lines;
    }
}
