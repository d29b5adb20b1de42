using System.Net.Mime;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>
/// <c>/healthz</c>: the process answers. <c>/readyz</c>: database and blob store answer too, within <see cref="Bound"/>;
/// 503 with the name of the part when one does not. Neither asks for credentials nor tells more than that.
/// </summary>
internal sealed class Health(IDatabase database, IBlobStore blobs, TimeProvider time, ILogger<Health> logger)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    /// <summary>Asks each part; null when all answer, else the name of the first that does not.</summary>
    public async Task<string?> FindUnreadyAsync(CancellationToken cancellationToken)
    {
        if (!await AnswersAsync("database", ReadDatabaseAsync, cancellationToken)) return "database";
        if (!await AnswersAsync("blob store", ProbeBlobsAsync, cancellationToken)) return "blob store";
        return null;
    }

    // Listing asks the store without changing it: the route is open to everyone, and a full store still serves pulls.
    private Task ProbeBlobsAsync(CancellationToken cancellationToken) => blobs.ProbeAsync(cancellationToken).AsTask();

    private async Task ReadDatabaseAsync(CancellationToken cancellationToken) =>
        await database.ReadAsync(session => session.QueryFirstAsync("SELECT 1", row => row.GetInt64(0)), cancellationToken);

    private async Task<bool> AnswersAsync(string part, Func<CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        try
        {
            await ask(cancellationToken).WaitAsync(Bound, time, cancellationToken);
            return true;
        }
#pragma warning disable CA1031 // Whatever is wrong with a part, the answer is that it is not ready, and the log says why.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            logger.NotReady(e, part);
            return false;
        }
    }
}

/// <summary>Adds and maps <see cref="Health"/>.</summary>
internal static class HealthSetup
{
    /// <summary>Adds the readiness check.</summary>
    public static void AddHealth(this IServiceCollection services) => services.AddSingleton<Health>();

    /// <summary>Maps <c>/healthz</c> and <c>/readyz</c>.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        string[] methods = [HttpMethods.Get, HttpMethods.Head];
        routes.MapMethods("/healthz", methods, static context => AnswerAsync(context, StatusCodes.Status200OK, "ok\n"));
        routes.MapMethods("/readyz", methods, static async context =>
        {
            var unready = await context.RequestServices.GetRequiredService<Health>().FindUnreadyAsync(context.RequestAborted);
            await (unready is null
                ? AnswerAsync(context, StatusCodes.Status200OK, "ok\n")
                : AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, $"not ready: {unready}\n"));
        });
    }

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = MediaTypeNames.Text.Plain;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.ContentLength = text.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.WriteAsync(text, context.RequestAborted);
    }
}
