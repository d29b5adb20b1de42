using System.Globalization;
using Longshore.Core;

namespace Longshore.Server.Oci;

/// <summary>Pages of lists (OCI distribution 1.1, "Listing Tags"): <c>n</c>, <c>last</c> and the Link to the next page.</summary>
internal static class Paging
{
    /// <summary>Most items of a page, also without <c>n</c> (ECR caps <c>n</c> at the same number).</summary>
    public const int MaxItems = 1000;

    /// <summary>Reads <c>n</c>: digits only; what is beyond <see cref="MaxItems"/> counts as that, as does none at all.</summary>
    public static RegistryError? ReadCount(string? text, out int count)
    {
        count = MaxItems;
        if (text is null) return null;
        if (text.Length == 0 || text.AsSpan().ContainsAnyExceptInRange('0', '9'))
            return new RegistryError(ErrorCode.InvalidParameter, "Invalid parameter at 'n' failed to satisfy constraint: 'must be a number, 0 or more'");
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked < MaxItems) count = asked;
        return null;
    }

    /// <summary>The Link header to the page after <paramref name="last"/>.</summary>
    /// <param name="path">Path of the list, from <c>/v2</c> on.</param>
    /// <param name="count">Items per page.</param>
    /// <param name="last">Last item of this page.</param>
    public static string Next(string path, int count, string last) =>
        string.Create(CultureInfo.InvariantCulture, $"<{path}?n={count}&last={Uri.EscapeDataString(last)}>; rel=\"next\"");
}
