using System.Text.Json;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Management;

/// <summary>
/// The error of <c>/longshore/v1</c>: <c>{"code","message","requestId"}</c>. The code is that of <see cref="ErrorCode"/>, or one of the few below that
/// concern HTTP alone.
/// </summary>
internal static class ManagementErrors
{
    /// <summary>No operation has this path.</summary>
    public const string UnknownPath = nameof(UnknownPath);

    /// <summary>The path does not take this method.</summary>
    public const string MethodNotAllowed = nameof(MethodNotAllowed);

    /// <summary>The body is longer than the operation's bound.</summary>
    public const string RequestTooLarge = nameof(RequestTooLarge);

    /// <summary>The body is announced as something else than JSON.</summary>
    public const string UnsupportedMediaType = nameof(UnsupportedMediaType);

    /// <summary>The server failed.</summary>
    public const string ServerError = nameof(ServerError);

    /// <summary>The status of an error.</summary>
    public static int Status(ErrorCode code) => code switch
    {
        ErrorCode.BlobUnknown or ErrorCode.BlobUploadUnknown or ErrorCode.ManifestUnknown or ErrorCode.RepositoryNotFound
            or ErrorCode.ExclusionNotFound or ErrorCode.TemplateNotFound or ErrorCode.LifecyclePolicyNotFound or ErrorCode.LifecyclePolicyPreviewNotFound
            or ErrorCode.RepositoryPolicyNotFound or ErrorCode.RegistryPolicyNotFound
            or ErrorCode.PlanNotFound or ErrorCode.ProtectionNotFound or ErrorCode.UsageSourceNotFound => StatusCodes.Status404NotFound,
        ErrorCode.ContentReferenced or ErrorCode.RepositoryAlreadyExists or ErrorCode.RepositoryNotEmpty or ErrorCode.TagImmutable
            or ErrorCode.ImageTagDoesNotMatchDigest or ErrorCode.ImageAlreadyExists or ErrorCode.LayerAlreadyExists or ErrorCode.LayerInaccessible
            or ErrorCode.ManifestBlobUnknown or ErrorCode.ManifestChildUnknown or ErrorCode.ExclusionAlreadyExists
            or ErrorCode.TemplateAlreadyExists or ErrorCode.LifecyclePolicyPreviewInProgress or ErrorCode.PlanNotApplicable or ErrorCode.StorageClassUpdateNotSupported or ErrorCode.ProtectionAlreadyExists
            or ErrorCode.ImageProtected => StatusCodes.Status409Conflict,
        ErrorCode.BlobUploadInvalid or ErrorCode.DigestInvalid or ErrorCode.SizeInvalid or ErrorCode.ManifestInvalid or ErrorCode.ManifestDigestMismatch
            or ErrorCode.NameInvalid or ErrorCode.TagInvalid or ErrorCode.EmptyUpload or ErrorCode.InvalidLayerPart or ErrorCode.LayerPartTooSmall
            or ErrorCode.LimitExceeded or ErrorCode.TooManyTags or ErrorCode.InvalidParameter
            or ErrorCode.InvalidTagParameter => StatusCodes.Status400BadRequest,
        ErrorCode.RangeInvalid => StatusCodes.Status416RangeNotSatisfiable,
        ErrorCode.ManifestTooLarge => StatusCodes.Status413PayloadTooLarge,
        ErrorCode.Unauthorized or ErrorCode.TokenExpired => StatusCodes.Status401Unauthorized,
        ErrorCode.Denied => StatusCodes.Status403Forbidden,
        ErrorCode.NotOffered => StatusCodes.Status501NotImplemented,
        ErrorCode.TooManyRequests => StatusCodes.Status429TooManyRequests,
        ErrorCode.StorageFull => StatusCodes.Status507InsufficientStorage,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "No status: add one to this map."),
    };

    /// <summary>Answers with an error.</summary>
    public static Task WriteAsync(HttpContext http, RegistryError error)
    {
        var status = Status(error.Code);
        if (status == StatusCodes.Status401Unauthorized) http.Response.Headers.WWWAuthenticate = "Basic realm=\"Longshore\"";
        if (error.Code == ErrorCode.TooManyRequests) http.Response.Headers.RetryAfter = RateLimits.RetryAfter;
        if (error.Code == ErrorCode.StorageFull) http.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = LastResort.StorageFullReason;
        return WriteAsync(http, status, error.Code.ToString(), error.Message, error.Detail);
    }

    /// <summary>Answers with an error of HTTP alone.</summary>
    public static Task WriteAsync(HttpContext http, int status, string code, string message, IReadOnlyDictionary<string, string>? detail = null)
    {
        var record = CallRecord.Of(http);
        (record.ErrorCode, record.ErrorMessage) = (code, message);
        return SendAsync(
            http,
            status,
            JsonSerializer.SerializeToUtf8Bytes(new ManagementErrorBody(code, message, http.TraceIdentifier, detail), ManagementFaceJson.Wire.ManagementErrorBody));
    }

    /// <summary>Sends an answer; an empty body is 204.</summary>
    public static async Task SendAsync(HttpContext http, int status, byte[] body)
    {
        var response = http.Response;
        response.Headers.CacheControl = "no-store";
        response.StatusCode = body.Length == 0 ? StatusCodes.Status204NoContent : status;
        if (body.Length == 0) return;
        response.ContentType = ManagementJson.MediaType;
        response.ContentLength = body.Length;
        await response.BodyWriter.WriteAsync(body, http.RequestAborted);
    }
}
