using System.Globalization;
using System.Text;

namespace Longshore.Core.Aws;

/// <summary>
/// Walks an input beside the generated checks, keeps the path and collects violations. Nothing is built for a valid input
/// beyond the path's stack.
/// </summary>
internal sealed class ConstraintChecker
{
    /// <summary>Beyond this many the input is hostile rather than mistaken, and naming more helps nobody.</summary>
    public const int MostViolations = 100;

    private const int LongestQuotedValue = 256;

    private readonly List<string> _path = [];
    private readonly List<ConstraintViolation> _violations = [];
    private bool _secret;

    /// <summary>All violations of an input, up to <see cref="MostViolations"/>.</summary>
    public static IReadOnlyList<ConstraintViolation> Run<T>(T input, Action<ConstraintChecker, T> check)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(input);
        var checker = new ConstraintChecker();
        check(checker, input);
        return checker._violations;
    }

    public void Required<T>(string name, T value)
    {
        if (value is not null) return;
        _path.Add(name);
        Missing();
        Leave(1);
    }

    public void Member<T>(string name, T? value, Action<ConstraintChecker, T> check)
        where T : class
    {
        if (value is null) return;
        _path.Add(name);
        check(this, value);
        Leave(1);
    }

    /// <summary>Like <see cref="Member"/>, for a value that no message may quote.</summary>
    public void Secret<T>(string name, T? value, Action<ConstraintChecker, T> check)
        where T : class
    {
        _secret = true;
        Member(name, value, check);
        _secret = false;
    }

    public void Number<T>(string name, T? value, Action<ConstraintChecker, T> check)
        where T : struct
    {
        if (value is not { } number) return;
        _path.Add(name);
        check(this, number);
        Leave(1);
    }

    /// <summary>A string; lengths count code points, as AWS does, not UTF-16 units.</summary>
    public void Text(string value, int min = 0, int max = int.MaxValue, WirePattern? pattern = null, IReadOnlyList<string>? values = null)
    {
        // Between half and all of the units are code points: most lengths need no counting.
        if (value.Length > max || value.Length < 2L * min) Length(CodePoints(value), min, max, value);
        if (pattern is not null && !pattern.IsMatch(value)) Add(value, $"Member must satisfy regular expression pattern: {pattern.Source}");
        if (values is not null && !values.Contains(value, StringComparer.Ordinal))
            Add(value, $"Member must satisfy enum value set: [{string.Join(", ", values)}]");
    }

    public void Bytes(byte[] value, int min = 0, int max = int.MaxValue) => Length(value.Length, min, max, null);

    public void Range(long value, long min = long.MinValue, long max = long.MaxValue)
    {
        if (value < min) Add(Text(value), $"Member must have value greater than or equal to {Text(min)}");
        if (value > max) Add(Text(value), $"Member must have value less than or equal to {Text(max)}");
    }

    public void Items<T>(IReadOnlyList<T> value, Action<ConstraintChecker, T>? check, int min = 0, int max = int.MaxValue)
        where T : class
    {
        Length(value.Count, min, max, null);
        if (value.Count > max) return;
        for (var i = 0; i < value.Count && _violations.Count < MostViolations; i++)
        {
            _path.Add(Text(i + 1));
            _path.Add("member");
            if (value[i] is { } item) check?.Invoke(this, item);
            else Missing();
            Leave(2);
        }
    }

    public void Entries<T>(
        IReadOnlyDictionary<string, T> value, Action<ConstraintChecker, string>? checkKey, Action<ConstraintChecker, T>? checkValue,
        int min = 0, int max = int.MaxValue)
        where T : class
    {
        Length(value.Count, min, max, null);
        if (value.Count > max) return;
        foreach (var (key, item) in value)
        {
            if (_violations.Count >= MostViolations) return;
            _path.Add("key");
            checkKey?.Invoke(this, key);
            Leave(1);
            _path.Add("value");
            if (item is not null) checkValue?.Invoke(this, item);
            else Missing();
            Leave(1);
        }
    }

    private static int CodePoints(string value)
    {
        var count = 0;
        foreach (var _ in value.EnumerateRunes()) count++;
        return count;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private void Length(int length, int min, int max, string? value)
    {
        if (length < min) Add(value, $"Member must have length greater than or equal to {Text(min)}");
        if (length > max) Add(value, $"Member must have length less than or equal to {Text(max)}");
    }

    private void Missing() => Record("null", ConstraintViolation.NotNull);

    private void Add(string? value, string constraint) => Record(_secret ? null : Shorten(value), constraint);

    private void Record(string? value, string constraint)
    {
        if (_violations.Count >= MostViolations) return;
        _violations.Add(new ConstraintViolation(string.Join('.', _path), value, constraint));
    }

    private void Leave(int segments) => _path.RemoveRange(_path.Count - segments, segments);

    private static string? Shorten(string? value)
    {
        if (value is null || value.Length <= LongestQuotedValue) return value;
        // Half a surrogate pair would not survive the reply's UTF-8.
        var end = char.IsHighSurrogate(value[LongestQuotedValue - 1]) ? LongestQuotedValue - 1 : LongestQuotedValue;
        return new StringBuilder(value, 0, end, end + 1).Append('…').ToString();
    }
}
