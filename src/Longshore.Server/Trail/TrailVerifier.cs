using System.Globalization;
using System.Text;
using System.Text.Json;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Trail;

/// <summary>How much a finding matters.</summary>
internal enum TrailFindingKind
{
    /// <summary>Explained and harmless: a crash, a key that was retired.</summary>
    Note,

    /// <summary>Records were changed, moved or removed.</summary>
    Damage,
}

/// <summary>What verification found at one place.</summary>
/// <param name="Kind">How much it matters.</param>
/// <param name="Segment">The segment; 0 for the trail as a whole.</param>
/// <param name="AfterRecord">The number of the last record that is good there; 0 when none is known.</param>
/// <param name="Text">A sentence for people.</param>
internal sealed record TrailFinding(TrailFindingKind Kind, long Segment, long AfterRecord, string Text);

/// <summary>What the database knows of the end of the trail.</summary>
/// <param name="Segment">The last segment that was sealed; 0 for none.</param>
/// <param name="LastSequence">The number of its last record.</param>
/// <param name="Chain">The hash of its last line.</param>
/// <param name="Begun">The segment that was being written; 0 when none is known.</param>
internal sealed record TrailHead(long Segment, long LastSequence, string Chain, long Begun)
{
    /// <summary>The last segment that is known to have been there.</summary>
    public long Last => Math.Max(Segment, Begun);
}

/// <summary>How far verification is, and in the end its result.</summary>
/// <param name="Segments">Segments checked.</param>
/// <param name="Of">Segments in all.</param>
/// <param name="Records">Records checked.</param>
internal readonly record struct TrailProgress(int Segments, int Of, long Records);

/// <summary>
/// Follows the chain from the oldest segment to the newest: every line's hash, every number, every seal, mark and head under its key, every
/// segment in its place, and the last seal that the database knows of.
/// </summary>
/// <param name="directory">The files.</param>
/// <param name="keys">The keys of seals.</param>
/// <param name="report">Takes findings.</param>
/// <param name="progress">Told after every segment.</param>
internal sealed class TrailVerifier(TrailDirectory directory, TrailKeys keys, Action<TrailFinding> report, Action<TrailProgress> progress)
{
    private byte[]? chain;
    private long nextSequence;
    private long records;
    private string? unsealed;
    private string? headChain;

    /// <summary>Checks everything.</summary>
    /// <param name="tail">The end of the segment that this process writes; null when none is known to be written.</param>
    /// <param name="head">What the database has of the last seal (<see cref="ReadHeadAsync"/>).</param>
    /// <param name="cancellationToken">Ends it between segments.</param>
    public TrailProgress Run(TrailTail? tail, TrailHead? head, CancellationToken cancellationToken)
    {
        var anchor = directory.ReadAnchor();
        if (anchor is not null && !IsGood(anchor.KeyId, anchor.Text, anchor.Mac, 0, "The note of what retention removed")) anchor = null;
        var numbers = directory.Segments().Where(number => anchor is null || number > anchor.Segment).ToList();
        var expected = (anchor?.Segment ?? 0) + 1;
        chain = anchor is null ? new byte[TrailLine.HashSize] : TrailLine.ReadHash(anchor.Chain);
        nextSequence = (anchor?.LastSequence ?? 0) + 1;
        var checkedSegments = 0;
        for (var i = 0; i < numbers.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var number = numbers[i];
            if (number != expected)
            {
                Damage(0, nextSequence - 1, number == expected + 1 ? $"Segment {expected} is missing." : $"Segments {expected} to {number - 1} are missing.");
                (chain, unsealed) = (null, null);
            }

            Check(number, i == numbers.Count - 1, tail?.Number == number ? tail.Length : long.MaxValue, head);
            expected = number + 1;
            progress(new TrailProgress(++checkedSegments, numbers.Count, records));
        }

        CheckHead(head, anchor, numbers);
        return new TrailProgress(checkedSegments, numbers.Count, records);
    }

    /// <summary>The rows of the last seal and of the segment that is written; null when there is neither.</summary>
    /// <param name="database">Keeps them.</param>
    /// <param name="setting"><see cref="TrailOptions.HeadSetting"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<TrailHead?> ReadHeadAsync(IDatabase database, string setting, CancellationToken cancellationToken)
    {
        var begun = TrailOptions.BegunSettingOf(setting);
        var rows = await database.ReadAsync(
            session => session.QueryAsync(
                "SELECT name, value FROM settings WHERE name IN (@head, @begun)",
                static row => (Name: row.GetString(0), Value: Encoding.UTF8.GetString(row.GetBytes(1))),
                ("@head", setting), ("@begun", begun)),
            cancellationToken);
        if (rows.Count == 0) return null;
        var head = new TrailHead(0, 0, "", 0);
        foreach (var (name, value) in rows)
        {
            if (name == begun) head = head with { Begun = Parse(value) };
            else if (value.Split(' ') is [var number, var sequence, var chain]) head = head with { Segment = Parse(number), LastSequence = Parse(sequence), Chain = chain };
        }

        return head;

        static long Parse(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    private void CheckHead(TrailHead? head, TrailAnchor? anchor, List<long> numbers)
    {
        if (head is null || head.Last <= (anchor?.Segment ?? 0)) return;
        if (numbers.Count == 0 || head.Last > numbers[^1])
            Damage(0, nextSequence - 1, $"The end of the trail is missing: segment {head.Last} was begun, and the last one here is {(numbers.Count == 0 ? "none" : numbers[^1])}.");
        else if (numbers.Contains(head.Segment) && headChain is not null && headChain != head.Chain)
            Damage(head.Segment, 0, $"Segment {head.Segment} is not the one that was sealed: the database knows another hash of its end.");
    }

    private void Check(long number, bool isLast, long length, TrailHead? head)
    {
        var info = new TrailSegmentInfo(number);
        try
        {
            using var stream = directory.OpenRead(number);
            if (stream is null) return;
            using var lines = new TrailLines(stream, length);
            if (!lines.TryRead(out var first) || !TryHead(first, number, ref info))
            {
                Damage(number, nextSequence - 1, $"Segment {number} does not begin with the head that it was given.");
                (chain, unsealed) = (null, null);
                return;
            }

            var broken = false;
            while (!broken && lines.TryRead(out var line)) broken = !Follow(line, ref info);
            End(lines, broken, isLast, length, ref info);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            Damage(number, info.LastSequence, $"Segment {number} cannot be read: {e.Message}");
            (chain, unsealed) = (null, null);
        }

        if (info.IsSealed && head?.Segment == number) headChain = info.Chain;
    }

    /// <summary>The head names the segment before it by the hash of its end: that is what holds segments together.</summary>
    private bool TryHead(ReadOnlySpan<byte> line, long number, ref TrailSegmentInfo info)
    {
        if (TrailLine.KindOf(line) != TrailLine.Head || Parse(line) is not { } head) return false;
        var (before, torn) = (Text(head, "p"), Text(head, "torn") ?? "");
        if (TrailLine.ReadHash(before) is not { } told || Number(head, "n") != number) return false;
        info.FirstSequence = Number(head, "f");
        info.LastSequence = info.FirstSequence - 1;
        if (!IsGood(Key(head), TrailSegments.HeadText(number, info.FirstSequence, before!, torn), Text(head, "mac"), number, $"The head of segment {number}")) return true;
        if (chain is not null && !told.AsSpan().SequenceEqual(chain))
            Damage(number, nextSequence - 1, $"Segment {number} does not follow the segment before it: records between them were changed or removed.");
        else if (chain is not null && info.FirstSequence != nextSequence)
            Damage(number, nextSequence - 1, $"Segment {number} begins with record {info.FirstSequence}, and {nextSequence} is expected.");
        if (unsealed is not null && torn.Length == 0) Damage(number - 1, nextSequence - 1, $"Segment {number - 1} has no seal: {unsealed}");
        else if (unsealed is not null) Note(number - 1, nextSequence - 1, $"The server ended without notice: {torn}. Nothing that had been acknowledged is missing.");
        unsealed = null;
        chain = told;
        nextSequence = info.FirstSequence;
        if (!TrailLine.TryFollow(line, chain)) Damage(number, 0, $"The head of segment {number} was changed.");
        return true;
    }

    /// <summary>False when the line is not the one that was written there.</summary>
    private bool Follow(ReadOnlySpan<byte> line, ref TrailSegmentInfo info)
    {
        var before = TrailLine.Text(chain);
        if (info.IsSealed || !TrailLine.TryFollow(line, chain)) return false;
        var kind = TrailLine.KindOf(line);
        switch (kind)
        {
            case TrailLine.Carried:
                return true;
            case TrailLine.Mark:
                if (Parse(line) is not { } mark || Text(mark, "p") != before) return false;
                IsGood(Key(mark), TrailSegments.MarkText(info.Number, Number(mark, "s"), before), Text(mark, "mac"), info.Number, $"A mark in segment {info.Number} after record {info.LastSequence}");
                return true;
            case TrailLine.Seal:
                if (Parse(line) is not { } seal || Text(seal, "p") != before) return false;
                CheckSeal(seal, before, ref info);
                return true;
        }

        if (TrailLine.SequenceOf(line) != nextSequence)
        {
            Damage(info.Number, info.LastSequence, $"Segment {info.Number} goes on with record {TrailLine.SequenceOf(line)}, and {nextSequence} is expected.");
            nextSequence = TrailLine.SequenceOf(line);
        }

        info.Count(nextSequence++, TrailLine.TimeOf(line));
        records++;
        return true;
    }

    private void CheckSeal(JsonElement seal, string before, ref TrailSegmentInfo info)
    {
        info.IsSealed = true;
        info.Chain = TrailLine.Text(chain);
        if (Number(seal, "n") != info.Records || Number(seal, "f") != info.FirstSequence || Number(seal, "l") != info.LastSequence || Number(seal, "t0") != info.From || Number(seal, "t1") != info.To)
            Damage(info.Number, info.LastSequence, $"The seal of segment {info.Number} is of other records: {Number(seal, "n")} of them, from {Number(seal, "f")} to {Number(seal, "l")}.");
        IsGood(Key(seal), TrailSegments.SealText(info, before), Text(seal, "mac"), info.Number, $"The seal of segment {info.Number}");
    }

    private void End(TrailLines lines, bool broken, bool isLast, long length, ref TrailSegmentInfo info)
    {
        if (!broken)
        {
            // Zeros are room that was never used; anything else was not written by the server in one piece.
            var rest = length == long.MaxValue ? lines.Rest() : 0;
            if (info.IsSealed)
            {
                if (rest > 0) Damage(info.Number, info.LastSequence, $"Segment {info.Number} goes on behind its seal.");
                return;
            }

            if (isLast)
            {
                if (rest > 0) Note(info.Number, info.LastSequence, $"The last segment ends in {rest} bytes of a line that was being written.");
                return;
            }

            unsealed = rest > 0 ? $"it ends in {rest} bytes of no line after record {info.LastSequence}." : $"it ends after record {info.LastSequence}.";
            return;
        }

        // Something that is not the line that belongs here. Was it on disk already when the server last made sure? Then a crash cannot have done it.
        var synced = MarkedBeyond(lines, info.Number);
        if (info.IsSealed) Damage(info.Number, info.LastSequence, $"Segment {info.Number} goes on behind its seal.");
        else if (synced > info.LastSequence || lines.SawSeal)
            Damage(info.Number, info.LastSequence, $"Segment {info.Number} is not as it was written after record {info.LastSequence}: a record was changed, moved or removed.");
        else if (isLast) Note(info.Number, info.LastSequence, $"The last segment ends in a line that was being written, after record {info.LastSequence}.");
        if (info.IsSealed) return;
        unsealed = $"it is not as it was written after record {info.LastSequence}.";
        if (!isLast && (synced > info.LastSequence || lines.SawSeal)) (chain, unsealed) = (null, null);
    }

    private long MarkedBeyond(TrailLines lines, long number)
    {
        long synced = 0;
        while (lines.TryRead(out var line))
        {
            var kind = TrailLine.KindOf(line);
            if (kind == TrailLine.Seal) lines.SawSeal = true;
            if (kind != TrailLine.Mark || Parse(line) is not { } mark) continue;
            if (keys.Verify(Key(mark), TrailSegments.MarkText(number, Number(mark, "s"), Text(mark, "p") ?? ""), Text(mark, "mac"))) synced = Math.Max(synced, Number(mark, "s"));
        }

        return synced;
    }

    private bool IsGood(uint key, string text, string? mac, long segment, string what)
    {
        if (keys.Mac(key, text) is null)
        {
            Note(segment, nextSequence - 1, $"{what} was authenticated with key {key}, which this server does not have any more: only the chain of hashes speaks for it.");
            return true;
        }

        if (keys.Verify(key, text, mac)) return true;
        Damage(segment, nextSequence - 1, $"{what} was not made by this server.");
        return false;
    }

    private void Damage(long segment, long after, string text) => report(new TrailFinding(TrailFindingKind.Damage, segment, after, text));

    private void Note(long segment, long after, string text) => report(new TrailFinding(TrailFindingKind.Note, segment, after, text));

    private static JsonElement? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line.ToArray());
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static uint Key(JsonElement element) => (uint)Math.Clamp(Number(element, "key"), 0, uint.MaxValue);

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : 0;
}
