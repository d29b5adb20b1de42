using System.Buffers;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Longshore.Core;
using Longshore.Server.Content;

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

    /// <summary>The hash that uploads use, alone.</summary>
    [Benchmark(Baseline = true)]
    public object Hash()
    {
        using var hash = new RunningHash(DigestAlgorithm.Sha256);
        for (var at = 0; at < Total; at += Segment) hash.Append(source.AsSpan(at, Segment));
        return hash.Finish();
    }

    /// <summary>The hash behind one copy into a rented segment, as bytes arrive from a socket.</summary>
    [Benchmark]
    public object Copy_and_hash()
    {
        using var hash = new RunningHash(DigestAlgorithm.Sha256);
        var rented = ArrayPool<byte>.Shared.Rent(Segment);
        for (var at = 0; at < Total; at += Segment)
        {
            source.AsSpan(at, Segment).CopyTo(rented);
            hash.Append(rented.AsSpan(0, Segment));
        }

        ArrayPool<byte>.Shared.Return(rented);
        return hash.Finish();
    }
}
