namespace Longshore.Server.Management;

/// <summary>A path below the prefix, taken apart: decoded segments, and the undecoded query.</summary>
/// <param name="Segments">What stands between the slashes. An escaped slash is part of its segment.</param>
/// <param name="Query">Without its question mark.</param>
internal readonly record struct ManagementTarget(string[] Segments, string Query)
{
    /// <summary>Where the API lives.</summary>
    public const string Prefix = "/longshore/v1/";

    private const int MostSegments = 16;

    /// <summary>Reads the request target as it came; false when it is not below the prefix or not well-formed.</summary>
    public static bool TryParse(string target, out ManagementTarget parsed)
    {
        parsed = default;
        if (target.Length > 0 && target[0] != '/')
        {
            // The absolute form, as a proxy is sent it.
            if (!Uri.TryCreate(target, UriKind.Absolute, out var uri)) return false;
            target = uri.PathAndQuery;
        }

        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var path = mark < 0 ? target : target[..mark];
        if (!path.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        var segments = path[Prefix.Length..].Split('/', MostSegments);
        for (var i = 0; i < segments.Length; i++) segments[i] = Uri.UnescapeDataString(segments[i]);
        parsed = new ManagementTarget(segments, mark < 0 ? "" : target[(mark + 1)..]);
        return true;
    }
}

/// <summary>Finds operations by path and method.</summary>
internal sealed class ManagementRoutes
{
    private readonly List<Route> routes;

    /// <summary>Routes to these operations. Two that answer the same requests are a mistake.</summary>
    public ManagementRoutes(IEnumerable<BoundOperation> operations)
    {
        routes = [.. operations.GroupBy(o => o.Declaration.Path, StringComparer.Ordinal).Select(group => new Route(group.Key.Split('/'), [.. group]))];
        foreach (var route in routes)
            if (route.Operations.GroupBy(o => o.Declaration.Method, StringComparer.Ordinal).Any(g => g.Count() > 1))
                throw new InvalidOperationException($"Two operations have the path {string.Join('/', route.Template)} and the same method.");
    }

    /// <summary>
    /// The operations of a path, one a method, with the values of its parameters; null when it has none. A literal segment goes before a parameter.
    /// </summary>
    public (IReadOnlyList<BoundOperation> Operations, Dictionary<string, string> Values)? Find(string[] segments)
    {
        Route? best = null;
        foreach (var route in routes)
            if (route.Matches(segments) && (best is null || route.Parameters < best.Parameters)) best = route;
        return best is null ? null : (best.Operations, best.ValuesOf(segments));
    }

    /// <summary>An operation with its work.</summary>
    internal sealed record BoundOperation(ManagementDeclaration Declaration, bool TakesBody, ManagementHandler Handle);

    private sealed record Route(string[] Template, IReadOnlyList<BoundOperation> Operations)
    {
        public int Parameters { get; } = Template.Count(IsParameter);

        public bool Matches(string[] segments)
        {
            if (segments.Length != Template.Length) return false;
            for (var i = 0; i < segments.Length; i++)
                if (IsParameter(Template[i]) ? segments[i].Length == 0 : segments[i] != Template[i]) return false;
            return true;
        }

        public Dictionary<string, string> ValuesOf(string[] segments)
        {
            var values = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i < segments.Length; i++)
                if (IsParameter(Template[i])) values[Template[i][1..^1]] = segments[i];
            return values;
        }

        private static bool IsParameter(string segment) => segment.StartsWith('{');
    }
}
