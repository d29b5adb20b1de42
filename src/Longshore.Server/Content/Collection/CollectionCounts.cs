using System.Text.Json.Serialization;

namespace Longshore.Server.Content.Collection;

/// <summary>What collection did: of one step, one run, or all runs.</summary>
/// <param name="LinksKept">Links whose lease was over and that an image backs: they need none.</param>
/// <param name="LinksEnded">Links whose lease was over and that no image backs: gone.</param>
/// <param name="Condemned">Bodies that nothing references any more.</param>
/// <param name="FreedBodies">Bodies whose row was deleted after the grace period.</param>
/// <param name="FreedBytes">Their bytes.</param>
/// <param name="OrphansFound">Bodies without a row that the scrub noted.</param>
/// <param name="OrphansRemoved">Orphans removed.</param>
/// <param name="OrphanBytes">Their bytes.</param>
/// <param name="Looked">Bodies, links or rows that scrub and sweep looked at.</param>
internal sealed record CollectionCounts(
    long LinksKept = 0,
    long LinksEnded = 0,
    long Condemned = 0,
    long FreedBodies = 0,
    long FreedBytes = 0,
    long OrphansFound = 0,
    long OrphansRemoved = 0,
    long OrphanBytes = 0,
    long Looked = 0)
{
    /// <summary>Both together.</summary>
    public static CollectionCounts operator +(CollectionCounts a, CollectionCounts b) => new(
        a.LinksKept + b.LinksKept,
        a.LinksEnded + b.LinksEnded,
        a.Condemned + b.Condemned,
        a.FreedBodies + b.FreedBodies,
        a.FreedBytes + b.FreedBytes,
        a.OrphansFound + b.OrphansFound,
        a.OrphansRemoved + b.OrphansRemoved,
        a.OrphanBytes + b.OrphanBytes,
        a.Looked + b.Looked);
}

/// <summary>Where a job of collection stands (column <c>jobs.progress</c>).</summary>
/// <param name="Run">What the run that goes on, or the last one, did.</param>
/// <param name="Total">What all runs did.</param>
/// <param name="Running">Whether a run has begun and not come to its end: the next one goes on with it.</param>
/// <param name="Part">Scrub: the part of the store that is next.</param>
/// <param name="Repository">Sweep: the repository of the last link looked at.</param>
/// <param name="Blob">Sweep: the body of the last link looked at, and then of the last row.</param>
/// <param name="LinksDone">Sweep: all links were looked at; rows of bodies come next.</param>
internal sealed record CollectionProgress(
    CollectionCounts Run, CollectionCounts Total, bool Running = false, int Part = 0, long Repository = 0, long Blob = 0, bool LinksDone = false)
{
    /// <summary>Before the first run.</summary>
    public static CollectionProgress None { get; } = new(new CollectionCounts(), new CollectionCounts());

    /// <summary>The progress with what a step did.</summary>
    public CollectionProgress With(CollectionCounts step) => this with { Run = Run + step, Total = Total + step };

    /// <summary>As it goes into the row.</summary>
    public string ToJson() => System.Text.Json.JsonSerializer.Serialize(this, CollectionJson.Default.CollectionProgress);

    /// <summary>From the row; what cannot be read was written by another version, and the run begins anew.</summary>
    public static CollectionProgress Parse(string? json)
    {
        try
        {
            return json is null ? None : System.Text.Json.JsonSerializer.Deserialize(json, CollectionJson.Default.CollectionProgress) is { Run: not null, Total: not null } read ? read : None;
        }
        catch (System.Text.Json.JsonException)
        {
            return None;
        }
    }
}

/// <summary>How progress is kept.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CollectionProgress))]
internal sealed partial class CollectionJson : JsonSerializerContext;
