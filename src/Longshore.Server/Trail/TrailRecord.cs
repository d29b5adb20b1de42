using System.Text.Json;

namespace Longshore.Server.Trail;

/// <summary>A record as it was read from a segment.</summary>
internal sealed class TrailRecord
{
    private static readonly string[] Documents = ["rp", "re"];

    private TrailRecord(JsonElement root, string hash)
    {
        Root = root;
        Hash = hash;
        Sequence = Number("q");
        Kind = Text("k") is { Length: > 0 } kind ? kind[0] : '\0';
        At = Number("t");
    }

    /// <summary>Its number.</summary>
    public long Sequence { get; }

    /// <summary>What it tells: see <see cref="TrailLine"/>.</summary>
    public char Kind { get; }

    /// <summary>Microseconds since 1970.</summary>
    public long At { get; }

    /// <summary>Base64url of its hash.</summary>
    public string Hash { get; }

    /// <summary>All stored members.</summary>
    public JsonElement Root { get; }

    /// <summary>Whether it is one that people ask for: not a beginning, a head, a mark or a seal.</summary>
    public bool IsTold => Kind is TrailLine.Plain or TrailLine.End or TrailLine.Unknown or TrailLine.Service;

    /// <summary>The API name.</summary>
    public string Event => Text("n") ?? CloudTrailJson.UnknownEvent;

    /// <summary>The account of the registry.</summary>
    public string? Account => Text("a");

    /// <summary>The account of the caller.</summary>
    public string? CallerAccount => Text("pc");

    /// <summary>Whether nothing was changed.</summary>
    public bool IsReadOnly => Number("w") == 0;

    /// <summary>The error's name; null after a success.</summary>
    public string? ErrorCode => Kind == TrailLine.Unknown ? CloudTrailJson.OutcomeUnknown : Text("ec");

    /// <summary>The repository.</summary>
    public string? Repository => Text("r");

    /// <summary>Digests that it is about.</summary>
    public IEnumerable<string> Digests => Identifiers("d", "imageDigest", "digest");

    /// <summary>Tags that it is about.</summary>
    public IEnumerable<string> Tags => Identifiers("tag", "imageTag", null);

    /// <summary>Reads a line, without its line feed; null when it is none.</summary>
    public static TrailRecord? Read(ReadOnlySpan<byte> line)
    {
        if (line.Length <= TrailLine.EndingSize) return null;
        try
        {
            using var document = JsonDocument.Parse(line.ToArray());
            return new TrailRecord(document.RootElement.Clone(), System.Text.Encoding.ASCII.GetString(line.Slice(line.Length - 2 - TrailLine.HashText, TrailLine.HashText)));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A text member, or null.</summary>
    public string? Text(string name) => Text(Root, name);

    /// <summary>A number; 0 when there is none.</summary>
    public long Number(string name) => Root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : 0;

    /// <summary>What a search can ask for in segments that keep it: kind of value and value.</summary>
    public IEnumerable<(char Kind, string Value)> Keys()
    {
        if (Text("pa") is { } arn) yield return (TrailFilter.PrincipalKey, arn);
        if (Root.TryGetProperty("s", out var session) && Text(session, "r") is { } role) yield return (TrailFilter.PrincipalKey, role);
        if (Text("ak") is { } key) yield return (TrailFilter.AccessKeyKey, key);
        yield return (TrailFilter.EventKey, Event);
        if (Repository is { } repository) yield return (TrailFilter.RepositoryKey, repository);
        if (ErrorCode is { } error)
        {
            yield return (TrailFilter.ErrorKey, error);
            yield return (TrailFilter.ErrorKey, "");
        }

        if (Text("ip") is { } address) yield return (TrailFilter.AddressKey, address);
        foreach (var digest in Digests) yield return (TrailFilter.DigestKey, digest);
        foreach (var tag in Tags) yield return (TrailFilter.TagKey, tag);
    }

    // Its own member, those of the images in request and answer, and of the images of a lifecycle run.
    private IEnumerable<string> Identifiers(string own, string member, string? lifecycleMember)
    {
        if (Text(own) is { } value) yield return value;
        foreach (var document in Documents)
        {
            if (!Root.TryGetProperty(document, out var parameters) || parameters.ValueKind != JsonValueKind.Object) continue;
            if (Text(parameters, member) is { } single) yield return single;
            if (parameters.TryGetProperty("imageIds", out var ids) && ids.ValueKind == JsonValueKind.Array)
            {
                foreach (var id in ids.EnumerateArray())
                    if (Text(id, member) is { } listed) yield return listed;
            }

            if (parameters.TryGetProperty("image", out var image) && image.ValueKind == JsonValueKind.Object && image.TryGetProperty("imageId", out var imageId) && Text(imageId, member) is { } stored)
                yield return stored;
        }

        if (!Root.TryGetProperty("ct", out var service) || !service.TryGetProperty("serviceEventDetails", out var details)
            || !details.TryGetProperty("lifecycleEventImageActions", out var actions) || actions.ValueKind != JsonValueKind.Array)
            yield break;
        foreach (var action in actions.EnumerateArray())
        {
            if (!action.TryGetProperty("lifecycleEventImage", out var image)) continue;
            if (lifecycleMember is not null)
            {
                if (Text(image, lifecycleMember) is { } digest) yield return digest;
            }
            else if (image.TryGetProperty("tagList", out var tags) && tags.ValueKind == JsonValueKind.Array)
            {
                foreach (var tag in tags.EnumerateArray())
                    if (tag.GetString() is { } text) yield return text;
            }
        }
    }

    private static string? Text(JsonElement element, string name)
    {
        try
        {
            return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Half a character: no text, and no reason for a search to end.
            return null;
        }
    }
}
