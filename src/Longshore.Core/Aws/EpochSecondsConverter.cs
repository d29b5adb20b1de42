using System.Text.Json;
using System.Text.Json.Serialization;

namespace Longshore.Core.Aws;

/// <summary>
/// Timestamps of JSON 1.1: seconds since 1970 as a number. Written as a plain decimal with exactly three digits after the
/// point (<c>1579839105.123</c>), since some clients refuse exponents; read with or without fraction and exponent,
/// rounded to milliseconds, always as UTC.
/// </summary>
public sealed class EpochSecondsConverter : JsonConverter<DateTimeOffset>
{
    private static readonly decimal Earliest = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly decimal Latest = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    /// <exception cref="JsonException">The token is no number, or lies outside the years 1 to 9999.</exception>
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDecimal(out var seconds)) throw new JsonException();
        if (Math.Abs(seconds) > Latest) throw new JsonException();
        var milliseconds = Math.Round(seconds * 1000m);
        if (milliseconds < Earliest || milliseconds > Latest) throw new JsonException();
        return DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        var milliseconds = value.ToUnixTimeMilliseconds();
        var magnitude = Math.Abs(milliseconds);
        writer.WriteNumberValue(new decimal((int)magnitude, (int)(magnitude >> 32), 0, milliseconds < 0, 3));
    }
}
