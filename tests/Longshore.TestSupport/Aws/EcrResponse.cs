using System.Net;
using System.Text.Json;

namespace Longshore.TestSupport.Aws;

/// <summary>An answer of a JSON 1.1 service.</summary>
/// <param name="Json">The body; an empty object when it is not JSON.</param>
/// <param name="Headers">Response and content headers, names case-insensitive.</param>
public sealed record EcrResponse(HttpStatusCode Status, JsonDocument Json, string Text, IReadOnlyDictionary<string, string> Headers) : IDisposable
{
    public JsonElement Root => Json.RootElement;

    /// <summary>The error's name without its namespace, such as <c>RepositoryNotFoundException</c>; null in an answer without one.</summary>
    public string? ErrorType => Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty("__type", out var type)
        ? type.GetString() is { } name ? name[(name.LastIndexOf('#') + 1)..] : null
        : null;

    public void Dispose() => Json.Dispose();

    public override string ToString() => $"{(int)Status} {Status}\n{Text}";
}
