using System.Text.Json.Serialization;
using Longshore.Core.Lifecycle;
using Longshore.Server.Protection;

namespace Longshore.Server.Management.Usage;

/// <summary>A report, or a part of one.</summary>
/// <param name="TtlSeconds">How long it is good; the last part's counts.</param>
/// <param name="Covers">Repositories, or patterns of them, of which the source says all that runs; the last part's count.</param>
/// <param name="Records">What runs.</param>
/// <param name="More">Whether further parts follow: the report counts with its last part.</param>
/// <param name="Report">The answer's <c>report</c>, for every part but the first.</param>
internal sealed record UsageReportInputWire(long TtlSeconds, IReadOnlyList<string> Covers, IReadOnlyList<UsageEntryWire> Records, bool More = false, long? Report = null);

/// <summary>That one image runs: by digest, or by a tag that is looked up now.</summary>
internal sealed record UsageEntryWire(string Repository, string? Digest = null, string? Tag = null, WorkloadWire? Workload = null);

/// <summary>What runs an image; every part may be left out.</summary>
internal sealed record WorkloadWire(string? Kind = null, string? Cluster = null, string? Namespace = null, string? Name = null)
{
    /// <summary>The workload as it is told; null when nothing is known of it.</summary>
    public static WorkloadWire? Of(Workload workload) =>
        workload == new Workload() ? null : new WorkloadWire(workload.Kind, workload.Cluster, workload.Namespace, workload.Name);
}

/// <summary>What came of a part.</summary>
/// <param name="Source">Who reported.</param>
/// <param name="Report">The report's number, for the next part.</param>
/// <param name="Records">Records of the report so far.</param>
/// <param name="Complete">Whether the report counts now.</param>
/// <param name="Unresolved">Entries of this part whose tag is on no image; nothing is kept for them.</param>
/// <param name="FirstUnresolved">Some of them.</param>
internal sealed record UsageReceiptWire(string Source, long Report, long Records, bool Complete, int Unresolved, IReadOnlyList<UsageEntryWire> FirstUnresolved);

/// <summary>Whether a source has reported in time.</summary>
internal enum UsageSourceState
{
    /// <summary>It has.</summary>
    [JsonStringEnumMemberName("fresh")]
    Fresh,

    /// <summary>It has not: the repositories that it covers lose nothing to policies and plans.</summary>
    [JsonStringEnumMemberName("stale")]
    Stale,
}

/// <summary>A source of usage reports.</summary>
internal sealed record UsageSourceWire(
    string Name,
    [property: JsonConverter(typeof(JsonStringEnumConverter<UsageSourceState>))] UsageSourceState State,
    long TtlSeconds,
    IReadOnlyList<string> Covers,
    long Records,
    DateTimeOffset LastReportAt,
    DateTimeOffset StaleAt,
    DateTimeOffset CreatedAt)
{
    /// <summary>The source as it is told.</summary>
    public static UsageSourceWire Of(UsageSource source, DateTimeOffset now) => new(
        source.Name,
        source.IsStale(now) ? UsageSourceState.Stale : UsageSourceState.Fresh,
        (long)source.TimeToLive.TotalSeconds,
        source.Covers,
        source.Records,
        source.LastReportAt,
        source.LastReportAt + source.TimeToLive,
        source.CreatedAt);
}

/// <summary>A page of sources.</summary>
internal sealed record UsageSourceListWire(IReadOnlyList<UsageSourceWire> Sources, string? NextToken);

/// <summary>A record of a source's current report.</summary>
internal sealed record UsageRecordWire(string Repository, string Digest, WorkloadWire? Workload);

/// <summary>A page of records.</summary>
internal sealed record UsageRecordListWire(IReadOnlyList<UsageRecordWire> Records, string? NextToken);

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(UsageReportInputWire))]
[JsonSerializable(typeof(UsageReceiptWire))]
[JsonSerializable(typeof(UsageSourceWire))]
[JsonSerializable(typeof(UsageSourceListWire))]
[JsonSerializable(typeof(UsageRecordListWire))]
internal sealed partial class UsageJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static UsageJson Wire { get; } = new(ManagementJson.NewOptions());
}
