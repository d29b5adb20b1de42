using System.Globalization;
using System.Text.Json;
using Longshore.Core;

namespace Longshore.Server.Trail;

/// <summary>Records as CloudTrail has them (AWS CloudTrail User Guide, "CloudTrail record contents", event version 1.11).</summary>
internal static class CloudTrailJson
{
    /// <summary>The source of most events.</summary>
    public const string Ecr = "ecr.amazonaws.com";

    /// <summary>The name of a call that named no operation.</summary>
    public const string UnknownEvent = "UnknownOperation";

    /// <summary>The error of a call that was begun and never ended: the server died.</summary>
    public const string OutcomeUnknown = "OutcomeUnknown";

    private const string EventVersion = "1.11";

    /// <summary>A time as CloudTrail has it: whole seconds.</summary>
    public static string Time(long micros) => TrailPayload.Time(micros).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>One record as an object.</summary>
    public static void Write(Utf8JsonWriter json, TrailRecord record)
    {
        if (record.Root.TryGetProperty("ct", out var service) && service.ValueKind == JsonValueKind.Object)
        {
            service.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        json.WriteString("eventVersion", EventVersion);
        WriteIdentity(json, record);
        json.WriteString("eventTime", Time(record.At));
        json.WriteString("eventSource", record.Text("v") ?? Ecr);
        json.WriteString("eventName", record.Event);
        json.WriteString("awsRegion", record.Text("g") ?? "");
        json.WriteString("sourceIPAddress", record.Text("ip") ?? "AWS Internal");
        json.WriteString("userAgent", record.Text("ua") ?? "");
        if (record.ErrorCode is { } error)
        {
            json.WriteString("errorCode", error);
            json.WriteString("errorMessage", record.Kind == TrailLine.Unknown
                ? "The server ended before the call did. Whether it was done is not known; it was not acknowledged."
                : record.Text("em") ?? "");
        }

        WriteRequest(json, record);
        WriteResponse(json, record);
        WriteAdditional(json, record);
        json.WriteString("requestID", record.Text("id") ?? "");
        json.WriteString("eventID", EventId(record.Hash));
        json.WriteBoolean("readOnly", record.IsReadOnly);
        WriteResources(json, record);
        json.WriteString("eventType", record.Kind == TrailLine.Service ? "AwsServiceEvent" : "AwsApiCall");
        json.WriteBoolean("managementEvent", true);
        json.WriteString("recipientAccountId", record.Account ?? "");
        json.WriteString("eventCategory", "Management");
        json.WriteEndObject();
    }

    /// <summary>A unique id that follows from the record's place in the chain: the first half of its hash in the form of a UUID (RFC 9562, version 8).</summary>
    public static string EventId(string hash)
    {
        var bytes = TrailLine.ReadHash(hash)?[..16] ?? new byte[16];
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    private static void WriteIdentity(Utf8JsonWriter json, TrailRecord record)
    {
        json.WriteStartObject("userIdentity");
        var kind = record.Text("pk");
        if (kind is null)
        {
            // A service's own event, or credentials that were refused: the key is what the caller claims.
            json.WriteString("type", record.Kind == TrailLine.Service ? "AWSService" : record.Event == "AssumeRoleWithWebIdentity" ? "WebIdentityUser" : "Unknown");
            if (record.Kind == TrailLine.Service) json.WriteString("invokedBy", "AWS Internal");
            if (record.Text("ak") is { } claimed) json.WriteString("accessKeyId", claimed);
            json.WriteEndObject();
            return;
        }

        json.WriteString("type", kind);
        json.WriteString("principalId", record.Text("pi") ?? "");
        json.WriteString("arn", record.Text("pa") ?? "");
        json.WriteString("accountId", record.CallerAccount ?? "");
        if (record.Text("ak") is { } key) json.WriteString("accessKeyId", key);
        if (record.Text("pn") is { } name) json.WriteString("userName", name);
        if (record.Root.TryGetProperty("s", out var session)) WriteSession(json, session, record);
        json.WriteEndObject();
    }

    private static void WriteSession(Utf8JsonWriter json, JsonElement session, TrailRecord record)
    {
        json.WriteStartObject("sessionContext");
        if (session.TryGetProperty("r", out var role))
        {
            json.WriteStartObject("sessionIssuer");
            json.WriteString("type", "Role");
            json.WriteString("principalId", (record.Text("pi") ?? "").Split(':')[0]);
            json.WriteString("arn", role.GetString());
            json.WriteString("accountId", record.CallerAccount ?? "");
            json.WriteString("userName", session.TryGetProperty("n", out var name) ? name.GetString() : "");
            json.WriteEndObject();
        }

        if (session.TryGetProperty("f", out var provider))
        {
            json.WriteStartObject("webIdFederationData");
            json.WriteString("federatedProvider", provider.GetString());
            json.WriteStartObject("attributes");
            json.WriteEndObject();
            json.WriteEndObject();
        }

        if (session.TryGetProperty("si", out var source)) json.WriteString("sourceIdentity", source.GetString());
        json.WriteStartObject("attributes");
        json.WriteString("creationDate", Time(session.TryGetProperty("at", out var at) ? at.GetInt64() : 0));
        json.WriteString("mfaAuthenticated", "false");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteRequest(Utf8JsonWriter json, TrailRecord record)
    {
        json.WritePropertyName("requestParameters");
        if (record.Root.TryGetProperty("rp", out var parameters))
        {
            parameters.WriteTo(json);
            return;
        }

        if (record.Repository is not { } repository)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WriteString("registryId", record.Account ?? "");
        json.WriteString("repositoryName", repository);
        var (digest, tag) = (record.Text("d"), record.Text("tag"));
        switch (record.Event)
        {
            case "GetDownloadUrlForLayer" when digest is not null:
                json.WriteString("layerDigest", digest);
                break;
            case "BatchCheckLayerAvailability" or "CompleteLayerUpload" when digest is not null:
                json.WriteStartArray("layerDigests");
                json.WriteStringValue(digest);
                json.WriteEndArray();
                break;
            case "PutImage" when tag is not null:
                json.WriteString("imageTag", tag);
                break;
            case "BatchGetImage" or "BatchDeleteImage" when digest is not null || tag is not null:
                json.WriteStartArray("imageIds");
                json.WriteStartObject();
                // As asked for: what a tag stood for is in additionalEventData.
                if (tag is not null) json.WriteString("imageTag", tag);
                else json.WriteString("imageDigest", digest);
                json.WriteEndObject();
                json.WriteEndArray();
                break;
        }

        json.WriteEndObject();
    }

    private static void WriteResponse(Utf8JsonWriter json, TrailRecord record)
    {
        json.WritePropertyName("responseElements");
        if (!record.IsReadOnly && record.Root.TryGetProperty("re", out var response))
        {
            response.WriteTo(json);
            return;
        }

        // Registry traffic has no such document: what its answer says in headers, in the form of the API's answer.
        if (record.ErrorCode is not null || record.Repository is not { } repository || record.Text("d") is not { } digest || record.Event is not ("PutImage" or "CompleteLayerUpload"))
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        if (record.Event == "PutImage") json.WriteStartObject("image");
        json.WriteString("registryId", record.Account ?? "");
        json.WriteString("repositoryName", repository);
        if (record.Event == "PutImage")
        {
            json.WriteStartObject("imageId");
            json.WriteString("imageDigest", digest);
            if (record.Text("tag") is { } tag) json.WriteString("imageTag", tag);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        else
        {
            json.WriteString("layerDigest", digest);
        }

        json.WriteEndObject();
    }

    private static void WriteAdditional(Utf8JsonWriter json, TrailRecord record)
    {
        json.WriteStartObject("additionalEventData");
        if (record.Text("d") is { } digest) json.WriteString("digest", digest);
        if (record.Text("tag") is { } tag) json.WriteString("tag", tag);
        if (record.Number("st") is > 0 and var status) json.WriteNumber("httpStatus", status);
        if (record.Number("by") is > 0 and var bytes) json.WriteNumber("bytesSent", bytes);
        if (record.Root.TryGetProperty("cut", out _)) json.WriteBoolean("interrupted", true);
        if (record.Number("gap") is > 0 and var gap)
        {
            json.WriteNumber("recordsNotKept", gap);
            json.WriteString("since", Time(record.Number("since")));
        }

        json.WriteNumber("sequence", record.Sequence);
        // eventTime has seconds, as CloudTrail's; records of several servers are put in order by this.
        json.WriteNumber("timeMicroseconds", record.At);
        json.WriteEndObject();
    }

    private static void WriteResources(Utf8JsonWriter json, TrailRecord record)
    {
        var (account, region) = (record.Account ?? "", record.Text("g") ?? "");
        var arn = record.Repository is { } repository && RegistryId.IsRegion(region)
            ? $"arn:{new RegistryId(account, region).Partition}:ecr:{region}:{account}:repository/{repository}"
            : record.Text("x");
        if (arn is null) return;
        json.WriteStartArray("resources");
        json.WriteStartObject();
        json.WriteString("accountId", account);
        json.WriteString("ARN", arn);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    /// <summary>A list of records as one of CloudTrail's files: <c>{"Records":[…]}</c>.</summary>
    public static byte[] File(IEnumerable<JsonElement> records)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartArray("Records");
            foreach (var record in records) record.WriteTo(json);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
