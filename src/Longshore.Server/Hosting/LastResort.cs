using System.Text.Json;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Hosting;

/// <summary>
/// Catches what nothing below catches: a bug or broken infrastructure. Logged once with the request id, answered as a 5xx
/// in the caller's protocol. Clients that go away or break HTTP are no errors of ours.
/// </summary>
internal sealed class LastResort(RequestDelegate next, ILogger<LastResort> logger)
{
    /// <summary>
    /// The status line of a full store. 507 is not among the statuses that AWS SDKs retry (500, 502, 503, 504), and these
    /// words in the status line make dockerd give up at once instead of sending the layer five times
    /// (moby, distribution/errors.go, retryOnError).
    /// </summary>
    public const string StorageFullReason = "no space left on device";

    /// <summary>Runs the rest of the pipeline.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        Task task;
        try
        {
            task = next(context);
        }
#pragma warning disable CA1031 // The last resort catches everything by its purpose.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return AnswerAsync(context, e);
        }
        return task.IsCompletedSuccessfully ? Task.CompletedTask : AwaitAsync(context, task);
    }

    private async Task AwaitAsync(HttpContext context, Task task)
    {
        try
        {
            await task;
        }
#pragma warning disable CA1031 // As above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            await AnswerAsync(context, e);
        }
    }

    private Task AnswerAsync(HttpContext context, Exception exception)
    {
        var request = context.Request;
        var path = request.Path.Value ?? "";
        switch (exception)
        {
            case BadHttpRequestException bad:
                logger.ClientBroke(context.TraceIdentifier, request.Method, path, bad.Message);
                return WriteAsync(context, bad.StatusCode, null, "The request is not valid HTTP: " + bad.Message);
            case IOException { InnerException: OverflowException } overflow:
                // Kestrel's word for a chunk size beyond 31 bits; nothing of ours throws this pair.
                logger.ClientBroke(context.TraceIdentifier, request.Method, path, overflow.Message);
                return WriteAsync(context, StatusCodes.Status400BadRequest, null, "The request is not valid HTTP: " + overflow.Message);
            case ConnectionResetException or ConnectionAbortedException:
            // An aborted read of the body throws this, now and then before the token of the request says so.
            case OperationCanceledException { InnerException: ConnectionResetException or ConnectionAbortedException }:
            case OperationCanceledException when context.RequestAborted.IsCancellationRequested:
            case IOException when context.RequestAborted.IsCancellationRequested:
                logger.ClientBroke(context.TraceIdentifier, request.Method, path, exception.Message);
                context.Abort();
                return Task.CompletedTask;
            case TooManyRequestsException:
                logger.NoMemoryForBodies(context.TraceIdentifier, request.Method, path);
                return RefuseAsync(context);
            case StorageFullException full:
                logger.StorageFull(context.TraceIdentifier, request.Method, path, full.Message);
                return WriteAsync(context, StatusCodes.Status507InsufficientStorage, StorageFullReason, "The registry's store is full.");
            case DatabaseAwayException away:
                logger.DatabaseAway(context.TraceIdentifier, request.Method, path, away.Message);
                if (!context.Response.HasStarted) context.Response.OnStarting(static state => RetryLater((HttpResponse)state), context.Response);
                return WriteAsync(context, StatusCodes.Status503ServiceUnavailable, null, "The registry's database does not answer. Try again.");
            case StorageUnavailableException away:
                logger.StorageUnavailable(context.TraceIdentifier, request.Method, path, away.Message);
                if (!context.Response.HasStarted) context.Response.OnStarting(static state => RetryLater((HttpResponse)state), context.Response);
                return WriteAsync(context, StatusCodes.Status503ServiceUnavailable, null, "The registry's store does not answer. Try again later.");
            default:
                logger.RequestFailed(exception, context.TraceIdentifier, request.Method, path);
                return WriteAsync(context, StatusCodes.Status500InternalServerError, null, "The registry failed. Its log tells more under this request id.");
        }
    }

    /// <summary>Answers with ECR's error of too many requests, in the caller's protocol.</summary>
    public static async Task RefuseAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        response.Clear();
        response.Headers.RetryAfter = RateLimits.RetryAfter;
        var management = request.Path.StartsWithSegments("/longshore", StringComparison.Ordinal);
        var form = request.HasFormContentType;
        var registry = request.Path.StartsWithSegments("/v2", StringComparison.Ordinal);
        (response.StatusCode, response.ContentType, var body) = (registry, management, form) switch
        {
            (true, _, _) => (StatusCodes.Status429TooManyRequests, "application/json",
                $$"""{"errors":[{"code":"TOOMANYREQUESTS","message":"{{TooManyRequestsException.Sentence}}"}]}"""),
            (_, true, _) => (StatusCodes.Status429TooManyRequests, "application/json",
                $$"""{"code":"TooManyRequests","message":"{{TooManyRequestsException.Sentence}}","requestId":"{{context.TraceIdentifier}}"}"""),
            (_, _, true) => (StatusCodes.Status400BadRequest, QueryXmlWriter.ContentType,
                QueryXmlWriter.Error(StsOperations.XmlNamespace, "Throttling", isServerFault: false, TooManyRequestsException.Sentence, context.TraceIdentifier)),
            _ => (StatusCodes.Status400BadRequest, "application/x-amz-json-1.1",
                $$"""{"__type":"ThrottlingException","message":"{{TooManyRequestsException.Sentence}}"}"""),
        };
        await response.WriteAsync(body, context.RequestAborted);
    }

    private static Task RetryLater(HttpResponse response)
    {
        response.Headers.RetryAfter = "5";
        return Task.CompletedTask;
    }

    private static async Task WriteAsync(HttpContext context, int status, string? reason, string message)
    {
        var response = context.Response;
        if (response.HasStarted)
        {
            // Too late for a status: the client must see a broken body, not a short one.
            context.Abort();
            return;
        }
        response.Clear();
        response.StatusCode = status;
        if (reason is not null) context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = reason;
        var isRegistry = context.Request.Path.StartsWithSegments("/v2", StringComparison.Ordinal);
        var isManagement = context.Request.Path.StartsWithSegments("/longshore", StringComparison.Ordinal);
        if (!isRegistry && !isManagement && context.Request.HasFormContentType)
        {
            // STS and IAM. Their SDKs try again after both of these.
            response.ContentType = QueryXmlWriter.ContentType;
            var code = status == StatusCodes.Status503ServiceUnavailable ? "ServiceUnavailable" : status < 500 ? "InvalidParameterValue" : "InternalFailure";
            await response.WriteAsync(QueryXmlWriter.Error(StsOperations.XmlNamespace, code, isServerFault: status >= 500, message, context.TraceIdentifier), context.RequestAborted);
            return;
        }

        response.ContentType = isRegistry || isManagement ? "application/json" : "application/x-amz-json-1.1";
        var writer = new Utf8JsonWriter(response.BodyWriter);
        await using (writer)
        {
            writer.WriteStartObject();
            if (isRegistry)
            {
                writer.WriteStartArray("errors");
                writer.WriteStartObject();
                writer.WriteString("code", "UNKNOWN");
                writer.WriteString("message", message);
                writer.WriteStartObject("detail");
                writer.WriteString("requestId", context.TraceIdentifier);
                writer.WriteEndObject();
                writer.WriteEndObject();
                writer.WriteEndArray();
            }
            else if (isManagement)
            {
                writer.WriteString("code", status < 500 ? "InvalidParameter" : status == StatusCodes.Status507InsufficientStorage ? "StorageFull" : "ServerError");
                writer.WriteString("message", message);
                writer.WriteString("requestId", context.TraceIdentifier);
            }
            else
            {
                writer.WriteString("__type", status < 500 ? "InvalidParameterException" : "ServerException");
                writer.WriteString("message", $"{message} (request {context.TraceIdentifier})");
            }
            writer.WriteEndObject();
        }
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }
}
