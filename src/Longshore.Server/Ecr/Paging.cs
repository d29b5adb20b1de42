using Longshore.Core;

namespace Longshore.Server.Ecr;

/// <summary>What the paged operations share.</summary>
internal static class Paging
{
    /// <summary>The error when a page is asked for beside an explicit list, else null.</summary>
    public static RegistryError? RefuseBeside(string list, string? nextToken, int? maxResults) =>
        nextToken is not null ? EcrErrors.InvalidParameter("nextToken", $"cannot be given together with {list}")
        : maxResults is not null ? EcrErrors.InvalidParameter("maxResults", $"cannot be given together with {list}")
        : null;

    /// <summary>Cuts a list that was read one longer than the page; gives the position of the last item kept, or null when all fit.</summary>
    public static string? Cut<T>(List<T> items, int limit, Func<T, string> position)
    {
        if (items.Count <= limit) return null;
        items.RemoveRange(limit, items.Count - limit);
        return position(items[^1]);
    }
}
