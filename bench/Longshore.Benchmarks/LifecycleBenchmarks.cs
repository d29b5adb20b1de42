using System.Text;
using BenchmarkDotNet.Attributes;
using Longshore.Core.Lifecycle;

namespace Longshore.Benchmarks;

/// <summary>A policy of 50 rules on the images of one large repository. Required: 1,000,000 images under 2 s on one core, memory linear.</summary>
[MemoryDiagnoser]
[SimpleJob(iterationCount: 5, warmupCount: 2, invocationCount: 1)]
public class LifecycleBenchmarks
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
    private LifecyclePolicy policy = null!;
    private LifecycleImage[] images = [];

    /// <summary>Images of the repository.</summary>
    [Params(100_000, 1_000_000)]
    public int Images { get; set; }

    [GlobalSetup]
    public void Make()
    {
        var rules = new StringBuilder("{\"rules\":[");
        for (var i = 1; i <= 50; i++)
        {
            // Prefixes, patterns and lists of two; by count and by age.
            var tags = (i % 3) switch
            {
                0 => $"\"tagPrefixList\":[\"team{i}-\"]",
                1 => $"\"tagPatternList\":[\"*-{i}\"]",
                _ => $"\"tagPatternList\":[\"v{i}*\",\"*rc*{i}\"]",
            };
            var count = i % 2 == 0 ? "\"countType\":\"imageCountMoreThan\",\"countNumber\":1000" : "\"countType\":\"sinceImagePushed\",\"countUnit\":\"days\",\"countNumber\":30";
            rules.Append(i > 1 ? "," : "").Append($"{{\"rulePriority\":{i},\"selection\":{{\"tagStatus\":\"tagged\",{tags},{count}}},\"action\":{{\"type\":\"expire\"}}}}");
        }

        if (!LifecyclePolicyParser.TryParse(rules.Append("]}").ToString(), out var parsed, out var faults)) throw new InvalidOperationException(LifecyclePolicyFault.ToReason(faults));
        policy = parsed;
        images = new LifecycleImage[Images];
        for (var i = 0; i < images.Length; i++)
        {
            images[i] = new LifecycleImage
            {
                Id = i,
                Digest = $"sha256:{i:x64}",
                Tags = (i % 4) switch { 0 => [$"v{i % 60}.{i}", $"build-rc-{i % 60}"], 1 => [$"team{i % 60}-{i}"], 2 => [$"main-{i % 60}"], _ => [] },
                PushedAt = Now.AddMinutes(-i),
            };
        }
    }

    /// <summary>Decides about every image.</summary>
    [Benchmark]
    public object Evaluate() => LifecycleEvaluator.Evaluate(policy, images, Now);
}
