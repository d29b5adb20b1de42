using Longshore.Server.Access;

namespace Longshore.Server.Trail;

/// <summary>
/// Around every face: when a request has ended, its record goes to the trail, and who is refused again and again is answered slowly.
/// </summary>
internal sealed class TrailMiddleware(RequestDelegate next, TrailService trail, Refusals refusals)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public Task InvokeAsync(HttpContext context) => trail.IsOn && CallNames.IsRecorded(context.Request) ? RecordAsync(context) : next(context);

    private async Task RecordAsync(HttpContext context)
    {
        var at = trail.Now;
        Exception? failure = null;
        try
        {
            if (refusals.IsCalm) await next(context);
            else await GuardAsync(context);
        }
        catch (Exception e)
        {
            failure = e;
            throw;
        }
        finally
        {
            await trail.EndAsync(context, at, failure);
            var record = CallRecord.Of(context);
            if (record.ErrorCode is not null && Refusals.IsRefusal(record, context)) refusals.Note(record, context);
        }
    }

    private Task GuardAsync(HttpContext context)
    {
        // The answer is ready by then, and what it says is in the record.
        context.Response.OnStarting(() =>
        {
            var record = CallRecord.Of(context);
            return Refusals.IsRefusal(record, context) ? refusals.HoldBackAsync(record, context) : Task.CompletedTask;
        });
        return next(context);
    }
}
