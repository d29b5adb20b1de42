using System.Globalization;
using System.Text.Json;

namespace Longshore.Server.Trail;

/// <summary>
/// Finds where a trail ended. A segment that ends in whole lines and zeros is written on. One that ends otherwise is left as it is, for
/// <c>verify</c> and for people, and the head of the next segment says so under an authenticator.
/// </summary>
internal static class TrailRecovery
{
    /// <summary>Reads the last segment.</summary>
    public static TrailTip Find(TrailDirectory directory, TrailKeys keys)
    {
        var numbers = directory.Segments();
        if (numbers.Count == 0)
        {
            // All gone is not the same as never begun.
            var anchor = directory.ReadAnchor();
            return anchor is not null && keys.Verify(anchor.KeyId, anchor.Text, anchor.Mac)
                ? new TrailTip(new TrailSegmentInfo(anchor.Segment) { LastSequence = anchor.LastSequence }, TrailLine.ReadHash(anchor.Chain)!, 0, false, null, [])
                : new TrailTip(new TrailSegmentInfo(0), new byte[TrailLine.HashSize], 0, false, null, []);
        }

        var number = numbers[^1];
        using var stream = directory.OpenRead(number) ?? throw new IOException($"Segment {number} of the trail cannot be read.");
        using var lines = new TrailLines(stream);
        var info = new TrailSegmentInfo(number);
        var chain = new byte[TrailLine.HashSize];
        var open = new SortedDictionary<long, byte[]>();
        long good = 0;
        var first = true;
        string? bad = null;
        while (lines.TryRead(out var line))
        {
            if (first && !TryReadHead(line, chain, ref info))
            {
                bad = "has no head";
                break;
            }

            first = false;
            if (info.IsSealed || !TrailLine.TryFollow(line, chain))
            {
                bad = string.Create(CultureInfo.InvariantCulture, $"breaks after record {info.LastSequence}");
                break;
            }

            good = lines.Position;
            Note(line, ref info, open);
        }

        if (bad is null && lines.Rest() is > 0 and var rest) bad = string.Create(CultureInfo.InvariantCulture, $"ends in {rest} bytes of no line after record {info.LastSequence}");
        if (bad is null && first) bad = "is empty";
        if (info.IsSealed) info.Chain = TrailLine.Text(chain);
        // A compressed segment was sealed; should it not be, it cannot be written on either.
        var resume = bad is null && !info.IsSealed && File.Exists(directory.PathOf(number));
        return new TrailTip(info, chain, good, resume, bad is null ? null : $"segment {number} {bad}", [.. open]);
    }

    /// <summary>Where to go on when segments are gone that the database knows of: behind the last of them. Else where the files end.</summary>
    public static TrailTip After(TrailHead? head, TrailTip tip)
    {
        if (head is null || head.Last <= tip.Segment.Number) return tip;
        // An unknown chain leads on from a gap: no segment has zeros for the hash of the one before it but the first.
        var chain = head.Segment == head.Last ? TrailLine.ReadHash(head.Chain) : null;
        var info = new TrailSegmentInfo(head.Last) { LastSequence = Math.Max(head.LastSequence, tip.Segment.LastSequence) };
        return new TrailTip(info, chain ?? new byte[TrailLine.HashSize], 0, false, tip.Torn, tip.Open);
    }

    /// <summary>How many bytes of a segment, perhaps one that is being written to, are whole lines of its chain.</summary>
    public static long GoodLength(Stream segment, long number)
    {
        using var lines = new TrailLines(segment);
        var info = new TrailSegmentInfo(number);
        var chain = new byte[TrailLine.HashSize];
        long good = 0;
        while (lines.TryRead(out var line))
        {
            if (good == 0 && !TryReadHead(line, chain, ref info)) break;
            if (!TrailLine.TryFollow(line, chain)) break;
            good = lines.Position;
        }

        return good;
    }

    private static bool TryReadHead(ReadOnlySpan<byte> line, byte[] chain, ref TrailSegmentInfo info)
    {
        if (TrailLine.KindOf(line) != TrailLine.Head) return false;
        try
        {
            using var head = JsonDocument.Parse(line.ToArray());
            var before = TrailLine.ReadHash(head.RootElement.GetProperty("p").GetString());
            if (before is null || head.RootElement.GetProperty("n").GetInt64() != info.Number) return false;
            before.CopyTo(chain, 0);
            info.FirstSequence = head.RootElement.GetProperty("f").GetInt64();
            info.LastSequence = info.FirstSequence - 1;
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    private static void Note(ReadOnlySpan<byte> line, ref TrailSegmentInfo info, SortedDictionary<long, byte[]> open)
    {
        var sequence = TrailLine.SequenceOf(line);
        switch (TrailLine.KindOf(line))
        {
            case TrailLine.Seal:
                info.IsSealed = true;
                return;
            case TrailLine.Head or TrailLine.Mark:
                return;
            case TrailLine.Carried:
                open[sequence] = Payload(line);
                return;
            case TrailLine.Begin:
                open[sequence] = Payload(line);
                break;
            case TrailLine.End or TrailLine.Unknown:
                open.Remove(BegunOf(line));
                break;
        }

        info.Count(sequence, TrailLine.TimeOf(line));
    }

    /// <summary>The number of the beginning that an end is of.</summary>
    public static long BegunOf(ReadOnlySpan<byte> line)
    {
        var at = line[..Math.Min(line.Length, 128)].IndexOf(",\"b\":"u8);
        return at >= 0 && System.Buffers.Text.Utf8Parser.TryParse(line[(at + 5)..], out long begun, out _) ? begun : 0;
    }

    /// <summary>The record's own bytes: without its number and hash, and as a beginning.</summary>
    private static byte[] Payload(ReadOnlySpan<byte> line)
    {
        var comma = line.IndexOf((byte)',');
        byte[] payload = [(byte)'{', .. line[(comma + 1)..^TrailLine.EndingSize], (byte)'}'];
        payload[6] = (byte)TrailLine.Begin;
        return payload;
    }

    /// <summary>The record of a begun call that never ended: {"k":"b","t":… becomes {"k":"u","t":…,"b":NUMBER….</summary>
    public static byte[] Unknown(byte[] begin, long sequence)
    {
        var text = System.Text.Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $",\"b\":{sequence}"));
        var at = 8 + begin.AsSpan(8).IndexOfAny((byte)',', (byte)'}');
        // Behind the time, which follows the kind.
        var second = begin.AsSpan(at + 1).IndexOfAny((byte)',', (byte)'}');
        at = begin[at] == (byte)',' && second >= 0 ? at + 1 + second : at;
        byte[] unknown = [.. begin.AsSpan(0, at), .. text, .. begin.AsSpan(at)];
        unknown[6] = (byte)TrailLine.Unknown;
        return unknown;
    }
}
