using System.Diagnostics.Metrics;

namespace Longshore.Server.Hosting.Jobs;

/// <summary>Runs of background jobs, as metrics of the meter <c>Longshore.Jobs</c>; costs nothing while nobody listens.</summary>
internal static class JobMetrics
{
    private static readonly Meter Meter = new("Longshore.Jobs");
    private static readonly Histogram<double> Durations = Meter.CreateHistogram<double>("longshore.job.duration", "s", "How long runs of background jobs took.");

    /// <summary>Counts a run that ended.</summary>
    public static void Ran(string kind, string outcome, TimeSpan duration) =>
        Durations.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("longshore.job.kind", kind), new("longshore.outcome", outcome));
}
