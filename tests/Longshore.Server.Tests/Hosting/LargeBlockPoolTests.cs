using System.Buffers;
using Longshore.Server.Hosting;

namespace Longshore.Server.Tests.Hosting;

public sealed class LargeBlockPoolTests
{
    [Fact]
    public void Blocks_are_large_until_the_bound_and_small_beyond_it()
    {
        using var pool = new LargeBlockPool();
        var large = Enumerable.Range(0, LargeBlockPool.MaxLarge).Select(_ => pool.Rent(4096)).ToList();
        Assert.All(large, block => Assert.Equal(LargeBlockPool.LargeBlock, block.Memory.Length));
        using (var small = pool.Rent(4096)) Assert.Equal(LargeBlockPool.SmallBlock, small.Memory.Length);
        using (var asked = pool.Rent(10_000)) Assert.Equal(10_000, asked.Memory.Length);
        large.ForEach(block => block.Dispose());
        Assert.Equal((0, LargeBlockPool.MaxKept), (pool.LargeInUse, pool.Kept));
    }

    [Fact]
    public void Block_given_back_twice_is_kept_once()
    {
        using var pool = new LargeBlockPool();
        var block = pool.Rent();
        block.Dispose();
        block.Dispose();
        Assert.Equal((0, 1), (pool.LargeInUse, pool.Kept));
        using IMemoryOwner<byte> first = pool.Rent(), second = pool.Rent();
        Assert.False(first.Memory.Span.Overlaps(second.Memory.Span));
    }

    [Fact]
    public void More_than_a_block_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LargeBlockPool().Rent(LargeBlockPool.LargeBlock + 1));
}
