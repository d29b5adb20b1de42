using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Trail;

/// <summary>
/// The stored form of a record: CloudTrail's members under short names, those that are always the same left out; <see cref="TrailRecord"/> reads it
/// and <see cref="CloudTrailJson"/> spells it out. A record begins with its kind and its time.
/// </summary>
internal static class TrailPayload
{
    /// <summary>Longest user agent and error message kept, in characters.</summary>
    private const int MaxText = 512;

    /// <summary>Longest request and answer kept, in bytes each; longer ones are left out and said to be.</summary>
    private const int MaxDocument = 12 * 1024;

    /// <summary>Longest record, in bytes, with room for its number and its hash in a line.</summary>
    private const int MaxRecord = TrailLine.MaxLine - 512;

    private const int MaxDepth = 32;

    private static readonly JsonWriterOptions Options = new() { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic]
    private static Scratch? scratch;

    /// <summary>Microseconds since 1970.</summary>
    public static long Micros(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>The time of microseconds since 1970.</summary>
    public static DateTimeOffset Time(long micros) => new(DateTimeOffset.UnixEpoch.Ticks + (micros * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    /// <summary>Writes the record of a call. The bytes stand until the thread writes its next one.</summary>
    /// <param name="kind">What of the call is told.</param>
    /// <param name="at">When it came, microseconds since 1970.</param>
    /// <param name="begun">For an end: the number of its beginning.</param>
    /// <param name="record">What the face knows.</param>
    /// <param name="http">The request; its answer too, unless this is a beginning.</param>
    /// <param name="fallback">The registry of calls that name none.</param>
    /// <param name="status">The status of the answer; 0 in a beginning, or when there was none.</param>
    public static ReadOnlySpan<byte> Write(char kind, long at, long begun, CallRecord record, HttpContext http, RegistryId fallback, int status)
    {
        var written = Write(kind, at, begun, record, http, fallback, status, MaxDocument, MaxDocument);
        // The request says more than its answer. All else is cut to fit.
        if (written.Length > MaxRecord) written = Write(kind, at, begun, record, http, fallback, status, MaxDocument, 0);
        return written.Length > MaxRecord ? Write(kind, at, begun, record, http, fallback, status, 0, 0) : written;
    }

    private static ReadOnlySpan<byte> Write(
        char kind, long at, long begun, CallRecord record, HttpContext http, RegistryId fallback, int status, int mostOfRequest, int mostOfAnswer)
    {
        var into = scratch ??= new Scratch();
        var json = into.Begin();
        json.WriteStartObject();
        json.WriteString("k"u8, [kind]);
        json.WriteNumber("t"u8, at);
        if (begun != 0) json.WriteNumber("b"u8, begun);
        if (record.EventSource != CloudTrailJson.Ecr) json.WriteString("v"u8, record.EventSource);
        json.WriteString("n"u8, record.EventName ?? CloudTrailJson.UnknownEvent);
        if (!record.ReadOnly) json.WriteNumber("w"u8, 1);
        var registry = record.Registry ?? record.Caller?.Registry ?? fallback;
        json.WriteString("a"u8, registry.Account);
        json.WriteString("g"u8, registry.Region);
        WriteIdentity(json, record);
        json.WriteString("ip"u8, ClientAddress.Of(http).ToString());
        if (http.Request.Headers.UserAgent is { Count: > 0 } agent) Cut(json, "ua"u8, agent.ToString());
        if (record.Repository is { } repository) Cut(json, "r"u8, repository);
        if (record.Resource is { } resource) Cut(json, "x"u8, resource);
        if (record.Digest is { } digest) Cut(json, "d"u8, digest);
        if (record.Tag is { } tag) Cut(json, "tag"u8, tag);
        if (status != 0) json.WriteNumber("st"u8, status);
        if (record.ErrorCode is { } code) Cut(json, "ec"u8, code);
        if (record.ErrorMessage is { } message) Cut(json, "em"u8, message);
        json.WriteString("id"u8, http.TraceIdentifier);
        if (status is StatusCodes.Status200OK or StatusCodes.Status206PartialContent && record.ReadOnly && http.Response.ContentLength is { } sent && !HttpMethods.IsHead(http.Request.Method))
            json.WriteNumber("by"u8, sent);
        // The client went away, or the server could not go on: what was sent is not the whole.
        if (status is >= 200 and < 400 && http.RequestAborted.IsCancellationRequested) json.WriteNumber("cut"u8, 1);
        Document(json, "rp"u8, record.RequestParameters, mostOfRequest);
        if (kind != TrailLine.Begin) Document(json, "re"u8, record.ResponseElements, mostOfAnswer);
        json.WriteEndObject();
        return into.End();
    }

    /// <summary>Writes a record that the server has made itself: a whole CloudTrail record as it stands.</summary>
    public static byte[] WriteService(DateTimeOffset at, RegistryId registry, string name, string? repository, ReadOnlySpan<byte> cloudTrailRecord)
    {
        var buffer = new ArrayBufferWriter<byte>(cloudTrailRecord.Length + 256);
        using var json = new Utf8JsonWriter(buffer, Options);
        json.WriteStartObject();
        json.WriteString("k"u8, [TrailLine.Service]);
        json.WriteNumber("t"u8, Micros(at));
        json.WriteString("n"u8, name);
        json.WriteString("a"u8, registry.Account);
        json.WriteString("g"u8, registry.Region);
        if (repository is not null) json.WriteString("r"u8, repository);
        json.WritePropertyName("ct"u8);
        json.WriteRawValue(cloudTrailRecord, skipInputValidation: true);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes that records were not kept for want of room.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteGap(Span<byte> target, DateTimeOffset now, long lost, long since) => System.Text.Encoding.UTF8.GetBytes(
        string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $$"""{"k":"s","t":{{Micros(now)}},"v":"longshore","n":"TrailGap","gap":{{lost}},"since":{{since}}}"""),
        target);

    private static void WriteIdentity(Utf8JsonWriter json, CallRecord record)
    {
        var principal = record.Caller?.Principal;
        if (principal is null or { Kind: PrincipalKind.Anonymous })
        {
            if (record.AccessKeyId is { } claimed) Cut(json, "ak"u8, claimed);
            return;
        }

        json.WriteString("pk"u8, principal.Kind switch { PrincipalKind.Root => "Root", PrincipalKind.User => "IAMUser", _ => "AssumedRole" });
        json.WriteString("pi"u8, principal.UserId);
        json.WriteString("pa"u8, principal.Arn);
        json.WriteString("pc"u8, principal.Account);
        if ((record.Caller?.AccessKey?.Id ?? record.AccessKeyId) is { } key) json.WriteString("ak"u8, key);
        if (principal.Kind == PrincipalKind.User) json.WriteString("pn"u8, principal.Name);
        if (principal.Session is not { } session) return;
        json.WriteStartObject("s"u8);
        json.WriteNumber("at"u8, Micros(session.IssuedAt));
        if (principal.RoleArn is { } role)
        {
            json.WriteString("r"u8, role);
            json.WriteString("n"u8, principal.Name);
        }

        if (session.FederatedProvider is { } provider) json.WriteString("f"u8, provider);
        if (session.SourceIdentity is { } source) json.WriteString("si"u8, source);
        json.WriteEndObject();
    }

    private static void Cut(Utf8JsonWriter json, ReadOnlySpan<byte> name, string text) => json.WriteString(name, text.AsSpan(0, Math.Min(text.Length, MaxText)));

    private static void Document(Utf8JsonWriter json, ReadOnlySpan<byte> name, byte[]? document, int most)
    {
        if (document is null || document.Length == 0) return;
        json.WritePropertyName(name);
        if (document.Length > most)
        {
            json.WriteRawValue("{\"omitted\":\"longer than the trail keeps\"}"u8, skipInputValidation: true);
        }
        else if (!IsDocument(document))
        {
            json.WriteRawValue("{\"omitted\":\"not a JSON object\"}"u8, skipInputValidation: true);
        }
        else if (document.AsSpan().ContainsAny((byte)'\n', (byte)'\r'))
        {
            // A record is one line.
            using var parsed = JsonDocument.Parse(document);
            parsed.RootElement.WriteTo(json);
        }
        else
        {
            json.WriteRawValue(document, skipInputValidation: true);
        }
    }

    // What a client sends is looked at before it becomes part of a line: a refused call may have sent anything.
    private static bool IsDocument(byte[] document)
    {
        var reader = new Utf8JsonReader(document, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read())
            {
                // Half a character, or bytes that are no UTF-8, would be found by whoever reads the record.
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && (reader.ValueIsEscaped || !Ascii.IsValid(reader.ValueSpan))) reader.GetString();
            }

            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    [SuppressMessage("Design", "CA1001", Justification = "One per thread, for as long as the thread lives; it holds memory alone.")]
    private sealed class Scratch
    {
        private readonly ArrayBufferWriter<byte> buffer = new(4096);
        private readonly Utf8JsonWriter json;

        public Scratch() => json = new Utf8JsonWriter(buffer, Options);

        public Utf8JsonWriter Begin()
        {
            buffer.ResetWrittenCount();
            json.Reset(buffer);
            return json;
        }

        public ReadOnlySpan<byte> End()
        {
            json.Flush();
            return buffer.WrittenSpan;
        }
    }
}
