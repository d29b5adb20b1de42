namespace Longshore.Core.Policies;

/// <summary>The condition keys of a request.</summary>
public interface IConditionContext
{
    /// <summary>The values of a key; null when the request has no such key. Keys compare without case.</summary>
    /// <param name="key">Such as <c>aws:SourceIp</c> or <c>ecr:ResourceTag/team</c>.</param>
    IReadOnlyList<string>? Find(string key);
}

/// <summary>Condition keys in a dictionary.</summary>
public sealed class ConditionValues : IConditionContext
{
    private readonly Dictionary<string, IReadOnlyList<string>> values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>No keys at all.</summary>
    public static ConditionValues Empty { get; } = new();

    /// <summary>The keys that are there.</summary>
    public IEnumerable<string> Keys => values.Keys;

    /// <summary>Sets a key; for chaining.</summary>
    public ConditionValues Add(string key, params IReadOnlyList<string> of)
    {
        values[key] = of;
        return this;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string>? Find(string key) => values.GetValueOrDefault(key);
}
