using System.Text.Json;
using System.Text.Json.Serialization;

namespace Longshore.Server.Management.Trail;

/// <summary>A page of the trail.</summary>
/// <param name="Records">Records as CloudTrail has them.</param>
/// <param name="NextToken">For the next page. A page may be empty and yet have one, when the search took its time.</param>
internal sealed record TrailPageWire(IReadOnlyList<JsonElement> Records, string? NextToken = null);

/// <summary>Something that verification found.</summary>
/// <param name="Kind">damage: records were changed, moved or removed. note: explained and harmless.</param>
/// <param name="Segment">The segment; 0 for the trail as a whole.</param>
/// <param name="AfterRecord">The number of the last record there that is good.</param>
/// <param name="Text">A sentence.</param>
internal sealed record TrailFindingWire(string Kind, long Segment, long AfterRecord, string Text);

/// <summary>How verification of the trail stands.</summary>
/// <param name="Running">Whether it is under way.</param>
/// <param name="Segments">Segments checked so far.</param>
/// <param name="SegmentsInAll">Segments in all.</param>
/// <param name="Records">Records checked so far.</param>
/// <param name="Findings">What was found.</param>
/// <param name="MoreFindings">How many more than those listed.</param>
/// <param name="StartedAt">When it was started.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Error">Why it could not be finished.</param>
internal sealed record TrailVerificationWire(
    bool Running,
    int Segments,
    int SegmentsInAll,
    long Records,
    IReadOnlyList<TrailFindingWire> Findings,
    int MoreFindings,
    DateTimeOffset? StartedAt = null,
    DateTimeOffset? FinishedAt = null,
    string? Error = null);

/// <summary>Somebody who was refused again and again.</summary>
/// <param name="Source">address, accessKey or principal.</param>
/// <param name="Value">The address (of IPv6 its /64), the access key id, or the ARN.</param>
/// <param name="Count">Refusals of the burst.</param>
/// <param name="FirstAt">The first of them.</param>
/// <param name="LastAt">The last of them.</param>
/// <param name="LastError">The error of the last.</param>
/// <param name="Active">Whether it goes on: further refusals are answered slowly.</param>
/// <param name="LastEvent">What the last one wanted.</param>
internal sealed record RefusalAlertWire(
    string Source, string Value, long Count, DateTimeOffset FirstAt, DateTimeOffset LastAt, string LastError, bool Active, string? LastEvent = null);

/// <summary>Alerts, the latest first.</summary>
internal sealed record RefusalAlertListWire(IReadOnlyList<RefusalAlertWire> Alerts);

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(TrailPageWire))]
[JsonSerializable(typeof(TrailVerificationWire))]
[JsonSerializable(typeof(RefusalAlertListWire))]
internal sealed partial class TrailWireJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static TrailWireJson Wire { get; } = new(ManagementJson.NewOptions());

    /// <summary>For clients.</summary>
    public static TrailWireJson Client { get; } = new(ManagementJson.NewClientOptions());
}
