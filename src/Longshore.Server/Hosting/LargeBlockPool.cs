using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Longshore.Server.Hosting;

/// <summary>
/// The memory that Kestrel reads requests into: blocks of 128 KiB, so that one system call takes up to 128 KiB from the
/// socket. Kestrel's own pool has blocks of 4 KiB; receiving a layer costs 2.5 times the processor time with those
/// (docs/decisions/0005-large-receive-blocks.md).
/// </summary>
/// <remarks>
/// Memory is bounded twice. No more than <see cref="MaxLarge"/> large blocks are out at once: beyond that, as when thousands
/// of connections drip one byte each, callers get <see cref="SmallBlock"/>. No more than <see cref="MaxKept"/> are kept for
/// reuse. Blocks are pinned arrays, because the socket reads into them without the collector's leave.
/// </remarks>
internal sealed class LargeBlockPool : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    /// <summary>Bytes of a large block.</summary>
    public const int LargeBlock = 128 * 1024;

    /// <summary>Bytes of a block when large ones are scarce: that of Kestrel's own pool.</summary>
    public const int SmallBlock = 4 * 1024;

    /// <summary>Most large blocks in use: 32 MiB.</summary>
    public const int MaxLarge = 256;

    /// <summary>Most blocks kept for reuse: 8 MiB.</summary>
    public const int MaxKept = 64;

    private readonly ConcurrentStack<Block> kept = new();
    private int keptCount;
    private int largeInUse;

    /// <inheritdoc/>
    public override int MaxBufferSize => LargeBlock;

    /// <summary>Large blocks in use.</summary>
    public int LargeInUse => Volatile.Read(ref largeInUse);

    /// <summary>Blocks kept for reuse.</summary>
    public int Kept => Volatile.Read(ref keptCount);

    /// <summary>This pool, for every part of Kestrel: blocks that one listener gave back serve another.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options) => this;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, LargeBlock);
        if (Interlocked.Increment(ref largeInUse) > MaxLarge)
        {
            Interlocked.Decrement(ref largeInUse);
            return new SmallOwner(Math.Max(minBufferSize, SmallBlock));
        }
        if (!kept.TryPop(out var block)) return new Block(this);
        Interlocked.Decrement(ref keptCount);
        block.Take();
        return block;
    }

    /// <inheritdoc/>
    /// <remarks>Parts of Kestrel dispose what they take to be their own pool; the others go on.</remarks>
    protected override void Dispose(bool disposing)
    {
    }

    private bool TakeBack(Block block)
    {
        Interlocked.Decrement(ref largeInUse);
        if (Interlocked.Increment(ref keptCount) <= MaxKept)
        {
            kept.Push(block);
            return true;
        }
        Interlocked.Decrement(ref keptCount);
        return false;
    }

    private sealed class Block(LargeBlockPool pool) : IMemoryOwner<byte>
    {
        private readonly byte[] array = GC.AllocateUninitializedArray<byte>(LargeBlock, pinned: true);
        private int taken = 1;

        // A block that is lost instead of given back must not count as in use for ever. Kept blocks are never collected.
        ~Block() => Interlocked.Decrement(ref pool.largeInUse);

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(array, 0, LargeBlock);

        public void Take() => taken = 1;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref taken, 0) == 1 && !pool.TakeBack(this)) GC.SuppressFinalize(this);
        }
    }

    private sealed class SmallOwner(int size) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<byte>(size, pinned: true), 0, size);

        public void Dispose()
        {
        }
    }
}
