using System.Globalization;
using System.Text.Json;
using Longshore.Core.Aws.Sts;

namespace Longshore.Server.Sts;

/// <summary>Parts of requests and answers as CloudTrail writes them, for the trail. Secrets and tokens are left out.</summary>
internal static class StsRecords
{
    /// <summary>A member, unless it is absent.</summary>
    public static void Text(this Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null) writer.WriteString(name, value);
    }

    /// <summary>A number, unless it is absent.</summary>
    public static void Number(this Utf8JsonWriter writer, string name, int? value)
    {
        if (value is { } number) writer.WriteNumber(name, number);
    }

    /// <summary>Session policies by ARN.</summary>
    public static void PolicyArns(this Utf8JsonWriter writer, IReadOnlyList<PolicyDescriptorType>? policies)
    {
        if (policies is not { Count: > 0 }) return;
        writer.WriteStartArray("policyArns");
        foreach (var policy in policies)
        {
            writer.WriteStartObject();
            writer.Text("arn", policy.Arn);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>Session tags.</summary>
    public static void Tags(this Utf8JsonWriter writer, IReadOnlyList<Tag>? tags)
    {
        if (tags is not { Count: > 0 }) return;
        writer.WriteStartArray("tags");
        foreach (var tag in tags)
        {
            writer.WriteStartObject();
            writer.Text("key", tag.Key);
            writer.Text("value", tag.Value);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>A list of texts, unless it is empty.</summary>
    public static void Texts(this Utf8JsonWriter writer, string name, IReadOnlyList<string>? values)
    {
        if (values is not { Count: > 0 }) return;
        writer.WriteStartArray(name);
        foreach (var value in values) writer.WriteStringValue(value);
        writer.WriteEndArray();
    }

    /// <summary>Credentials without secret and token.</summary>
    public static void Credentials(this Utf8JsonWriter writer, Credentials? credentials)
    {
        if (credentials is null) return;
        writer.WriteStartObject("credentials");
        writer.Text("accessKeyId", credentials.AccessKeyId);
        writer.Text("expiration", credentials.Expiration?.UtcDateTime.ToString("MMM d, yyyy, h:mm:ss tt", CultureInfo.InvariantCulture));
        writer.WriteEndObject();
    }

    /// <summary>The principal of a role's session.</summary>
    public static void AssumedRole(this Utf8JsonWriter writer, AssumedRoleUser? user)
    {
        if (user is null) return;
        writer.WriteStartObject("assumedRoleUser");
        writer.Text("assumedRoleId", user.AssumedRoleId);
        writer.Text("arn", user.Arn);
        writer.WriteEndObject();
    }
}
