using System.Buffers;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;

namespace Longshore.Benchmarks;

/// <summary>
/// SHA-256 over 16 MiB in pooled segments: the ceiling of every push, and how much of it a segment's size costs.
/// </summary>
[MemoryDiagnoser]
public class DigestBenchmarks
{
    private const int Total = 16 << 20;
    private readonly byte[] source = new byte[Total];

    /// <summary>Bytes hashed at once.</summary>
    [Params(16 << 10, 64 << 10, 256 << 10, 1 << 20)]
    public int Segment { get; set; }

    [GlobalSetup]
    public void Fill() => RandomNumberGenerator.Fill(source);

    /// <summary>The hash alone.</summary>
    [Benchmark(Baseline = true)]
    public byte[] Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var at = 0; at < Total; at += Segment) hash.AppendData(source, at, Segment);
        return hash.GetHashAndReset();
    }

    /// <summary>The hash behind one copy into a rented segment, as bytes arrive from a socket.</summary>
    [Benchmark]
    public byte[] Copy_and_hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var rented = ArrayPool<byte>.Shared.Rent(Segment);
        for (var at = 0; at < Total; at += Segment)
        {
            source.AsSpan(at, Segment).CopyTo(rented);
            hash.AppendData(rented, 0, Segment);
        }

        ArrayPool<byte>.Shared.Return(rented);
        return hash.GetHashAndReset();
    }
}
