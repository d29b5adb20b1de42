using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;

namespace Longshore.Core.Tests.Policies.BruteForce;

/// <summary>Numbers, dates and addresses; null for what is none.</summary>
internal static class BruteForceValue
{
    public static decimal? Number(string text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Seconds since 1970, given as such or as ISO 8601.</summary>
    public static decimal? Seconds(string text)
    {
        if (text.Length > 0 && text.All(char.IsAsciiDigit)) return Number(text);
        string[] forms = ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK", "yyyy-MM-ddTHH:mmK"];
        return DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date)
            ? (date.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / 10_000_000m
            : null;
    }

    /// <summary>Is the address in the range?</summary>
    public static bool? Within(string value, string range)
    {
        var slash = range.IndexOf('/');
        if (!Address(value, out var address, out var bits) || !Address(slash < 0 ? range : range[..slash], out var first, out var wide)) return null;
        if (bits != wide) return false;
        var prefix = slash < 0 ? bits : int.Parse(range[(slash + 1)..], CultureInfo.InvariantCulture);
        return address >> (bits - prefix) == first >> (bits - prefix);
    }

    private static bool Address(string text, out BigInteger number, out int bits)
    {
        number = 0;
        bits = 0;
        if (!IPAddress.TryParse(text, out var address)) return false;
        if (address.AddressFamily == AddressFamily.InterNetwork && text.Count(static c => c == '.') != 3) return false;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        foreach (var b in bytes) number = (number << 8) | b;
        bits = bytes.Length * 8;
        return true;
    }
}
