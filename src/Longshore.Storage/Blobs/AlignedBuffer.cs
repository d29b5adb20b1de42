using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Memory from which the disk takes bytes by itself: on a page boundary, as direct I/O wants it. Pooled, and bounded:
/// with <see cref="MaxInUse"/> out, <see cref="TryRent"/> gives null and the caller does without.
/// </summary>
internal sealed unsafe class AlignedBuffer
{
    /// <summary>Bytes. Measured on NVMe, four writers: 0.11 ms of processor time a MiB with 128 KiB, 0.06 with 512 KiB and above.</summary>
    public const int Size = 512 * 1024;

    /// <summary>What offsets and lengths of direct I/O must be multiples of; no disk's logical block is larger.</summary>
    public const int Alignment = 4096;

    /// <summary>Most buffers in use: 32 MiB.</summary>
    public const int MaxInUse = 64;

    private const int MaxKept = 16;
    private static readonly ConcurrentBag<AlignedBuffer> Kept = [];
    private static int inUse;

    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc(Size, Alignment);

    private AlignedBuffer()
    {
    }

    ~AlignedBuffer() => NativeMemory.AlignedFree(_memory);

    /// <summary>All of it. Valid until <see cref="Return"/>.</summary>
    public Span<byte> Span => new(_memory, Size);

    /// <summary>A buffer, or null when too many are in use.</summary>
    public static AlignedBuffer? TryRent()
    {
        if (Interlocked.Increment(ref inUse) > MaxInUse)
        {
            Interlocked.Decrement(ref inUse);
            return null;
        }

        return Kept.TryTake(out var kept) ? kept : new AlignedBuffer();
    }

    /// <summary>Gives the buffer back; the caller forgets it.</summary>
    public void Return()
    {
        Interlocked.Decrement(ref inUse);
        if (Kept.Count < MaxKept) Kept.Add(this);
    }
}
