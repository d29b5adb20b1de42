namespace Longshore.Server.Trail;

/// <summary>A page of a search.</summary>
/// <param name="Records">In the order asked for.</param>
/// <param name="Next">The position to go on from; null at the end. A page may be empty and yet have one: the search took its time.</param>
internal sealed record TrailPage(IReadOnlyList<TrailRecord> Records, long? Next);

/// <summary>Looks for records: only in segments whose times and values can match, newest or oldest first, a page at a time.</summary>
internal sealed class TrailSearch(TrailService trail, TimeProvider time) : IDisposable
{
    // Reading a segment costs some 50 ms of a processor: calls of the registry go first.
    private const int AtOnce = 2;
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(3);

    private readonly SemaphoreSlim turns = new(AtOnce);

    /// <summary>The account whose root may see all records.</summary>
    public string HomeAccount => trail.HomeAccount;

    /// <summary>Finds a page.</summary>
    /// <param name="filter">What is asked for.</param>
    /// <param name="newestFirst">The order.</param>
    /// <param name="after">The position of the page before; null for the first page.</param>
    /// <param name="limit">Most records.</param>
    /// <param name="cancellationToken">Ends it between segments.</param>
    public async Task<TrailPage> FindAsync(TrailFilter filter, bool newestFirst, long? after, int limit, CancellationToken cancellationToken)
    {
        if (!trail.IsOn) return new TrailPage([], null);
        // What was answered before this was asked is found.
        await trail.Log.FlushAsync(sync: false, cancellationToken);
        await turns.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Find(filter, newestFirst, after, limit, cancellationToken), cancellationToken);
        }
        finally
        {
            turns.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => turns.Dispose();

    private TrailPage Find(TrailFilter filter, bool newestFirst, long? after, int limit, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        // The tail before the index: a segment that is sealed in between is in both, and once in the list.
        var tail = trail.Tail;
        var segments = trail.Index.All;
        var last = segments.Count > 0 ? segments[^1] : default;
        if (tail.Number > last.Number) segments.Add(new TrailSegmentInfo(tail.Number) { FirstSequence = last.LastSequence + 1, LastSequence = long.MaxValue, Records = 1, To = long.MaxValue });
        if (newestFirst) segments.Reverse();
        var needles = filter.Needles();
        var found = new List<TrailRecord>();
        for (var i = 0; i < segments.Count; i++)
        {
            var segment = segments[i];
            if (!filter.MayBeIn(segment) || (after is { } position && (newestFirst ? segment.FirstSequence >= position : segment.LastSequence <= position))) continue;
            cancellationToken.ThrowIfCancellationRequested();
            // Without a summary, or with one that is not ours, the segment itself is read.
            if (!TrailSummary.TryRead(trail.Directory.SummaryPathOf(segment.Number), trail.Keys, out _, out var values) || filter.MayBeIn(values!))
                Read(segment, tail, filter, needles, newestFirst, after, limit + 1 - found.Count, found);
            if (found.Count > limit)
            {
                found.RemoveRange(limit, found.Count - limit);
                return new TrailPage(found, found[^1].Sequence);
            }

            if (time.GetElapsedTime(began) > Budget && i < segments.Count - 1) return new TrailPage(found, newestFirst ? segment.FirstSequence : segment.LastSequence);
        }

        return new TrailPage(found, null);
    }

    private void Read(TrailSegmentInfo segment, TrailTail tail, TrailFilter filter, List<byte[]> needles, bool newestFirst, long? after, int limit, List<TrailRecord> found)
    {
        using var stream = trail.Directory.OpenRead(segment.Number);
        if (stream is null) return;
        using var lines = new TrailLines(stream, segment.Number == tail.Number ? tail.Length : long.MaxValue);
        // Of the newest first, the last ones of the segment are wanted.
        var matches = new LinkedList<TrailRecord>();
        try
        {
            while (lines.TryRead(out var line))
            {
                if (after is { } position)
                {
                    var sequence = TrailLine.SequenceOf(line);
                    if (newestFirst && sequence >= position) break;
                    if (!newestFirst && sequence <= position) continue;
                }

                if (!HoldsAll(line, needles) || TrailRecord.Read(line) is not { } record || !filter.Matches(record)) continue;
                matches.AddLast(record);
                if (matches.Count <= limit) continue;
                if (!newestFirst) break;
                matches.RemoveFirst();
            }
        }
        catch (InvalidDataException)
        {
            // Damaged: what could be read is shown, and verification tells of the rest.
        }

        found.AddRange(newestFirst ? matches.Reverse() : matches);
    }

    private static bool HoldsAll(ReadOnlySpan<byte> line, List<byte[]> needles)
    {
        foreach (var needle in needles)
            if (line.IndexOf(needle) < 0) return false;
        return true;
    }
}
