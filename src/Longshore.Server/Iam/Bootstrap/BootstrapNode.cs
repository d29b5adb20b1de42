using System.Text.Json;
using Longshore.Core.Policies;

namespace Longshore.Server.Iam.Bootstrap;

/// <summary>An object of a bootstrap file with its path. What is wrong is collected, so that all of it is told at once.</summary>
internal sealed class BootstrapNode
{
    private readonly JsonElement element;
    private readonly List<string> faults;

    /// <summary>Looks at an object that may have the members named and no others.</summary>
    public BootstrapNode(JsonElement element, string where, List<string> faults, params ReadOnlySpan<string> members)
    {
        (this.element, Where, this.faults) = (element, where, faults);
        if (element.ValueKind != JsonValueKind.Object)
        {
            Add("", "must be an object");
            this.element = JsonDocument.Parse("{}").RootElement;
            return;
        }

        foreach (var member in element.EnumerateObject())
            if (!members.Contains(member.Name)) Add(member.Name, $"there is no such member; there are {string.Join(", ", members.ToArray())}");
    }

    /// <summary>The path of the object.</summary>
    public string Where { get; }

    /// <summary>Notes that something is wrong with a member, or with the object itself.</summary>
    public void Add(string member, string fault) => faults.Add($"{Path(member)}: {fault}.");

    /// <summary>The path of a member.</summary>
    public string Path(string member) => member.Length == 0 ? Where : Where.Length == 0 ? member : $"{Where}.{member}";

    /// <summary>A text, or null when there is none.</summary>
    public string? Text(string member)
    {
        if (!element.TryGetProperty(member, out var value)) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        Add(member, "must be a text");
        return null;
    }

    /// <summary>A text that must be given; empty when it is not.</summary>
    public string Required(string member)
    {
        if (!element.TryGetProperty(member, out _)) Add(member, "must be given");
        return Text(member) ?? "";
    }

    /// <summary>A whole number, or null when there is none.</summary>
    public int? Number(string member)
    {
        if (!element.TryGetProperty(member, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)) return number;
        Add(member, "must be a whole number");
        return null;
    }

    /// <summary>A list of texts, or null when there is none.</summary>
    public IReadOnlyList<string>? Texts(string member)
    {
        if (!element.TryGetProperty(member, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(static item => item.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(static item => item.GetString()!)];
        Add(member, "must be a list of texts");
        return null;
    }

    /// <summary>Texts by name; empty when there are none.</summary>
    public Dictionary<string, string> Map(string member)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in Pairs(member))
        {
            if (pair.Value.ValueKind == JsonValueKind.String) map[pair.Name] = pair.Value.GetString()!;
            else Add($"{member}.{pair.Name}", "must be a text");
        }

        return map;
    }

    /// <summary>The members of an object; none when it is missing.</summary>
    public IEnumerable<JsonProperty> Pairs(string member)
    {
        if (!element.TryGetProperty(member, out var value)) return [];
        if (value.ValueKind == JsonValueKind.Object) return value.EnumerateObject();
        Add(member, "must be an object");
        return [];
    }

    /// <summary>The items of a list with their paths; none when it is missing.</summary>
    public IEnumerable<(JsonElement Item, string Where)> Items(string member)
    {
        if (!element.TryGetProperty(member, out var value)) return [];
        if (value.ValueKind == JsonValueKind.Array) return value.EnumerateArray().Select((item, index) => (item, $"{Path(member)}[{index}]"));
        Add(member, "must be a list");
        return [];
    }

    /// <summary>An object's text as it stands in the file, or null when there is none.</summary>
    public string? Raw(string member)
    {
        if (!element.TryGetProperty(member, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Object) return value.GetRawText();
        Add(member, "must be an object");
        return null;
    }

    /// <summary>A policy document, or null when there is none. An object, or a text that holds one.</summary>
    public string? Document(string member, PolicyKind kind) => element.TryGetProperty(member, out var value) ? Document(member, value, kind) : null;

    /// <summary>A policy document of an element below the member.</summary>
    public string? Document(string member, JsonElement value, PolicyKind kind)
    {
        var text = value.ValueKind switch { JsonValueKind.Object => value.GetRawText(), JsonValueKind.String => value.GetString(), _ => null };
        if (text is null) Add(member, "must be a policy document");
        else if (IamDocuments.Check(text, kind) is { } malformed)
            foreach (var line in malformed.Message.Split('\n')) faults.Add($"{Path(member)}: {line}");
        return text;
    }
}
