using System.Buffers;

namespace Longshore.Core.Oci;

/// <summary>The endpoints of the distribution API, by path alone; the method is the caller's matter.</summary>
public enum RegistryRoute
{
    /// <summary>No route: the value of <c>default</c>, never that of a successful parse.</summary>
    None,

    /// <summary><c>/v2</c> and <c>/v2/</c></summary>
    Base,

    /// <summary><c>/v2/_catalog</c></summary>
    Catalog,

    /// <summary><c>/v2/NAME/tags/list</c></summary>
    TagsList,

    /// <summary><c>/v2/NAME/manifests/REFERENCE</c></summary>
    Manifest,

    /// <summary><c>/v2/NAME/blobs/DIGEST</c></summary>
    Blob,

    /// <summary><c>/v2/NAME/blobs/uploads/</c>, the last slash being optional.</summary>
    UploadStart,

    /// <summary><c>/v2/NAME/blobs/uploads/ID</c></summary>
    Upload,

    /// <summary><c>/v2/NAME/referrers/DIGEST</c></summary>
    Referrers,
}

/// <summary>
/// A path of the distribution API (OCI distribution 1.1, "Endpoints"), taken apart.
/// </summary>
/// <remarks>
/// <para>Repository names contain slashes, and components like <c>blobs</c>, <c>tags</c> or <c>uploads</c> are lawful, so a
/// path cannot be read from its start: <c>a/blobs/uploads/manifests/x</c> is manifest <c>x</c> of <c>a/blobs/uploads</c>.
/// It is read from its end. What follows the last slash (reference, digest, upload id) never holds a slash, so the
/// next-to-last segment alone names the route, and every path has at most one reading, with one exception:
/// <c>NAME/blobs/uploads</c> could be the blob "uploads". That is no digest, so it starts an upload.</para>
/// <para>Nothing is decoded or normalised here. A path with an empty segment, a <c>.</c> or <c>..</c> segment, a percent
/// sign (left over from decoding once), a backslash or an ASCII control character names nothing, so no two spellings of a path
/// reach the same content and none can be taken for another by a proxy in front.</para>
/// </remarks>
public readonly record struct RegistryPath
{
    // ASCII controls, the escape sign, and the separator of another operating system. ASCII alone, so that the search uses
    // vector instructions; no character beyond it is lawful in a name, reference or digest anyway.
    private static readonly SearchValues<char> Odd =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (char)c), '\u007f', '%', '\\']);

    private readonly string? rawName;
    private readonly string? tail;

    private RegistryPath(RegistryRoute route, ReadOnlySpan<char> name, ReadOnlySpan<char> tail)
    {
        Route = route;
        rawName = name.ToString();
        this.tail = tail.ToString();
    }

    /// <summary>The endpoint.</summary>
    public RegistryRoute Route { get; }

    /// <summary>The repository name as it stands in the path, not empty but perhaps malformed; empty for Base and Catalog.</summary>
    public string RawName => rawName ?? "";

    /// <summary>The reference, digest or upload id as it stands in the path, unchecked; empty for the routes without one.</summary>
    public string Tail => tail ?? "";

    /// <summary>The repository name; false when it is malformed or too long (<see cref="ErrorCode.NameInvalid"/>) or the route has none.</summary>
    public bool TryGetName(out RepositoryName name) => RepositoryName.TryParse(RawName, out name);

    /// <summary>
    /// Takes apart what follows <c>/v2</c> in a path that the server has decoded once: the empty text, or text from the
    /// slash on. False when the path is none of the API's (answer 404); the name is left to <see cref="TryGetName"/>.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> path, out RegistryPath result)
    {
        result = default;
        if (path is "" or "/")
        {
            result = new RegistryPath(RegistryRoute.Base, default, default);
            return true;
        }

        if (path[0] != '/' || path.ContainsAny(Odd) || HasEmptyOrDotSegment(path)) return false;

        var rest = path[1..];
        if (rest is "_catalog")
        {
            result = new RegistryPath(RegistryRoute.Catalog, default, default);
            return true;
        }

        var tail = CutLast(ref rest);
        if (tail.IsEmpty)
        {
            // The only endpoint that ends in a slash.
            if (CutLast(ref rest) is not "uploads" || CutLast(ref rest) is not "blobs" || rest.IsEmpty) return false;
            result = new RegistryPath(RegistryRoute.UploadStart, rest, default);
            return true;
        }

        RegistryRoute route;
        switch (CutLast(ref rest))
        {
            case "manifests":
                route = RegistryRoute.Manifest;
                break;
            case "blobs" when tail is "uploads":
                route = RegistryRoute.UploadStart;
                tail = default;
                break;
            case "blobs":
                route = RegistryRoute.Blob;
                break;
            case "uploads" when CutLast(ref rest) is "blobs":
                route = RegistryRoute.Upload;
                break;
            case "tags" when tail is "list":
                route = RegistryRoute.TagsList;
                tail = default;
                break;
            case "referrers":
                route = RegistryRoute.Referrers;
                break;
            default:
                return false;
        }

        if (rest.IsEmpty) return false;
        result = new RegistryPath(route, rest, tail);
        return true;
    }

    /// <summary>The path from <c>/v2</c> on, as a <c>Location</c> header carries it.</summary>
    public override string ToString() => Route switch
    {
        RegistryRoute.Base => "/v2/",
        RegistryRoute.Catalog => "/v2/_catalog",
        RegistryRoute.TagsList => $"/v2/{RawName}/tags/list",
        RegistryRoute.Manifest => $"/v2/{RawName}/manifests/{Tail}",
        RegistryRoute.Blob => $"/v2/{RawName}/blobs/{Tail}",
        RegistryRoute.UploadStart => $"/v2/{RawName}/blobs/uploads/",
        RegistryRoute.Upload => $"/v2/{RawName}/blobs/uploads/{Tail}",
        RegistryRoute.Referrers => $"/v2/{RawName}/referrers/{Tail}",
        _ => "",
    };

    /// <summary>Takes the text after the last slash off, and the slash; all of it when there is no slash.</summary>
    private static ReadOnlySpan<char> CutLast(ref ReadOnlySpan<char> rest)
    {
        var slash = rest.LastIndexOf('/');
        var last = rest[(slash + 1)..];
        rest = slash < 0 ? default : rest[..slash];
        return last;
    }

    /// <summary>Looks for <c>//</c>, <c>/./</c> and <c>/../</c>, also at the end; one last slash is no empty segment.</summary>
    private static bool HasEmptyOrDotSegment(ReadOnlySpan<char> path)
    {
        if (path.IndexOf("//") >= 0) return true;
        for (int at; (at = path.IndexOf("/.")) >= 0;)
        {
            path = path[(at + 2)..];
            if (path.IsEmpty || path[0] == '/') return true;
            if (path[0] == '.' && (path.Length == 1 || path[1] == '/')) return true;
        }

        return false;
    }
}
