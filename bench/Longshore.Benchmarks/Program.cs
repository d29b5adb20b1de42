using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(Longshore.Benchmarks.DigestBenchmarks).Assembly).Run(args);
