using Longshore.Core.Oci;
using Longshore.Server.Access;

namespace Longshore.Server.Trail;

/// <summary>
/// What a request says of itself, for calls that were refused before a face knew more: the API name, repository, digest and tag of registry traffic,
/// the operation of an AWS call.
/// </summary>
internal static class CallNames
{
    private const string Registry = "/v2";
    private const string Own = "/longshore";
    private const string Initiate = "InitiateLayerUpload";
    private const string Put = "PutImage";

    /// <summary>Whether requests of this path leave records: registry traffic, the AWS faces, our own API.</summary>
    public static bool IsRecorded(HttpRequest request)
    {
        var path = request.Path.Value;
        if (path is null) return false;
        if (path == "/") return HttpMethods.IsPost(request.Method);
        // Routes compare without case: no other spelling of a path reaches a face unseen.
        return path.StartsWith(Registry, StringComparison.OrdinalIgnoreCase) || path.StartsWith(Own + "/v1", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Fills in what no face has.</summary>
    public static void Complete(CallRecord record, HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        if (path.StartsWith(Registry, StringComparison.Ordinal))
        {
            if (record.EventName == Initiate) CompleteUpload(record, http.Request);
            else if (record.EventName == Put) CompleteTags(record, http.Request);
            if (record.EventName is null || (record.Repository is null && record.Digest is null && record.Tag is null)) CompleteRegistry(record, http, path);
        }
        else if (record.EventName is null && path == "/" && http.Request.Headers.TryGetValue("X-Amz-Target", out var targets) && targets.ToString() is { Length: > 0 and < 200 } target)
        {
            var dot = target.IndexOf('.', StringComparison.Ordinal);
            if (target.StartsWith("SpencerFrontendService", StringComparison.Ordinal)) record.EventSource = "ecr-public.amazonaws.com";
            record.EventName = IsName(target.AsSpan(dot + 1)) ? target[(dot + 1)..] : null;
        }
        else if (path.StartsWith(Own, StringComparison.Ordinal) && record.EventSource == CloudTrailJson.Ecr)
        {
            record.EventSource = "longshore";
        }
    }

    /// <summary>Fills in what the answer shows: the digest that a tag stood for, and a name for an error that no face named.</summary>
    public static void CompleteAnswer(CallRecord record, HttpContext http, int status)
    {
        if (record.Digest is null && http.Response.Headers.TryGetValue("Docker-Content-Digest", out var digest) && digest.Count == 1) record.Digest = digest[0];
        if (record.ErrorCode is not null || status < StatusCodes.Status400BadRequest) return;
        record.ErrorCode = status switch
        {
            StatusCodes.Status401Unauthorized => "UNAUTHORIZED",
            StatusCodes.Status403Forbidden => "DENIED",
            StatusCodes.Status404NotFound => "NOT_FOUND",
            StatusCodes.Status429TooManyRequests => "TOOMANYREQUESTS",
            StatusCodes.Status499ClientClosedRequest => "ClientClosedRequest",
            StatusCodes.Status507InsufficientStorage => "StorageFull",
            >= 500 => "ServerException",
            _ => "InvalidRequest",
        };
    }

    /// <summary>
    /// What an answer waits for. Uploads of layers wait for nothing: nobody sees a layer until an image names it, and the record of that PutImage comes after
    /// theirs in the same file. Pushes wait until they are written: a sync of its own for each would take from the disk what their bodies and rows need (3% of the
    /// rate, measured). Everything else that changes something waits for its sync.
    /// </summary>
    public static TrailPromise PromiseOf(CallRecord record) => record.EventName switch
    {
        Initiate or "UploadLayerPart" or "CompleteLayerUpload" or "MountLayer" => TrailPromise.Later,
        "PutImage" => TrailPromise.Written,
        _ => TrailPromise.Synced,
    };

    /// <summary>A POST may begin an upload, take a whole layer, or mount one.</summary>
    private static void CompleteUpload(CallRecord record, HttpRequest request)
    {
        if (!request.QueryString.HasValue || !HttpMethods.IsPost(request.Method)) return;
        if (request.Query.TryGetValue("mount", out var mounted) && mounted.Count == 1)
        {
            record.EventName = "MountLayer";
            record.Digest ??= mounted[0];
        }
        else if (request.Query.TryGetValue("digest", out var digest) && digest.Count == 1)
        {
            record.EventName = "CompleteLayerUpload";
            record.Digest ??= digest[0];
        }
    }

    /// <summary>A push by digest may name tags beside it.</summary>
    private static void CompleteTags(CallRecord record, HttpRequest request)
    {
        if (record.Digest is null || record.Tag is not null || record.RequestParameters is not null || !request.QueryString.HasValue) return;
        if (!request.Query.TryGetValue("tag", out var tags) || tags.Count == 0) return;
        if (tags.Count == 1) record.Tag = tags[0];
        else record.SetImages(record.Repository ?? "", tags.Select(tag => (record.Digest, tag ?? "")));
    }

    private static void CompleteRegistry(CallRecord record, HttpContext http, string path)
    {
        if (!RegistryPath.TryParse(path.AsSpan(Registry.Length), out var parsed)) return;
        record.EventName ??= Name(parsed.Route, http.Request);
        if (parsed.RawName.Length > 0) record.Repository ??= parsed.RawName;
        switch (parsed.Route)
        {
            case RegistryRoute.Manifest when parsed.Tail.Contains(':', StringComparison.Ordinal):
            case RegistryRoute.Blob or RegistryRoute.Referrers:
                record.Digest ??= parsed.Tail;
                break;
            case RegistryRoute.Manifest:
                record.Tag ??= parsed.Tail;
                break;
            case RegistryRoute.Upload or RegistryRoute.UploadStart when http.Request.Query.TryGetValue("digest", out var digest) && digest.Count == 1:
                record.Digest ??= digest[0];
                break;
            case RegistryRoute.UploadStart when http.Request.Query.TryGetValue("mount", out var mounted) && mounted.Count == 1:
                record.Digest ??= mounted[0];
                break;
        }
    }

    /// <summary>The API name of registry traffic, as ECR's trails have it (ecr-behaviour section 3).</summary>
    private static string Name(RegistryRoute route, HttpRequest request) => route switch
    {
        RegistryRoute.Base => "CheckRegistryAccess",
        RegistryRoute.Catalog => "DescribeRepositories",
        RegistryRoute.TagsList => "ListImages",
        RegistryRoute.Referrers => "ListImageReferrers",
        RegistryRoute.Manifest when HttpMethods.IsPut(request.Method) => "PutImage",
        RegistryRoute.Manifest when HttpMethods.IsDelete(request.Method) => "BatchDeleteImage",
        RegistryRoute.Manifest => "BatchGetImage",
        RegistryRoute.Blob when HttpMethods.IsHead(request.Method) => "BatchCheckLayerAvailability",
        RegistryRoute.Blob when HttpMethods.IsDelete(request.Method) => "BatchDeleteImage",
        RegistryRoute.Blob => "GetDownloadUrlForLayer",
        RegistryRoute.UploadStart when request.Query.ContainsKey("mount") => "MountLayer",
        RegistryRoute.UploadStart when request.Query.ContainsKey("digest") => "CompleteLayerUpload",
        RegistryRoute.UploadStart => Initiate,
        RegistryRoute.Upload when HttpMethods.IsPut(request.Method) => "CompleteLayerUpload",
        _ => "UploadLayerPart",
    };

    private static bool IsName(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c)) return false;
        return text.Length is > 0 and <= 64;
    }
}
