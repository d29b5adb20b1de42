using System.Globalization;

namespace Longshore.Core.Lifecycle;

/// <summary>What runs an image, as far as its source tells.</summary>
/// <param name="Kind">Such as <c>Deployment</c> or <c>Lambda</c>.</param>
/// <param name="Cluster">Where.</param>
/// <param name="Namespace">In which part of it.</param>
/// <param name="Name">Its name.</param>
public sealed record Workload(string? Kind = null, string? Cluster = null, string? Namespace = null, string? Name = null)
{
    /// <summary>In a few words, such as <c>Deployment shop/api on prod-eu</c>.</summary>
    public override string ToString()
    {
        var name = Namespace is null ? Name : $"{Namespace}/{Name}";
        var text = string.Join(' ', new[] { Kind, name, Cluster is null ? null : $"on {Cluster}" }.Where(part => !string.IsNullOrEmpty(part)));
        return text.Length == 0 ? "a workload" : text;
    }
}

/// <summary>One workload that runs an image, and who says so.</summary>
/// <param name="Source">The source of the report.</param>
/// <param name="Workload">What runs it.</param>
public sealed record ImageUser(string Source, Workload Workload);

/// <summary>That an image is in use.</summary>
/// <param name="Count">By how many workloads.</param>
/// <param name="First">Some of them, at most <see cref="MostListed"/>.</param>
/// <param name="Through">The digest that runs, when it is not the image itself but an index that lists it or its subject; else null.</param>
public sealed record ImageUse(long Count, IReadOnlyList<ImageUser> First, string? Through = null)
{
    /// <summary>Workloads listed at the most.</summary>
    public const int MostListed = 3;

    /// <summary>What is said of it beside an image.</summary>
    public string Describe()
    {
        var through = Through is null ? "" : $" through {Through}";
        var first = string.Join(", ", First.Select(user => $"{user.Workload} (reported by {user.Source})"));
        var rest = Count - First.Count;
        return string.Create(CultureInfo.InvariantCulture, $"in use{through} by {first}{(rest > 0 ? $" and {rest} more" : "")}");
    }
}

/// <summary>A source that has been silent beyond its time to live: what it does not say may run nevertheless.</summary>
/// <param name="Name">Its name.</param>
/// <param name="LastReportAt">When it last reported.</param>
/// <param name="TimeToLive">How long a report is good.</param>
public sealed record StaleSource(string Name, DateTimeOffset LastReportAt, TimeSpan TimeToLive)
{
    /// <summary>Whether a source that reported then is stale. A report from the future, after a clock was put back, is not.</summary>
    public static bool IsStale(DateTimeOffset lastReportAt, TimeSpan timeToLive, DateTimeOffset now) => now - lastReportAt > timeToLive;

    /// <summary>What is said of it.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"the usage source {Name} has not reported since {ImageProtection.Moment(LastReportAt)} (time to live {TimeToLive.TotalSeconds:0} s): the repositories that it covers lose nothing until it does");
}
