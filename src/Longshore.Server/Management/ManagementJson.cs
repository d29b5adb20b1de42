using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Longshore.Core;

namespace Longshore.Server.Management;

/// <summary>The JSON of <c>/longshore/v1</c>: camel case, times in RFC 3339, absent instead of null, and nothing accepted that is not understood.</summary>
internal static class ManagementJson
{
    /// <summary>The media type of bodies and answers.</summary>
    public const string MediaType = "application/json";

    private const int MaxDepth = 32;

    /// <summary>Options for one source-generated context: <c>new SliceJson(ManagementJson.NewOptions())</c>. A context keeps them for itself.</summary>
    public static JsonSerializerOptions NewOptions() => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        MaxDepth = MaxDepth,
        // Answers are no part of a web page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The same for who reads answers: what is left out is null, and what a newer server adds is passed over.</summary>
    public static JsonSerializerOptions NewClientOptions() => new(NewOptions())
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
        RespectRequiredConstructorParameters = false,
    };

    /// <summary>A body as the operation's type; InvalidParameter, with the path of the member at fault.</summary>
    public static Outcome<T> Read<T>(ReadOnlyMemory<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        const string Missing = "including: ";
        if (body.IsEmpty) return new RegistryError(ErrorCode.InvalidParameter, "The request needs a body: a JSON object.");
        try
        {
            return JsonSerializer.Deserialize(body.Span, type) is { } value
                ? value
                : new RegistryError(ErrorCode.InvalidParameter, "The body must be a JSON object, not null.");
        }
        catch (JsonException e)
        {
            // The exception's own text names types of this program, which no client knows.
            var missing = e.Message.IndexOf(Missing, StringComparison.Ordinal);
            var where = string.IsNullOrEmpty(e.Path) || e.Path == "$" ? "" : $" at {e.Path}";
            return new RegistryError(ErrorCode.InvalidParameter, missing >= 0
                ? $"The body lacks required members{where}: {e.Message[(missing + Missing.Length)..].Split(" Path:")[0].TrimEnd('.')}."
                : $"The body is not what this operation takes{where}{(e.LineNumber is { } line ? $" (line {line + 1})" : "")}: malformed JSON, a member that the operation does not know, or a value of another type.");
        }
    }
}

/// <summary>The error of every operation.</summary>
/// <param name="Code">What went wrong, from a closed set.</param>
/// <param name="Message">A sentence for people.</param>
/// <param name="RequestId">Under which the server's log tells more.</param>
/// <param name="Detail">Members for programs, where the error has some.</param>
internal sealed record ManagementErrorBody(string Code, string Message, string RequestId, IReadOnlyDictionary<string, string>? Detail = null);

/// <summary>Serialization of the face's own bodies.</summary>
[JsonSerializable(typeof(ManagementErrorBody))]
internal sealed partial class ManagementFaceJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static ManagementFaceJson Wire { get; } = new(ManagementJson.NewOptions());
}
