using System.Buffers;
using System.Text.Json;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>
/// What is known of the call that a request makes, filled in by the face as it learns it and read by the trail: one per request, a feature
/// of its <see cref="HttpContext"/>. Secrets, tokens and signatures never come in here.
/// </summary>
internal sealed class CallRecord
{
    /// <summary>Longest request or answer that is kept, in bytes.</summary>
    public const int MaxDocument = 32 * 1024;

    /// <summary>The service as CloudTrail names it, such as <c>ecr.amazonaws.com</c>.</summary>
    public string EventSource { get; set; } = "ecr.amazonaws.com";

    /// <summary>The API name, such as <c>PutImage</c>; registry traffic goes by its API names too. Null until it is known.</summary>
    public string? EventName { get; set; }

    /// <summary>Who calls; null until, or when not, authenticated.</summary>
    public Caller? Caller { get; set; }

    /// <summary>The access key id that credentials named, also when they were refused.</summary>
    public string? AccessKeyId { get; set; }

    /// <summary>The registry that is asked; the caller's home until it is known.</summary>
    public RegistryId? Registry { get; set; }

    /// <summary>The repository, when the call is about one.</summary>
    public string? Repository { get; set; }

    /// <summary>The resource of calls that are about no repository: the ARN of a role, for example.</summary>
    public string? Resource { get; set; }

    /// <summary>The digest of the image or layer.</summary>
    public string? Digest { get; set; }

    /// <summary>The tag, when the caller named one.</summary>
    public string? Tag { get; set; }

    /// <summary>Whether nothing is changed by the call.</summary>
    public bool ReadOnly { get; set; } = true;

    /// <summary>The request as a JSON object, without anything secret; null when digest, tag and repository say it all.</summary>
    public byte[]? RequestParameters { get; set; }

    /// <summary>The answer of a write as a JSON object, without anything secret.</summary>
    public byte[]? ResponseElements { get; set; }

    /// <summary>The error's name as the caller was told it; null after a success.</summary>
    public string? ErrorCode { get; set; }

    /// <summary>The error's sentence.</summary>
    public string? ErrorMessage { get; set; }

    /// <summary>Sets the request's parameters from names and values, and a body that may be JSON.</summary>
    public void SetParameters(IReadOnlyCollection<KeyValuePair<string, string>> values, ReadOnlyMemory<byte> body)
    {
        using var parsed = Parse(body);
        if (values.Count == 0 && parsed is null) return;
        RequestParameters = Write(json =>
        {
            foreach (var (name, value) in values) json.WriteString(name, value);
            if (parsed is null) return;
            json.WritePropertyName("body");
            parsed.RootElement.WriteTo(json);
        });
    }

    /// <summary>Sets the request's parameters to images: digests with a tag each.</summary>
    public void SetImages(string repository, IEnumerable<(string Digest, string Tag)> images) => RequestParameters = Write(json =>
    {
        json.WriteString("repositoryName", repository);
        json.WriteStartArray("imageIds");
        foreach (var (digest, tag) in images)
        {
            json.WriteStartObject();
            json.WriteString("imageDigest", digest);
            json.WriteString("imageTag", tag);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    // What no operation would take is not told either.
    private static JsonDocument? Parse(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty || body.Length > MaxDocument) return null;
        try
        {
            return JsonDocument.Parse(body);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[]? Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        try
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
            json.Flush();
            return buffer.WrittenSpan.ToArray();
        }
        catch (InvalidOperationException)
        {
            // A text of the body that is no Unicode.
            return null;
        }
    }

    /// <summary>The record of a request; made at its first use.</summary>
    public static CallRecord Of(HttpContext http)
    {
        if (http.Features.Get<CallRecord>() is { } known) return known;
        var record = new CallRecord();
        http.Features.Set(record);
        return record;
    }
}
