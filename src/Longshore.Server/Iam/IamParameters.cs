using System.Buffers;
using System.Collections;
using System.Reflection;
using System.Text.Json;

namespace Longshore.Server.Iam;

/// <summary>Inputs as the trail keeps them: a JSON object with the members that were given, named as CloudTrail names them. No input of IAM that is offered holds a secret.</summary>
internal static class IamParameters
{
    /// <summary>The JSON of an input; null when no member was given.</summary>
    public static byte[]? ToJson(object input)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) Write(json, input);
        return buffer.WrittenCount > 2 ? buffer.WrittenSpan.ToArray() : null;
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
                    if (property.GetValue(value) is not { } member) continue;
                    json.WritePropertyName(char.ToLowerInvariant(property.Name[0]) + property.Name[1..]);
                    Write(json, member);
                }

                json.WriteEndObject();
                break;
        }
    }
}
