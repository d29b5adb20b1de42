using System.Numerics;
using System.Text;

namespace Longshore.Server.Trail;

/// <summary>A Bloom filter: which values a segment may hold. Says yes to about one in a hundred that it does not, never no to one that it does.</summary>
internal sealed class TrailBloom
{
    private const int BitsPerValue = 10;
    private const int Probes = 7;
    private const int SmallestBytes = 64;

    private readonly byte[] bits;

    /// <summary>A filter as it was stored: a power of two of bytes.</summary>
    public TrailBloom(byte[] bits) => this.bits = bits;

    /// <summary>The stored form.</summary>
    public ReadOnlySpan<byte> Bytes => bits;

    /// <summary>Whether bytes can be a filter.</summary>
    public static bool IsValid(byte[] bytes) => bytes.Length >= SmallestBytes && BitOperations.IsPow2(bytes.Length);

    /// <summary>A filter of values by their hashes.</summary>
    public static TrailBloom Of(IReadOnlyCollection<ulong> hashes)
    {
        var bloom = new TrailBloom(new byte[BitOperations.RoundUpToPowerOf2((uint)Math.Max(SmallestBytes, hashes.Count * BitsPerValue / 8))]);
        foreach (var hash in hashes)
        {
            for (var probe = 0; probe < Probes; probe++)
            {
                var bit = bloom.Bit(hash, probe);
                bloom.bits[bit >> 3] |= (byte)(1 << (int)(bit & 7));
            }
        }

        return bloom;
    }

    /// <summary>Whether the segment may hold the value.</summary>
    public bool Contains(char kind, string value)
    {
        var hash = Hash(kind, value);
        for (var probe = 0; probe < Probes; probe++)
        {
            var bit = Bit(hash, probe);
            if ((bits[bit >> 3] & (1 << (int)(bit & 7))) == 0) return false;
        }

        return true;
    }

    /// <summary>FNV-1a, then mixed (the finisher of MurmurHash3): stored, so it never changes.</summary>
    public static ulong Hash(char kind, string value)
    {
        var hash = (14695981039346656037UL ^ kind) * 1099511628211UL;
        foreach (var b in Encoding.UTF8.GetBytes(value)) hash = (hash ^ b) * 1099511628211UL;
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdUL;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53UL;
        return hash ^ (hash >> 33);
    }

    private uint Bit(ulong hash, int probe) => ((uint)hash + ((uint)probe * ((uint)(hash >> 32) | 1))) & (((uint)bits.Length * 8) - 1);
}
