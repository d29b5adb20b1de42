using System.Globalization;
using System.Text;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>
/// The rules of resource tags: keys of 1 to 128 and values of up to 256 characters (ECR service quotas), letters, digits,
/// white space and <c>_ . : / = + - @</c>, and no key in AWS's own name space.
/// </summary>
internal static class ResourceTags
{
    private const int MaxKey = 128;
    private const int MaxValue = 256;
    private const string Reserved = "aws:";

    /// <summary>Tags by key; <see cref="ErrorCode.InvalidTagParameter"/> for the first that breaks a rule.</summary>
    public static Outcome<IReadOnlyDictionary<string, string>> Read(IReadOnlyList<Tag>? tags)
    {
        var read = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tag in tags ?? [])
        {
            var (key, value) = (tag.Key!, tag.Value!);
            if (CheckKey(key) is { } error) return error;
            if (CodePoints(value) > MaxValue || !IsLegal(value)) return Invalid($"The value of the tag '{key}' must have at most {MaxValue} letters, digits, spaces or _ . : / = + - @");
            if (!read.TryAdd(key, value)) return Invalid($"The tag key '{key}' is given more than once");
        }

        return Outcome<IReadOnlyDictionary<string, string>>.Of(read);
    }

    /// <summary>Tags as conditions see them, before they are checked: of a key that is given twice the last counts.</summary>
    public static IReadOnlyDictionary<string, string> ForConditions(IReadOnlyList<Tag>? tags) =>
        TagSet.Of([.. (tags ?? []).Select(static tag => (tag.Key ?? "", tag.Value ?? ""))]);

    /// <summary>What is wrong with a key, or null.</summary>
    public static RegistryError? CheckKey(string key) =>
        CodePoints(key) is < 1 or > MaxKey || !IsLegal(key) ? Invalid($"A tag key must have 1 to {MaxKey} letters, digits, spaces or _ . : / = + - @")
        : key.StartsWith(Reserved, StringComparison.OrdinalIgnoreCase) ? Invalid($"Tag keys that begin with '{Reserved}' are reserved")
        : null;

    private static RegistryError Invalid(string reason) => new(ErrorCode.InvalidTagParameter, reason + ".");

    private static int CodePoints(string text) => text.EnumerateRunes().Count();

    private static bool IsLegal(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune) || (rune.IsAscii && "_.:/=+-@".Contains((char)rune.Value, StringComparison.Ordinal))) continue;
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber) continue;
            return false;
        }

        return true;
    }
}
