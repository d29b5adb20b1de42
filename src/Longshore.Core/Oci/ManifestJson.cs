using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;

namespace Longshore.Core.Oci;

/// <summary>
/// Reads the JSON of a manifest so strictly that no two readers can disagree about it: a registry that checks one reading
/// while clients run another is how CVE-2021-41190 worked.
/// </summary>
internal static class ManifestJson
{
    private static readonly JsonDocumentOptions DocumentOptions = new()
    {
        AllowDuplicateProperties = false,
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
        MaxDepth = ManifestDocument.MaxDepth,
    };

    private const int MaxQuoted = 200;

    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = ManifestDocument.MaxDepth };

    /// <summary>
    /// Parses the bytes into one JSON object: valid UTF-8, no byte order mark, no comments, no trailing data, no member
    /// twice in one object (however it is escaped), no half of a surrogate pair. The caller disposes the document.
    /// </summary>
    public static bool TryParse(
        ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out JsonDocument? document, [NotNullWhen(false)] out string? problem)
    {
        document = null;
        if (!Utf8.IsValid(bytes.Span))
        {
            problem = "it is not valid UTF-8";
            return false;
        }

        try
        {
            if (bytes.Span.IndexOf("\\u"u8) >= 0 && HasLoneSurrogate(bytes.Span))
            {
                problem = "it holds half of a surrogate pair";
                return false;
            }

            document = JsonDocument.Parse(bytes, DocumentOptions);
        }
        catch (JsonException e)
        {
            // The message says line and position, and may quote a member name, which may be as long as the body.
            problem = $"it is not strict JSON ({(e.Message.Length <= MaxQuoted ? e.Message : e.Message[..MaxQuoted])})";
            return false;
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            problem = null;
            return true;
        }

        document.Dispose();
        document = null;
        problem = "it is not a JSON object";
        return false;
    }

    /// <summary>
    /// The name of a member that is not <paramref name="known"/> but would be to a reader that ignores case, or null. Go's
    /// encoding/json, which most clients use, is such a reader: to it <c>Layers</c> is <c>layers</c>.
    /// </summary>
    public static string? FindCaseVariant(JsonElement element, ReadOnlySpan<string> known)
    {
        foreach (var member in element.EnumerateObject())
        {
            var exact = false;
            foreach (var name in known)
            {
                exact = member.NameEquals(name);
                if (exact) break;
            }

            if (exact) continue;
            // Go also folds the long s and the Kelvin sign, alone among non-ASCII letters, into ASCII ones.
            var folded = member.Name.Replace('\u017f', 's').Replace('\u212a', 'k');
            foreach (var name in known)
                if (name.Equals(folded, StringComparison.OrdinalIgnoreCase)) return member.Name;
        }

        return null;
    }

    /// <summary>Finds a member that is neither missing nor null: Go programs write null for an empty list or map.</summary>
    public static bool TryGet(JsonElement element, string name, out JsonElement value) =>
        element.TryGetProperty(name, out value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined);

    // Escapes such as \ud800 pass the reader, and only decoding the text shows that the other half is missing.
    private static bool HasLoneSurrogate(ReadOnlySpan<byte> bytes)
    {
        var reader = new Utf8JsonReader(bytes, ReaderOptions);
        while (reader.Read())
        {
            if (!reader.ValueIsEscaped || reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) continue;
            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException)
            {
                return true;
            }
        }

        return false;
    }
}
