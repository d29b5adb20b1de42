using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>The tags of a session that is asked for (IAM User Guide, "Pass session tags in AWS STS").</summary>
/// <param name="All">What the session will have: those given, and those handed down by the session that asks.</param>
/// <param name="TransitiveKeys">The keys that go on from there.</param>
internal sealed record SessionTags(IReadOnlyDictionary<string, string> All, IReadOnlyList<string> TransitiveKeys)
{
    /// <summary>None.</summary>
    public static SessionTags None { get; } = new(new Dictionary<string, string>(), []);

    /// <summary>Most tags (STS model, tagListType).</summary>
    private const int Most = 50;

    /// <summary>Whether a tag that no model has checked keeps to the model (tagKeyType, tagValueType).</summary>
    public static bool IsValid(string key, string value) =>
        key.Length is > 0 and <= 128 && value.Length <= 256 && key.All(IsTagCharacter) && value.All(IsTagCharacter);

    /// <summary>Whether a source identity that no model has checked keeps to the model (sourceIdentityType).</summary>
    public static bool IsSourceIdentity(string text) =>
        text.Length is >= 2 and <= 64 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '+' or '=' or ',' or '.' or '@' or '-');

    private static bool IsTagCharacter(char c) => char.IsLetter(c) || char.IsSeparator(c) || char.IsNumber(c) || c is '_' or '.' or ':' or '/' or '=' or '+' or '-' or '@';

    /// <summary>Puts together what is given and what is handed down. Keys compare without case, and what was handed down cannot be changed.</summary>
    public static StsOutcome<SessionTags> Combine(IEnumerable<(string Key, string Value)> given, IReadOnlyList<string> transitive, SessionTicket? parent)
    {
        var tags = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in given)
        {
            if (key.StartsWith("aws:", StringComparison.OrdinalIgnoreCase)) return StsError.Value("Tag keys may not start with 'aws:'.");
            if (!tags.TryAdd(key, value)) return StsError.Value("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
        }

        var going = new HashSet<string>(transitive, StringComparer.OrdinalIgnoreCase);
        if (going.Any(key => !tags.ContainsKey(key))) return StsError.Value("The specified transitive tag key must be included in the requested tags.");
        foreach (var key in parent?.TransitiveTagKeys ?? [])
        {
            if (!tags.TryAdd(key, parent!.Tags[key]))
                return StsError.Value("One of the specified tag keys can't be set because it conflicts with a transitive tag key from the calling session.");
            going.Add(key);
        }

        return tags.Count > Most ? StsError.Value($"A session can have at most {Most} tags.") : new SessionTags(tags, [.. going]);
    }

    /// <summary>The same from the members of a request.</summary>
    public static StsOutcome<SessionTags> Combine(IReadOnlyList<Tag>? given, IReadOnlyList<string>? transitive, SessionTicket? parent) =>
        Combine((given ?? []).Select(static tag => (tag.Key!, tag.Value!)), transitive ?? [], parent);
}
