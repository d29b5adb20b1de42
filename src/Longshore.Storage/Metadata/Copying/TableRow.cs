using System.Data.Common;
using System.Globalization;
using System.Text.Json;

namespace Longshore.Storage.Metadata.Copying;

/// <summary>A row on its way: the values by the order of <see cref="TableShape.Columns"/>; null, long, string or byte[].</summary>
/// <param name="Shape">Its table.</param>
/// <param name="Values">Its values.</param>
public sealed record TableRow(TableShape Shape, object?[] Values)
{
    /// <summary>A value by its column's name.</summary>
    public object? this[string column]
    {
        get => Values[IndexOf(column)];
        set => Values[IndexOf(column)] = value;
    }

    /// <summary>Roughly, in memory.</summary>
    public long Bytes => Values.Sum(static value => value switch { string text => 24L + (2 * text.Length), byte[] bytes => 24L + bytes.Length, _ => 24L });

    /// <summary>The key as a JSON array, as the change log has it.</summary>
    public string KeyText => KeyToText(Shape.Key.Select(column => this[column]));

    internal static TableRow Read(TableShape shape, DbDataReader reader)
    {
        var values = new object?[shape.Columns.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (reader.IsDBNull(i)) continue;
            values[i] = shape.Columns[i].Type switch
            {
                ColumnType.Number => reader.GetInt64(i),
                ColumnType.Text => reader.GetString(i),
                _ => reader.GetBytes(i),
            };
        }

        return new TableRow(shape, values);
    }

    internal static string KeyToText(IEnumerable<object?> key)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartArray();
            foreach (var value in key)
            {
                if (value is long number) writer.WriteNumberValue(number);
                else writer.WriteStringValue((string)value!);
            }

            writer.WriteEndArray();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    internal static object[] KeyFromText(string text)
    {
        using var document = JsonDocument.Parse(text);
        return [.. document.RootElement.EnumerateArray().Select(static value => value.ValueKind == JsonValueKind.Number ? (object)value.GetInt64() : value.GetString()!)];
    }

    internal static string Argument(int index) => string.Create(CultureInfo.InvariantCulture, $"@k{index}");

    private int IndexOf(string column)
    {
        for (var i = 0; i < Shape.Columns.Count; i++)
            if (Shape.Columns[i].Name == column) return i;
        throw new ArgumentException($"{Shape.Name} has no column {column}.");
    }
}
