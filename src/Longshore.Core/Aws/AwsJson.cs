using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Longshore.Core.Aws;

/// <summary>Reading and writing of JSON 1.1 messages. Metadata comes from generated contexts only, never from reflection.</summary>
public static class AwsJson
{
    /// <summary>The content type of requests and replies.</summary>
    public const string ContentType = "application/x-amz-json-1.1";

    /// <summary>How deep a message may nest. The deepest modelled one has about ten levels.</summary>
    public const int MaxDepth = 64;

    private const int LongestPath = 200;

    /// <summary>
    /// The wire's options: null members are left out; unknown members are ignored, as AWS does, so that newer clients work;
    /// a member given twice is refused, since the two readers of a message might pick different ones.
    /// </summary>
    public static JsonSerializerOptions CreateOptions() => new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        AllowDuplicateProperties = false,
        MaxDepth = MaxDepth,
        Converters = { new EpochSecondsConverter() },
        // Manifests travel inside strings: \" instead of \u0022 keeps them a third smaller. The relaxed encoder still
        // escapes all that JSON requires; what it leaves alone matters only to JSON pasted into HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>
    /// Reads one message. Bad input never throws: any body that is not exactly one JSON object fitting <typeparamref name="T"/>
    /// (wrong types, numbers out of range, nesting beyond <see cref="MaxDepth"/>, duplicate members, malformed UTF-8,
    /// trailing text) gives false. AWS calls that error <c>SerializationException</c>, status 400.
    /// </summary>
    /// <param name="body">The whole body. An empty one is an error; clients send <c>{}</c>.</param>
    /// <param name="type">From a generated context, such as <c>EcrJsonContext.Wire.CreateRepositoryRequest</c>.</param>
    /// <param name="value">The message; its members are not yet checked against the model's constraints.</param>
    /// <param name="error">What to tell the client: where the fault is, without quoting any value.</param>
    public static bool TryParse<T>(
        in ReadOnlySequence<byte> body, JsonTypeInfo<T> type, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out string? error)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(type);
        value = null;
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            var parsed = JsonSerializer.Deserialize(ref reader, type);
            // Read throws if anything but white space follows.
            if (parsed is not null && !reader.Read())
            {
                value = parsed;
                error = null;
                return true;
            }

            error = "The request body must be a JSON object.";
        }
        catch (JsonException fault)
        {
            error = Describe(fault);
        }

        return false;
    }

    /// <inheritdoc cref="TryParse{T}(in ReadOnlySequence{byte}, JsonTypeInfo{T}, out T, out string)"/>
    public static bool TryParse<T>(
        ReadOnlyMemory<byte> body, JsonTypeInfo<T> type, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out string? error)
        where T : class =>
        TryParse(new ReadOnlySequence<byte>(body), type, out value, out error);

    /// <summary>The message as compact UTF-8 JSON.</summary>
    public static byte[] Serialize<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    /// <summary>Our own words: the framework's message names .NET types, and may quote input.</summary>
    private static string Describe(JsonException fault)
    {
        var text = new StringBuilder("The request body is not valid JSON for this operation");
        if (fault.Path is { Length: > 0 and <= LongestPath } path && !path.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            text.Append(CultureInfo.InvariantCulture, $" at '{path}'");
        if (fault.LineNumber is { } line && fault.BytePositionInLine is { } position)
            text.Append(CultureInfo.InvariantCulture, $" (line {line + 1}, byte {position + 1})");
        return text.Append('.').ToString();
    }
}
