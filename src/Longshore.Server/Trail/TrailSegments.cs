using System.Globalization;
using System.Text;
using Longshore.Storage.Files;
using Microsoft.Win32.SafeHandles;

namespace Longshore.Server.Trail;

/// <summary>
/// The segment that is written, and the prepared one behind it. Used by the writer's thread alone, but for <see cref="Offer"/>. A failed write
/// leaves everything as it was: the same bytes go to the same place when it is tried again.
/// </summary>
internal sealed class TrailSegments(TrailDirectory directory, TrailKeys keys, TimeProvider time, TrailOptions options) : IDisposable
{
    /// <summary>Room in each segment that only its marks and its seal use, in bytes.</summary>
    public const int TailReserve = 4096;

    private const int HeadReserve = 1024;
    private const int LowRoom = 32 * 1024;
    private const int FlushAt = 1 << 20;

    // Begun calls whose end is not in the trail yet, as they were begun: repeated at the head of each new segment, so that a start after a crash
    // finds them all in the last one.
    private readonly Dictionary<long, byte[]> open = [];
    private readonly byte[] chain = new byte[TrailLine.HashSize];
    private readonly Lock offer = new();
    private byte[] output = new byte[256 * 1024];
    private int outputUsed;
    private SafeFileHandle? file;
    private TrailSegmentInfo info = new(0);
    private long position;
    private int capacity;
    private DateTimeOffset openedAt;
    private int prepared;
    private bool prepareFailed;
    private long syncedSequence;
    private string? afterDamage;

    /// <summary>Bytes that records can still take.</summary>
    public long Room
    {
        get
        {
            var here = file is null ? 0 : Math.Max(0, capacity - position - outputUsed - TailReserve - TrailLine.MaxLine);
            lock (offer) return here + (prepared == 0 ? 0 : Math.Max(0, prepared - HeadReserve - TailReserve - TrailLine.MaxLine));
        }
    }

    /// <summary>Whether nearly no room is left and no more could be made.</summary>
    public bool LacksRoom
    {
        get
        {
            lock (offer)
            {
                if (!prepareFailed) return false;
            }

            return Room < LowRoom;
        }
    }

    /// <summary>Whether a further segment should be prepared.</summary>
    public bool WantsPrepared
    {
        get
        {
            lock (offer) return prepared == 0;
        }
    }

    /// <summary>Told of every segment that was sealed.</summary>
    public Action<TrailSegmentInfo>? Sealed { get; set; }

    /// <summary>Told when a prepared segment was taken into use.</summary>
    public Action? Taken { get; set; }

    /// <summary>The segment that is written: its number, and bytes of it that are in the file. For readers of other threads.</summary>
    public TrailTail Tail { get; private set; } = new(0, 0);

    /// <summary>A segment of zeros lies at the place of the next one, or could not be made: 0.</summary>
    public void Offer(int size)
    {
        lock (offer)
        {
            prepared = size;
            prepareFailed = size == 0;
        }
    }

    /// <summary>Goes on where the trail ended.</summary>
    public void Open(TrailTip tip)
    {
        tip.Chain.CopyTo(chain, 0);
        info = tip.Segment;
        syncedSequence = tip.Segment.LastSequence;
        afterDamage = tip.Torn;
        if (tip.Resume)
        {
            var path = directory.PathOf(info.Number);
            file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
            capacity = (int)RandomAccess.GetLength(file);
            position = tip.Position;
            openedAt = time.GetUtcNow();
            Tail = new(info.Number, position);
        }

        foreach (var (sequence, payload) in tip.Open) open[sequence] = payload;
    }

    /// <summary>Puts a record behind the last one; it is in the file after <see cref="Flush"/>.</summary>
    /// <param name="payload">A JSON object that begins with its kind.</param>
    /// <param name="kind">That kind.</param>
    /// <param name="sequence">Its number.</param>
    /// <param name="begun">For an end: the number of its beginning.</param>
    /// <param name="at">Its time.</param>
    public void Append(ReadOnlySpan<byte> payload, char kind, long sequence, long begun, long at)
    {
        var size = payload.Length + TrailLog.LineOverhead;
        if (outputUsed >= FlushAt) Write();
        if (file is null) Activate();
        else if (position + outputUsed + size > capacity - TailReserve) Rotate();
        Put(payload, sequence);
        if (kind == TrailLine.Begin) open[sequence] = payload.ToArray();
        else if (begun != 0) open.Remove(begun);
        info.Count(sequence, at);
    }

    /// <summary>Brings what was put to the file; with <paramref name="sync"/>, behind an authenticated mark, to the disk.</summary>
    public void Flush(bool sync)
    {
        if (file is null)
        {
            if (WantsPrepared) return;
            Activate();
        }

        if (outputUsed > 0 || info.LastSequence > syncedSequence)
        {
            if (sync && position + outputUsed < capacity - 1024) PutMark();
            Write();
            if (sync)
            {
                AppendedFiles.SyncData(file!);
                syncedSequence = info.LastSequence;
            }
        }

        if (info.Records > 0 && time.GetUtcNow() - openedAt > options.SegmentAge && !WantsPrepared) Rotate();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        file?.Dispose();
        file = null;
    }

    private void Put(ReadOnlySpan<byte> payload, long sequence)
    {
        var line = Reserve(payload.Length + TrailLog.LineOverhead);
        var length = 0;
        if (sequence != 0)
        {
            "{\"q\":"u8.CopyTo(line);
            System.Buffers.Text.Utf8Formatter.TryFormat(sequence, line[5..], out var digits);
            length = 5 + digits;
            line[length++] = (byte)',';
        }
        else
        {
            line[length++] = (byte)'{';
        }

        payload[1..^1].CopyTo(line[length..]);
        length += payload.Length - 2;
        Finish(length);
    }

    private void Put(string payload) => Put(Encoding.UTF8.GetBytes(payload), 0);

    // A line is made behind 32 bytes of room, which its hash takes and the next line's bytes then cover.
    private Span<byte> Reserve(int size)
    {
        var needed = outputUsed + TrailLine.HashSize + size + TrailLine.EndingSize + 1;
        if (needed > output.Length) Array.Resize(ref output, Math.Max(needed, output.Length * 2));
        return output.AsSpan(outputUsed + TrailLine.HashSize);
    }

    private void Finish(int length)
    {
        var size = TrailLine.Finish(output.AsSpan(outputUsed), length, chain);
        output.AsSpan(outputUsed + TrailLine.HashSize, size).CopyTo(output.AsSpan(outputUsed));
        outputUsed += size;
    }

    private void Write()
    {
        if (outputUsed == 0) return;
        RandomAccess.Write(file!, output.AsSpan(0, outputUsed), position);
        position += outputUsed;
        outputUsed = 0;
        Tail = new(info.Number, position);
    }

    private void PutMark()
    {
        var (key, before) = (keys.CurrentId, TrailLine.Text(chain));
        Put(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"k":"m","s":{{syncedSequence}},"l":{{info.LastSequence}},"p":"{{before}}","key":{{key}},"mac":"{{keys.Mac(key, MarkText(info.Number, syncedSequence, before))}}"}"""));
    }

    /// <summary>What a mark authenticates.</summary>
    public static string MarkText(long segment, long synced, string chain) => string.Create(CultureInfo.InvariantCulture, $"mark {segment} {synced} {chain}");

    /// <summary>What a seal authenticates.</summary>
    public static string SealText(TrailSegmentInfo info, string chain) =>
        string.Create(CultureInfo.InvariantCulture, $"seal {info.Number} {info.Records} {info.FirstSequence} {info.LastSequence} {info.From} {info.To} {chain}");

    /// <summary>What the head of a segment authenticates.</summary>
    public static string HeadText(long segment, long first, string chain, string torn) => string.Create(CultureInfo.InvariantCulture, $"head {segment} {first} {chain} {torn}");

    private void Rotate()
    {
        if (WantsPrepared) throw new IOException("The trail has no room for a further segment.");
        Write();
        if (!info.IsSealed)
        {
            var (key, before) = (keys.CurrentId, TrailLine.Text(chain));
            Put(string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"k":"z","n":{{info.Records}},"f":{{info.FirstSequence}},"l":{{info.LastSequence}},"t0":{{info.From}},"t1":{{info.To}},"p":"{{before}}","key":{{key}},"mac":"{{keys.Mac(key, SealText(info, before))}}"}"""));
            info = info with { IsSealed = true, Chain = TrailLine.Text(chain) };
        }

        Write();
        AppendedFiles.SyncData(file!);
        syncedSequence = info.LastSequence;
        RandomAccess.SetLength(file!, position);
        file!.Dispose();
        file = null;
        Sealed?.Invoke(info);
        Activate();
    }

    private void Activate()
    {
        int size;
        lock (offer) size = prepared;
        if (size == 0) throw new IOException("The trail has no room for a segment.");
        var number = info.Number + 1;
        var first = info.LastSequence + 1;
        var path = directory.PathOf(number);
        var (key, before) = (keys.CurrentId, TrailLine.Text(chain));
        var kept = chain.ToArray();
        // The head is in the file before the file has its name: a segment without one is none.
        var handle = File.OpenHandle(directory.NextPath, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            var torn = afterDamage ?? "";
            Put(string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"k":"h","v":{{TrailLine.Version}},"n":{{number}},"f":{{first}},"at":{{TrailPayload.Micros(time.GetUtcNow())}},"p":"{{before}}","torn":"{{torn}}","key":{{key}},"mac":"{{keys.Mac(key, HeadText(number, first, before, torn))}}"}"""));
            foreach (var (sequence, payload) in open)
            {
                // {"k":"b",… as {"k":"c",…
                var carried = payload.ToArray();
                carried[6] = (byte)TrailLine.Carried;
                Put(carried, sequence);
            }

            RandomAccess.Write(handle, output.AsSpan(0, outputUsed), 0);
            AppendedFiles.SyncData(handle);
            File.Move(directory.NextPath, path);
            AppendedFiles.SyncDirectory(directory.Path);
        }
        catch
        {
            kept.CopyTo(chain, 0);
            outputUsed = 0;
            handle.Dispose();
            throw;
        }

        position = outputUsed;
        outputUsed = 0;
        capacity = size;
        file = handle;
        afterDamage = null;
        openedAt = time.GetUtcNow();
        info = new TrailSegmentInfo(number) { LastSequence = first - 1, FirstSequence = first };
        Tail = new(number, position);
        lock (offer) prepared = 0;
        Taken?.Invoke();
    }
}

/// <summary>What is known of a segment.</summary>
/// <param name="Number">From 1 on, without gaps.</param>
internal record struct TrailSegmentInfo(long Number)
{
    /// <summary>The first number that a record of it can have.</summary>
    public long FirstSequence { get; set; }

    /// <summary>The number of its last record; one less than the first of an empty one.</summary>
    public long LastSequence { get; set; }

    /// <summary>How many records.</summary>
    public long Records { get; set; }

    /// <summary>The earliest time of a record, microseconds since 1970; 0 without records.</summary>
    public long From { get; set; }

    /// <summary>The latest time.</summary>
    public long To { get; set; }

    /// <summary>Whether its seal was written.</summary>
    public bool IsSealed { get; set; }

    /// <summary>The hash of its last line, once sealed.</summary>
    public string? Chain { get; set; }

    /// <summary>Counts a record.</summary>
    public void Count(long sequence, long at)
    {
        LastSequence = sequence;
        Records++;
        From = From == 0 ? at : Math.Min(From, at);
        To = Math.Max(To, at);
    }
}

/// <summary>How far the segment that is written can be read.</summary>
/// <param name="Number">Its number; 0 for none.</param>
/// <param name="Length">Bytes of it that are in the file.</param>
internal sealed record TrailTail(long Number, long Length);

/// <summary>Where the trail ended when it was opened.</summary>
/// <param name="Segment">The last segment.</param>
/// <param name="Chain">The hash of the last good line; zeros for an empty trail.</param>
/// <param name="Position">Bytes of the last segment that are good.</param>
/// <param name="Resume">Whether it can be written on.</param>
/// <param name="Torn">Null, or how the last segment ends otherwise than written.</param>
/// <param name="Open">Begun calls without an end, by number.</param>
internal sealed record TrailTip(TrailSegmentInfo Segment, byte[] Chain, long Position, bool Resume, string? Torn, IReadOnlyList<KeyValuePair<long, byte[]>> Open);
