using System.Diagnostics.Metrics;
using Longshore.Server.Hosting.Telemetry;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>
/// Compares this server's clock with that of a shared database, which all its servers compare with: whose clocks agree with it agree with each other. Nothing is
/// decided by it; it is told once when they begin to differ, once when they agree again, and measured as <c>longshore.clock.difference</c>.
/// </summary>
internal sealed class DatabaseClock : IDisposable
{
    /// <summary>A difference that is told.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(1);

    private const int Attempts = 3;

    private readonly IDatabase database;
    private readonly TimeProvider time;
    private readonly ILogger<DatabaseClock> logger;
    private readonly Meter meter = new(ServerMetrics.MeterName);
    private volatile Difference? difference;
    private bool told;

    /// <summary>Creates the instrument; of a database that has no clock of its own nothing is measured.</summary>
    public DatabaseClock(IDatabase database, TimeProvider time, ILogger<DatabaseClock> logger)
    {
        (this.database, this.time, this.logger) = (database, time, logger);
        meter.CreateObservableGauge("longshore.clock.difference", Observe, "s", "How far this server's clock is ahead of the database's; negative: behind.");
    }

    /// <summary>Compares now.</summary>
    public async Task CompareAsync(CancellationToken cancellationToken)
    {
        if (await MeasureAsync(cancellationToken) is not var (ahead, uncertain)) return;
        difference = new Difference(ahead.TotalSeconds);
        // What the way to the database and back may account for is nobody's fault.
        var certain = ahead.Duration() - uncertain;
        if (!told && certain > Tolerance) logger.ClocksDiffer(Math.Round(ahead.Duration().TotalSeconds, 1), ahead > TimeSpan.Zero ? "ahead of" : "behind");
        else if (told && certain <= Tolerance) logger.ClocksAgree();
        told = certain > Tolerance;
    }

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    /// <summary>The best of a few looks: the database read its clock at some moment between question and answer.</summary>
    private async ValueTask<(TimeSpan Ahead, TimeSpan Uncertain)?> MeasureAsync(CancellationToken cancellationToken)
    {
        (TimeSpan Ahead, TimeSpan Uncertain)? best = null;
        for (var i = 0; i < Attempts; i++)
        {
            var asked = time.GetTimestamp();
            if (await database.ReadClockAsync(cancellationToken) is not { } theirs) return null;
            var (half, mine) = (time.GetElapsedTime(asked) / 2, time.GetUtcNow());
            if (best is null || half < best.Value.Uncertain) best = (mine - half - theirs, half);
        }

        return best;
    }

    private IEnumerable<Measurement<double>> Observe() => difference is { } last ? [new(last.Seconds)] : [];

    private sealed record Difference(double Seconds);
}
