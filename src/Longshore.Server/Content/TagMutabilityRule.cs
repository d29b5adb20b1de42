using Longshore.Core;

namespace Longshore.Server.Content;

/// <summary>Whether a tag that exists may be moved (ECR tag immutability with exclusion filters).</summary>
internal static class TagMutabilityRule
{
    /// <summary>Decides by mode and filters; a filter matches whole tags, <c>*</c> stands for any run of characters.</summary>
    public static bool MayMove(RepositorySettings settings, TagName tag) => settings.TagMutability switch
    {
        TagMutability.Mutable => true,
        TagMutability.Immutable => false,
        TagMutability.ImmutableWithExclusion => MatchesAny(settings.MutabilityFilters, tag),
        TagMutability.MutableWithExclusion => !MatchesAny(settings.MutabilityFilters, tag),
        _ => false,
    };

    private static bool MatchesAny(IReadOnlyList<string> filters, TagName tag)
    {
        foreach (var filter in filters)
            if (Wildcard.Matches(filter, tag.Value)) return true;
        return false;
    }
}
