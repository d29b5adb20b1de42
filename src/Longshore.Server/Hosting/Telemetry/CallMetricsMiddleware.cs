using Longshore.Server.Access;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Hosting.Telemetry;

/// <summary>Counts calls by what they were, and gives ASP.NET Core's own request metric the operation's name.</summary>
internal sealed class CallMetricsMiddleware(RequestDelegate next, ServerMetrics metrics)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        finally
        {
            if (context.Features.Get<CallRecord>() is { } record && metrics.CountsCalls)
            {
                // Names come from tables of operations; what is in none of them has none.
                var name = record.EventName ?? "none";
                metrics.Call(record.EventSource, name, Outcome(context.Response.StatusCode, record.ErrorCode));
                context.Features.Get<IHttpMetricsTagsFeature>()?.Tags.Add(new("longshore.operation", name));
            }
        }
    }

    private static string Outcome(int status, string? error) => status switch
    {
        >= 500 => "server_error",
        StatusCodes.Status401Unauthorized => "unauthenticated",
        StatusCodes.Status403Forbidden => "denied",
        StatusCodes.Status429TooManyRequests => "throttled",
        >= 400 => error switch
        {
            "AccessDeniedException" or "AccessDenied" => "denied",
            "ThrottlingException" or "Throttling" => "throttled",
            _ => "client_error",
        },
        _ => "success",
    };
}
