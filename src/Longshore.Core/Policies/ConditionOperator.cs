using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Longshore.Core.Policies;

/// <summary>One value of a condition in a policy, ready to be compared with a value of a request.</summary>
/// <param name="value">The value of the request.</param>
/// <param name="context">Where variables find theirs.</param>
internal delegate Ternary ValueMatch(string value, IConditionContext context);

/// <summary>Prepares a condition's value; null with a fault when it is none of the operator's type.</summary>
internal delegate ValueMatch? PrepareValue(string value, bool variables, out string? fault);

/// <summary>
/// A condition operator (IAM User Guide, "Condition operators"): how a value of the policy is compared with one of the request, and
/// whether the result is turned round.
/// </summary>
/// <param name="Name">As it is written.</param>
/// <param name="Negated">Whether none of the policy's values may match.</param>
/// <param name="Prepare">Makes a value ready.</param>
internal sealed record ConditionOperator(string Name, bool Negated, PrepareValue Prepare)
{
    /// <summary>Whether policy variables have a meaning in its values.</summary>
    public bool TakesVariables => Name.StartsWith("String", StringComparison.Ordinal) || Name.StartsWith("Arn", StringComparison.Ordinal);

    /// <summary>Tests presence; has rules of its own.</summary>
    public static ConditionOperator Null { get; } = new("Null", false, PrepareBool);

    private static readonly string[] DateFormats =
    [
        "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK",
    ];

    /// <summary>The operator of a name without qualifier and suffix; null when there is none.</summary>
    public static ConditionOperator? Find(string name) => All.GetValueOrDefault(name);

    private static IEnumerable<ConditionOperator> Make()
    {
        yield return Null;
        foreach (var (name, negated) in new[] { ("StringEquals", false), ("StringNotEquals", true) })
            yield return new(name, negated, Text(wildcards: false, ignoreCase: false));
        foreach (var (name, negated) in new[] { ("StringEqualsIgnoreCase", false), ("StringNotEqualsIgnoreCase", true) })
            yield return new(name, negated, Text(wildcards: false, ignoreCase: true));
        foreach (var (name, negated) in new[] { ("StringLike", false), ("StringNotLike", true) })
            yield return new(name, negated, Text(wildcards: true, ignoreCase: false));
        foreach (var (name, negated) in new[] { ("ArnEquals", false), ("ArnLike", false), ("ArnNotEquals", true), ("ArnNotLike", true) })
            yield return new(name, negated, PrepareArn);
        foreach (var (name, negated) in new[] { ("IpAddress", false), ("NotIpAddress", true) })
            yield return new(name, negated, PrepareAddress);
        yield return new("Bool", false, PrepareBool);
        yield return new("BinaryEquals", false, PrepareBinary);
        foreach (var (suffix, negated, accept) in Comparisons)
        {
            yield return new("Numeric" + suffix, negated, Ordered<decimal>("a number", TryParseNumber, accept));
            yield return new("Date" + suffix, negated, Ordered<DateTimeOffset>("a date: ISO 8601 or seconds since 1970", TryParseDate, accept));
        }
    }

    private static readonly (string Suffix, bool Negated, Func<int, bool> Accept)[] Comparisons =
    [
        ("Equals", false, static sign => sign == 0),
        ("NotEquals", true, static sign => sign == 0),
        ("LessThan", false, static sign => sign < 0),
        ("LessThanEquals", false, static sign => sign <= 0),
        ("GreaterThan", false, static sign => sign > 0),
        ("GreaterThanEquals", false, static sign => sign >= 0),
    ];

    // After what it is made of: static fields are set in the order in which they are written.
    private static readonly FrozenDictionary<string, ConditionOperator> All = Make().ToFrozenDictionary(static o => o.Name, StringComparer.Ordinal);

    private delegate bool Parser<T>(string text, out T value);

    private static PrepareValue Text(bool wildcards, bool ignoreCase) => (string value, bool variables, out string? fault) =>
        PolicyPattern.Parse(value, wildcards, variables, out fault) is { } pattern
            ? (given, context) => pattern.Matches(given, context, ignoreCase)
            : null;

    private static ValueMatch? PrepareArn(string value, bool variables, out string? fault) =>
        PolicyPattern.Parse(value, wildcards: true, variables, out fault) is { } pattern ? pattern.MatchesArn : null;

    private static PrepareValue Ordered<T>(string kind, Parser<T> parse, Func<int, bool> accept)
        where T : IComparable<T> => (string value, bool _, out string? fault) =>
    {
        fault = parse(value, out var bound) ? null : $"'{value}' must be {kind}";
        return fault is null ? (given, _) => parse(given, out var number) ? TernaryLogic.Of(accept(number.CompareTo(bound))) : Ternary.Unknown : null;
    };

    private static ValueMatch? PrepareBool(string value, bool variables, out string? fault)
    {
        fault = TryParseBool(value, out var wanted) ? null : $"'{value}' must be true or false";
        return fault is null ? (given, _) => TryParseBool(given, out var flag) ? TernaryLogic.Of(flag == wanted) : Ternary.Unknown : null;
    }

    private static ValueMatch? PrepareBinary(string value, bool variables, out string? fault)
    {
        fault = TryParseBinary(value, out var wanted) ? null : $"'{value}' must be base64";
        return fault is null ? (given, _) => TryParseBinary(given, out var bytes) ? TernaryLogic.Of(bytes.AsSpan().SequenceEqual(wanted)) : Ternary.Unknown : null;
    }

    private static ValueMatch? PrepareAddress(string value, bool variables, out string? fault)
    {
        fault = AddressRange.TryParse(value, out var range) ? null : $"'{value}' must be an IP address or a CIDR range";
        return fault is null ? (given, _) => AddressRange.TryParse(given, out var one) ? TernaryLogic.Of(range.Contains(one)) : Ternary.Unknown : null;
    }

    private static bool TryParseNumber(string text, out decimal value) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value);

    private static bool TryParseDate(string text, out DateTimeOffset value)
    {
        value = default;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds))
        {
            if (seconds is < -62_135_596_800 or > 253_402_300_799) return false;
            value = DateTimeOffset.FromUnixTimeSeconds(seconds);
            return true;
        }

        return DateTimeOffset.TryParseExact(text, DateFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out value);
    }

    private static bool TryParseBool(string text, out bool value)
    {
        value = text.Equals("true", StringComparison.OrdinalIgnoreCase);
        return value || text.Equals("false", StringComparison.OrdinalIgnoreCase);
    }

    private static bool TryParseBinary(string text, out byte[] bytes)
    {
        bytes = new byte[text.Length];
        var valid = Convert.TryFromBase64String(text, bytes, out var written);
        Array.Resize(ref bytes, written);
        return valid;
    }
}

/// <summary>Addresses with a common prefix. An IPv4 address that is written as an IPv6 one is the IPv4 address.</summary>
/// <param name="Bytes">Four or sixteen bytes.</param>
/// <param name="Prefix">How many leading bits count.</param>
internal readonly record struct AddressRange(byte[] Bytes, int Prefix)
{
    private const int MappedBits = 96;

    /// <summary>Reads <c>ADDRESS</c> or <c>ADDRESS/BITS</c>; strict, so that nothing is taken for an address which is none.</summary>
    public static bool TryParse(string text, out AddressRange range)
    {
        range = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var address = slash < 0 ? text : text[..slash];
        if (!IsPlain(address) || !IPAddress.TryParse(address, out var parsed)) return false;
        var bits = parsed.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var prefix = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > bits)) return false;
        if (parsed.IsIPv4MappedToIPv6 && prefix >= MappedBits) (parsed, prefix) = (parsed.MapToIPv4(), prefix - MappedBits);
        range = new AddressRange(parsed.GetAddressBytes(), prefix);
        return true;
    }

    /// <summary>Whether all of another range is in this one.</summary>
    public bool Contains(AddressRange other)
    {
        if (other.Bytes.Length != Bytes.Length || other.Prefix < Prefix) return false;
        var whole = Prefix / 8;
        if (!Bytes.AsSpan(0, whole).SequenceEqual(other.Bytes.AsSpan(0, whole))) return false;
        var rest = Prefix % 8;
        return rest == 0 || ((Bytes[whole] ^ other.Bytes[whole]) >> (8 - rest)) == 0;
    }

    // IPAddress takes one number, octal and hexadecimal parts, and zones.
    private static bool IsPlain(string text)
    {
        if (text.Contains(':', StringComparison.Ordinal)) return !text.AsSpan().ContainsAny("%[]");
        var parts = text.Split('.');
        return parts.Length == 4 && parts.All(static part => part is { Length: >= 1 and <= 3 } && part.All(char.IsAsciiDigit) && (part.Length == 1 || part[0] != '0'));
    }
}
