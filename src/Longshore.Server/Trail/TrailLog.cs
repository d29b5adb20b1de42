using System.Buffers.Binary;

namespace Longshore.Server.Trail;

/// <summary>A call that was begun in the trail.</summary>
/// <param name="Sequence">The number of its beginning.</param>
/// <param name="Kept">Completes when the beginning is where its <see cref="TrailPromise"/> wants it; fails when it cannot be brought there.</param>
internal readonly record struct TrailBegun(long Sequence, Task Kept);

/// <summary>
/// The one way into the trail. Callers copy their record into a buffer and go on; one thread numbers, chains, writes and syncs what has
/// queued up. Beginnings whose answer waits are written or synced at once, all that wait together; the rest within <see cref="SyncEvery"/>.
/// </summary>
/// <remarks>
/// <see cref="room"/> is what can still be promised: bytes of preallocated segments that nothing queued has claimed. A beginning is only taken
/// when its end fits too, so that a begun call can always be ended, on a full disk as well.
/// </remarks>
internal sealed class TrailLog : IDisposable
{
    /// <summary>Room kept for the end of each begun call, in bytes.</summary>
    public const int EndReserve = 2048;

    /// <summary>What a line takes beyond the record's own bytes: number, hash, line feed.</summary>
    public const int LineOverhead = 96;

    /// <summary>Bytes of records that may wait for the writer; callers beyond wait themselves.</summary>
    public const int MaxPending = 8 << 20;

    private const int WakeAt = 256 * 1024;
    private const int FrameHead = 4 + 1 + 8 + 8 + 8;
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(25);

    /// <summary>How long after it was taken a record is synced, when nobody waits for it.</summary>
    public static readonly TimeSpan SyncEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(10);

    private readonly object gate = new();
    private readonly TrailSegments segments;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Thread thread;

    private Pending filling = new();
    private Pending writing = new();
    private TaskCompletionSource roomChanged = NewSource();
    private long nextSequence;
    private long room;
    private long openBegins;
    private long lost;
    private long lostSince;
    private bool full;
    private bool stopping;

    /// <summary>Creates the log over opened segments; <see cref="Start"/> begins.</summary>
    public TrailLog(TrailSegments segments, TimeProvider time, ILogger<TrailLog> logger)
    {
        (this.segments, this.time, this.logger) = (segments, time, logger);
        thread = new Thread(Run) { IsBackground = true, Name = "trail" };
    }

    /// <summary>Whether the last attempt to make room failed: writes are refused and records of reads are counted instead of kept.</summary>
    public bool IsFull
    {
        get
        {
            lock (gate) return full;
        }
    }

    /// <summary>Begins to take records; the segments have been opened.</summary>
    /// <param name="firstSequence">The number of the next record.</param>
    /// <param name="begun">Begun calls whose end is still to come.</param>
    public void Start(long firstSequence, int begun)
    {
        lock (gate)
        {
            nextSequence = firstSequence;
            openBegins = begun;
            room = segments.Room;
            full = segments.LacksRoom;
        }

        thread.Start();
    }

    /// <summary>Begins a call. Null when its record cannot be kept: then nothing may be done.</summary>
    /// <param name="payload">The record: a JSON object that begins with its kind.</param>
    /// <param name="at">Its time, microseconds since 1970.</param>
    /// <param name="promise">What the answer waits for.</param>
    /// <param name="cancellationToken">Ends the wait for room.</param>
    public ValueTask<TrailBegun?> BeginAsync(ReadOnlySpan<byte> payload, long at, TrailPromise promise, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (TryBegin(payload, at, promise) is { } begun) return new(begun);
            if (full || stopping) return new((TrailBegun?)null);
        }

        return BeginSlowlyAsync(payload.ToArray(), at, promise, cancellationToken);
    }

    /// <summary>Takes the record of a call that has ended: waits while the writer is behind, and counts it as lost when the disk is full.</summary>
    /// <param name="payload">The record.</param>
    /// <param name="at">Its time.</param>
    /// <param name="begun">The number of its beginning; 0 for none.</param>
    public ValueTask AppendAsync(ReadOnlySpan<byte> payload, long at, long begun)
    {
        lock (gate)
        {
            if (TryAppend(payload, at, begun)) return ValueTask.CompletedTask;
        }

        return new(AppendSlowlyAsync(payload.ToArray(), at, begun));
    }

    /// <summary>Completes when everything that was taken before is in its file; synced when asked for.</summary>
    public Task FlushAsync(bool sync, CancellationToken cancellationToken)
    {
        Task written;
        lock (gate)
        {
            filling.Asked = true;
            filling.WantsSync |= sync;
            written = (filling.Written ??= NewSource()).Task;
            Monitor.Pulse(gate);
        }

        return written.WaitAsync(cancellationToken);
    }

    /// <summary>A prepared segment is there, or could not be made: the writer looks at the room anew.</summary>
    public void RoomChanged()
    {
        lock (gate)
        {
            filling.Asked = true;
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Writes and syncs what is left, and ends. Without effect on a log that never started.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (stopping) return;
            stopping = true;
            Monitor.Pulse(gate);
        }

        if (thread.IsAlive) thread.Join();
        segments.Dispose();
    }

    private TrailBegun? TryBegin(ReadOnlySpan<byte> payload, long at, TrailPromise promise)
    {
        var cost = payload.Length + LineOverhead;
        if (full || stopping || room - cost < (openBegins + 1) * EndReserve || filling.Used > MaxPending) return null;
        var sequence = Take(payload, TrailLine.Begin, at, 0, cost);
        openBegins++;
        if (promise == TrailPromise.Later) return new TrailBegun(sequence, Task.CompletedTask);
        var sync = promise == TrailPromise.Synced;
        if (!filling.Asked || (sync && !filling.WantsSync))
        {
            filling.Asked = true;
            filling.WantsSync |= sync;
            Monitor.Pulse(gate);
        }

        return new TrailBegun(sequence, (filling.Written ??= NewSource()).Task);
    }

    private bool TryAppend(ReadOnlySpan<byte> payload, long at, long begun)
    {
        var cost = payload.Length + LineOverhead;
        if (begun == 0)
        {
            // Nobody waits for a record of something that was not done, and a full disk must not stop reads: it is told later how many are missing.
            if (full || stopping) return Lose(at);
            if (room - cost < openBegins * EndReserve || filling.Used > MaxPending) return false;
        }
        else
        {
            openBegins--;
        }

        Take(payload, begun == 0 ? TrailLine.Plain : TrailLine.End, at, begun, cost);
        return true;
    }

    private bool Lose(long at)
    {
        if (lost++ == 0) lostSince = at;
        return true;
    }

    private long Take(ReadOnlySpan<byte> payload, char kind, long at, long begun, int cost)
    {
        var sequence = nextSequence++;
        var wake = filling.Used == 0;
        filling.Add(payload, kind, sequence, begun, at);
        room -= cost;
        if (wake || (filling.Used >= WakeAt && filling.Used - payload.Length - FrameHead < WakeAt)) Monitor.Pulse(gate);
        return sequence;
    }

    private async ValueTask<TrailBegun?> BeginSlowlyAsync(byte[] payload, long at, TrailPromise promise, CancellationToken cancellationToken)
    {
        var deadline = time.GetTimestamp();
        while (time.GetElapsedTime(deadline) < MaxWait)
        {
            Task change;
            lock (gate)
            {
                if (TryBegin(payload, at, promise) is { } begun) return begun;
                if (full || stopping) return null;
                change = roomChanged.Task;
                filling.Asked = true;
                Monitor.Pulse(gate);
            }

            await Task.WhenAny(change, Task.Delay(Retry, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }

        return null;
    }

    private async Task AppendSlowlyAsync(byte[] payload, long at, long begun)
    {
        while (true)
        {
            Task change;
            lock (gate)
            {
                if (TryAppend(payload, at, begun)) return;
                change = roomChanged.Task;
                filling.Asked = true;
                Monitor.Pulse(gate);
            }

            await Task.WhenAny(change, Task.Delay(Retry, time, CancellationToken.None));
        }
    }

    private void Run()
    {
        var dirty = false;
        var synced = time.GetTimestamp();
        while (true)
        {
            bool last;
            lock (gate)
            {
                while (filling.IsIdle && !stopping)
                {
                    if (!dirty)
                    {
                        Monitor.Wait(gate);
                        continue;
                    }

                    var left = SyncEvery - time.GetElapsedTime(synced);
                    if (left <= TimeSpan.Zero || !Monitor.Wait(gate, left)) break;
                }

                // Reads are gathered; whoever waits is not kept waiting.
                if (filling is { Asked: false, Used: < WakeAt } && !stopping && filling.Used > 0) Monitor.Wait(gate, Gather);
                (filling, writing) = (writing, filling);
                last = stopping;
            }

            var sync = writing.WantsSync || last || (dirty && time.GetElapsedTime(synced) >= SyncEvery);
            dirty |= writing.Used > 0;
            if (WriteBatch(sync) && sync)
            {
                dirty = false;
                synced = time.GetTimestamp();
            }

            lock (gate)
            {
                writing.Reset();
                if (last && filling.Used == 0) return;
            }
        }
    }

    private bool WriteBatch(bool sync)
    {
        var failed = false;
        Exception? failure = null;
        var offset = 0;
        while (true)
        {
            try
            {
                while (offset < writing.Used) offset = WriteNext(offset);
                segments.Flush(sync);
                break;
            }
#pragma warning disable CA1031 // Whatever the disk has against it, what was taken is kept and tried again: no record is dropped here.
            catch (Exception e)
#pragma warning restore CA1031
            {
                if (!failed) logger.TrailNotWritten(e);
                failed = true;
                failure = e;
                // Answers that wait must fail now: nobody may be told that what they did is on record.
                bool ending;
                lock (gate)
                {
                    full = true;
                    writing.Written?.TrySetException(new IOException("The trail cannot be written: " + e.Message, e));
                    ending = stopping;
                }

                if (ending) break;
                lock (gate) Monitor.Wait(gate, Retry);
            }
        }

        Complete(failed && failure is not null ? failure : null);
        return failure is null;
    }

    private int WriteNext(int offset)
    {
        var frame = writing.Bytes.AsSpan(offset, writing.Used - offset);
        var length = BinaryPrimitives.ReadInt32LittleEndian(frame);
        segments.Append(
            frame.Slice(FrameHead, length),
            (char)frame[4],
            BinaryPrimitives.ReadInt64LittleEndian(frame[5..]),
            BinaryPrimitives.ReadInt64LittleEndian(frame[13..]),
            BinaryPrimitives.ReadInt64LittleEndian(frame[21..]));
        return offset + FrameHead + length;
    }

    private void Complete(Exception? failure)
    {
        TaskCompletionSource? written;
        TaskCompletionSource changed;
        lock (gate)
        {
            var wasFull = full;
            full = segments.LacksRoom;
            if (wasFull != full) logger.TrailRoomChanged(full ? "is full: calls that change something are refused" : "has room again");
            room = segments.Room - filling.Cost;
            if (!full && lost > 0)
            {
                Span<byte> gap = stackalloc byte[256];
                Take(gap[..TrailPayload.WriteGap(gap, time.GetUtcNow(), lost, lostSince)], TrailLine.Plain, lostSince, 0, 256);
                lost = 0;
            }

            written = failure is null ? writing.Written : null;
            (changed, roomChanged) = (roomChanged, NewSource());
        }

        written?.TrySetResult();
        changed.TrySetResult();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Records that wait: frames of length, kind, number, number of the beginning, time, and the record's bytes.</summary>
    private sealed class Pending
    {
        private const int KeptBytes = 1 << 20;

        public byte[] Bytes { get; private set; } = new byte[64 * 1024];

        public int Used { get; private set; }

        public long Cost { get; private set; }

        /// <summary>Whether somebody waits for this batch: no gathering.</summary>
        public bool Asked { get; set; }

        /// <summary>Whether they wait for its sync, too.</summary>
        public bool WantsSync { get; set; }

        public TaskCompletionSource? Written { get; set; }

        public bool IsIdle => Used == 0 && !Asked;

        public void Add(ReadOnlySpan<byte> payload, char kind, long sequence, long begun, long at)
        {
            var size = FrameHead + payload.Length;
            if (Used + size > Bytes.Length)
            {
                var larger = new byte[Math.Max(Bytes.Length * 2, Used + size)];
                Bytes.AsSpan(0, Used).CopyTo(larger);
                Bytes = larger;
            }

            var frame = Bytes.AsSpan(Used);
            BinaryPrimitives.WriteInt32LittleEndian(frame, payload.Length);
            frame[4] = (byte)kind;
            BinaryPrimitives.WriteInt64LittleEndian(frame[5..], sequence);
            BinaryPrimitives.WriteInt64LittleEndian(frame[13..], begun);
            BinaryPrimitives.WriteInt64LittleEndian(frame[21..], at);
            payload.CopyTo(frame[FrameHead..]);
            Used += size;
            Cost += payload.Length + LineOverhead;
        }

        public void Reset()
        {
            Used = 0;
            Cost = 0;
            WantsSync = Asked = false;
            Written = null;
            if (Bytes.Length > KeptBytes) Bytes = new byte[64 * 1024];
        }
    }
}
