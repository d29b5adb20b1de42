using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Oci;

/// <summary>
/// The error of the distribution API: a closed map from <see cref="ErrorCode"/> to the codes of the specification (OCI
/// distribution 1.1, "Error Codes") and to statuses, and the body <c>{"errors":[{"code","message","detail"}]}</c>.
/// </summary>
internal static class OciErrors
{
    /// <summary>The code of a failure that the specification has no word for.</summary>
    public const string UnknownCode = "UNKNOWN";

    private const string Unsupported = "UNSUPPORTED";
    private const string NameInvalid = "NAME_INVALID";
    private const string ManifestInvalid = "MANIFEST_INVALID";
    private const string BlobUploadInvalid = "BLOB_UPLOAD_INVALID";
    private const string ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN";
    private const string Denied = "DENIED";

    /// <summary>The code and the status of an error.</summary>
    public static (string Code, int Status) Map(ErrorCode code) => code switch
    {
        ErrorCode.BlobUnknown => ("BLOB_UNKNOWN", StatusCodes.Status404NotFound),
        ErrorCode.BlobUploadInvalid => (BlobUploadInvalid, StatusCodes.Status400BadRequest),
        ErrorCode.BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", StatusCodes.Status404NotFound),
        ErrorCode.RangeInvalid => (BlobUploadInvalid, StatusCodes.Status416RangeNotSatisfiable),
        ErrorCode.DigestInvalid => ("DIGEST_INVALID", StatusCodes.Status400BadRequest),
        ErrorCode.SizeInvalid => ("SIZE_INVALID", StatusCodes.Status400BadRequest),
        ErrorCode.ManifestBlobUnknown => (ManifestBlobUnknown, StatusCodes.Status404NotFound),
        ErrorCode.ManifestChildUnknown => (ManifestBlobUnknown, StatusCodes.Status404NotFound),
        ErrorCode.ManifestInvalid => (ManifestInvalid, StatusCodes.Status400BadRequest),
        ErrorCode.ManifestTooLarge => (ManifestInvalid, StatusCodes.Status413PayloadTooLarge),
        // ECR's code; the specification would have DIGEST_INVALID.
        ErrorCode.ManifestDigestMismatch => (ManifestInvalid, StatusCodes.Status400BadRequest),
        ErrorCode.ManifestUnknown => ("MANIFEST_UNKNOWN", StatusCodes.Status404NotFound),
        // 405: the only refusal of a deletion that the published conformance suite takes.
        ErrorCode.ContentReferenced => (Unsupported, StatusCodes.Status405MethodNotAllowed),
        ErrorCode.NameInvalid => (NameInvalid, StatusCodes.Status400BadRequest),
        ErrorCode.RepositoryNotFound => ("NAME_UNKNOWN", StatusCodes.Status404NotFound),
        ErrorCode.RepositoryAlreadyExists => (NameInvalid, StatusCodes.Status409Conflict),
        ErrorCode.RepositoryNotEmpty => (Unsupported, StatusCodes.Status409Conflict),
        // ECR tells of bad parameters, tags among them, as UNSUPPORTED.
        ErrorCode.TagInvalid => (Unsupported, StatusCodes.Status400BadRequest),
        ErrorCode.ImageTagDoesNotMatchDigest => (Unsupported, StatusCodes.Status400BadRequest),
        ErrorCode.InvalidParameter => (Unsupported, StatusCodes.Status400BadRequest),
        ErrorCode.InvalidTagParameter => (Unsupported, StatusCodes.Status400BadRequest),
        ErrorCode.TagImmutable => ("TAG_INVALID", StatusCodes.Status400BadRequest),
        ErrorCode.ImageAlreadyExists => (ManifestInvalid, StatusCodes.Status409Conflict),
        ErrorCode.LayerAlreadyExists => (BlobUploadInvalid, StatusCodes.Status409Conflict),
        ErrorCode.EmptyUpload => (BlobUploadInvalid, StatusCodes.Status400BadRequest),
        ErrorCode.InvalidLayerPart => (BlobUploadInvalid, StatusCodes.Status416RangeNotSatisfiable),
        ErrorCode.LayerPartTooSmall => (BlobUploadInvalid, StatusCodes.Status400BadRequest),
        ErrorCode.LayerInaccessible => ("BLOB_UNKNOWN", StatusCodes.Status404NotFound),
        ErrorCode.LimitExceeded => (Denied, StatusCodes.Status403Forbidden),
        ErrorCode.TooManyTags => (Denied, StatusCodes.Status403Forbidden),
        // Settings of the registry, which this API does not touch.
        ErrorCode.ExclusionAlreadyExists => (Unsupported, StatusCodes.Status409Conflict),
        ErrorCode.ExclusionNotFound => (Unsupported, StatusCodes.Status404NotFound),
        ErrorCode.TemplateAlreadyExists => (Unsupported, StatusCodes.Status409Conflict),
        ErrorCode.TemplateNotFound => (Unsupported, StatusCodes.Status404NotFound),
        ErrorCode.RepositoryPolicyNotFound or ErrorCode.RegistryPolicyNotFound or ErrorCode.LifecyclePolicyNotFound or ErrorCode.LifecyclePolicyPreviewNotFound or ErrorCode.PlanNotFound => (Unsupported, StatusCodes.Status404NotFound),
        ErrorCode.LifecyclePolicyPreviewInProgress or ErrorCode.PlanNotApplicable or ErrorCode.StorageClassUpdateNotSupported => (Unsupported, StatusCodes.Status409Conflict),
        // Nobody may, whatever their rights: a policy of the registry.
        ErrorCode.ImageProtected => (Denied, StatusCodes.Status403Forbidden),
        ErrorCode.ProtectionNotFound => (Unsupported, StatusCodes.Status404NotFound),
        ErrorCode.ProtectionAlreadyExists => (Unsupported, StatusCodes.Status409Conflict),
        ErrorCode.UsageSourceNotFound => (Unsupported, StatusCodes.Status404NotFound),
        ErrorCode.Unauthorized => ("UNAUTHORIZED", StatusCodes.Status401Unauthorized),
        ErrorCode.Denied => (Denied, StatusCodes.Status403Forbidden),
        // Not 401: clients would ask for the same token again. ECR answers 403.
        ErrorCode.TokenExpired => (Denied, StatusCodes.Status403Forbidden),
        ErrorCode.NotOffered => (Unsupported, StatusCodes.Status405MethodNotAllowed),
        ErrorCode.TooManyRequests => ("TOOMANYREQUESTS", StatusCodes.Status429TooManyRequests),
        ErrorCode.StorageFull => (UnknownCode, StatusCodes.Status507InsufficientStorage),
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "No wire form: add one to this map."),
    };

    /// <summary>Answers with an error.</summary>
    public static Task WriteAsync(HttpContext http, RegistryError error)
    {
        var (code, status) = Map(error.Code);
        switch (error.Code)
        {
            case ErrorCode.Unauthorized:
                http.Response.Headers.WWWAuthenticate = Challenge(http.Request.Host.Value);
                break;
            case ErrorCode.TooManyRequests:
                http.Response.Headers.RetryAfter = RateLimits.RetryAfter;
                break;
            case ErrorCode.StorageFull:
                http.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = LastResort.StorageFullReason;
                break;
            case ErrorCode.ContentReferenced:
                // What can still be done with it: a 405 must say so (RFC 9110, section 15.5.6).
                http.Response.Headers.Allow = "GET, HEAD";
                break;
        }

        // The two faces name a missing image differently; the error itself is in the words of the ECR API.
        var message = error.Code == ErrorCode.ManifestUnknown ? "Requested image not found" : error.Message;
        return WriteAsync(http, status, code, message, error.Detail);
    }

    /// <summary>Answers that no endpoint has this path.</summary>
    public static Task WriteNoEndpointAsync(HttpContext http, bool escaped) => escaped
        ? WriteAsync(http, StatusCodes.Status404NotFound, NameInvalid, "The path holds escapes that no name, tag or digest can contain.")
        : WriteAsync(http, StatusCodes.Status404NotFound, Unsupported, "The distribution API has no endpoint with this path.");

    /// <summary>Answers that the endpoint does not take this method.</summary>
    public static Task WriteMethodNotAllowedAsync(HttpContext http, string allow)
    {
        http.Response.Headers.Allow = allow;
        return WriteAsync(http, StatusCodes.Status405MethodNotAllowed, Unsupported, $"This endpoint takes {allow}.");
    }

    /// <summary>The challenge of a 401, for the host that the client used.</summary>
    public static string Challenge(string? host) => $"Basic realm=\"https://{(IsPlainHost(host) ? host : "")}/\",service=\"ecr.amazonaws.com\"";

    private static async Task WriteAsync(HttpContext http, int status, string code, string message, IReadOnlyDictionary<string, string>? detail = null)
    {
        var record = CallRecord.Of(http);
        (record.ErrorCode, record.ErrorMessage) = (code, message);
        using var body = new JsonBody();
        var json = body.Writer;
        json.WriteStartObject();
        json.WriteStartArray("errors");
        json.WriteStartObject();
        json.WriteString("code", code);
        json.WriteString("message", message);
        if (detail is { Count: > 0 })
        {
            json.WriteStartObject("detail");
            foreach (var (name, value) in detail) json.WriteString(name, value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        http.Response.StatusCode = status;
        http.Response.Headers.CacheControl = "no-store";
        await body.SendAsync(http, JsonBody.MediaType);
    }

    // The host comes from the client: nothing that could end the quoted string, or the header, goes back out.
    private static bool IsPlainHost(string? host)
    {
        if (string.IsNullOrEmpty(host)) return false;
        foreach (var c in host)
            if (!(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or ':' or '[' or ']' or '_')) return false;
        return true;
    }
}
