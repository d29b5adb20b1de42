using System.Diagnostics.Metrics;

namespace Longshore.Server.Hosting.Telemetry;

/// <summary>
/// Calls, as metrics of the meter <c>Longshore.Server</c>. Labels are API names and outcomes: never a repository, a
/// principal or anything else that grows with the registry.
/// </summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Longshore.Server";

    private readonly Meter meter = new(MeterName);
    private readonly Counter<long> calls;

    /// <summary>Creates the instruments.</summary>
    public ServerMetrics()
    {
        calls = meter.CreateCounter<long>("longshore.calls", "{call}", "Calls by API name and outcome; registry traffic under its API names.");
    }

    /// <summary>Whether anybody listens to calls.</summary>
    public bool CountsCalls => calls.Enabled;

    /// <summary>Counts a call.</summary>
    public void Call(string source, string name, string outcome) =>
        calls.Add(1, new("longshore.api", source), new("longshore.operation", name), new("longshore.outcome", outcome));

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();
}
