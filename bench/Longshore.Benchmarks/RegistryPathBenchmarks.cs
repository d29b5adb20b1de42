using BenchmarkDotNet.Attributes;
using Longshore.Core.Oci;

namespace Longshore.Benchmarks;

/// <summary>What it costs to read a path of the distribution API: paid by every request.</summary>
[MemoryDiagnoser]
public class RegistryPathBenchmarks
{
    private const string Blob = "/team/app/backend/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Benchmark(Baseline = true)]
    public RegistryPath Manifest_by_tag() => Parse("/team/app/backend/manifests/latest");

    [Benchmark]
    public RegistryPath Blob_by_digest() => Parse(Blob);

    [Benchmark]
    public RegistryPath Upload() => Parse("/team/app/backend/blobs/uploads/0192f0c1-7c5e-7d3a-8a52-5b6c1f0d9e11");

    [Benchmark]
    public RegistryPath Hostile_path_of_many_segments() => Parse(Hostile);

    private static readonly string Hostile = string.Concat(Enumerable.Repeat("/blobs/uploads/manifests/tags", 60));

    private static RegistryPath Parse(string path) => RegistryPath.TryParse(path, out var parsed) ? parsed : default;
}
