namespace Longshore.Server.Access;

/// <summary>Tags as conditions see them: keys compare without case, and of two that differ in nothing else the last counts.</summary>
internal static class TagSet
{
    /// <summary>The tags of rows.</summary>
    public static IReadOnlyDictionary<string, string> Of(IReadOnlyCollection<(string Key, string Value)> rows)
    {
        var tags = new Dictionary<string, string>(rows.Count, StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in rows) tags[key] = value;
        return tags;
    }
}
