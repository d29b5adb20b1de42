
namespace Longshore.Server.Trail;

/// <summary>Around every face: when a request has ended, its record goes to the trail.</summary>
internal sealed class TrailMiddleware(RequestDelegate next, TrailService trail)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public Task InvokeAsync(HttpContext context) => trail.IsOn && CallNames.IsRecorded(context.Request) ? RecordAsync(context) : next(context);

    private async Task RecordAsync(HttpContext context)
    {
        var at = trail.Now;
        Exception? failure = null;
        try
        {
            await next(context);
        }
        catch (Exception e)
        {
            failure = e;
            throw;
        }
        finally
        {
            await trail.EndAsync(context, at, failure);
        }
    }
}
