namespace Longshore.Server.Tests.Faults;

/// <summary>Tests that load the machine or measure patience: one after the other, beside nothing else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class StressCollection
{
    public const string Name = "Stress";
}
