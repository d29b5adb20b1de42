using System.Buffers;
using System.Collections;
using System.Reflection;
using System.Text.Json;
using Longshore.Server.Access;
using AccessKey = Longshore.Core.Aws.Iam.AccessKey;

namespace Longshore.Server.Iam;

/// <summary>
/// Inputs and answers as the trail keeps them: a JSON object with the members that are there, named as CloudTrail names them. The one secret
/// among them, that of a new access key, is left out.
/// </summary>
internal static class IamParameters
{
    /// <summary>The JSON of a record of the wire; null when it has no members, or more than the trail takes.</summary>
    public static byte[]? ToJson(object record)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) Write(json, record);
        return buffer.WrittenCount is > 2 and <= CallRecord.MaxDocument ? buffer.WrittenSpan.ToArray() : null;
    }

    private static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteStringValue(text);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case DateTimeOffset time:
                json.WriteStringValue(time.UtcDateTime);
                break;
            case IEnumerable items:
                json.WriteStartArray();
                foreach (var item in items)
                    if (item is not null) Write(json, item);
                json.WriteEndArray();
                break;
            default:
                json.WriteStartObject();
                foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
                {
                    if (property.Name == nameof(AccessKey.SecretAccessKey) || property.GetValue(value) is not { } member) continue;
                    json.WritePropertyName(char.ToLowerInvariant(property.Name[0]) + property.Name[1..]);
                    Write(json, member);
                }

                json.WriteEndObject();
                break;
        }
    }
}
