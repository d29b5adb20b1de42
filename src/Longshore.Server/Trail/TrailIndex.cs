namespace Longshore.Server.Trail;

/// <summary>What is known of every segment that is no longer written: numbers and times. Values are in the summaries, read when a search asks.</summary>
internal sealed class TrailIndex(TrailDirectory directory, TrailKeys keys)
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<long, TrailSegmentInfo> segments = [];

    /// <summary>All of them, oldest first.</summary>
    public List<TrailSegmentInfo> All
    {
        get
        {
            lock (gate) return [.. segments.Values];
        }
    }

    /// <summary>Reads what there is, but for the segment that is being written.</summary>
    public void Load(long active)
    {
        foreach (var number in directory.Segments())
        {
            if (number == active) continue;
            if (!TrailSummary.TryRead(directory.SummaryPathOf(number), keys, out var info, out _) || info.Number != number) info = Scan(number);
            Add(info);
        }
    }

    /// <summary>Takes in a segment.</summary>
    public void Add(TrailSegmentInfo info)
    {
        lock (gate) segments[info.Number] = info;
    }

    /// <summary>Forgets a segment that was removed.</summary>
    public void Remove(long number)
    {
        lock (gate) segments.Remove(number);
    }

    /// <summary>Looks into a segment without a summary: sealed a moment ago, or ended by a crash.</summary>
    private TrailSegmentInfo Scan(long number)
    {
        var info = new TrailSegmentInfo(number);
        using var stream = directory.OpenRead(number);
        if (stream is null) return info;
        using var lines = new TrailLines(stream);
        var hash = new byte[TrailLine.HashSize];
        try
        {
            while (lines.TryRead(out var line))
            {
                if (TrailLine.KindOf(line) == TrailLine.Seal)
                {
                    info.IsSealed = true;
                    if (TrailLine.TryReadHash(line, hash)) info.Chain = TrailLine.Text(hash);
                }

                var sequence = TrailLine.SequenceOf(line);
                if (sequence == 0 || TrailLine.KindOf(line) == TrailLine.Carried) continue;
                if (info.FirstSequence == 0) info.FirstSequence = sequence;
                info.Count(sequence, TrailLine.TimeOf(line));
            }
        }
        catch (InvalidDataException)
        {
            // Damaged: what could be read is what there is. Verification says so.
        }

        return info;
    }
}
