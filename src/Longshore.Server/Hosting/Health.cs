using System.Net.Mime;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>
/// <c>/healthz</c>: the process answers. <c>/readyz</c>: database and blob store answer too, within <see cref="Bound"/>, the database's schema is
/// one that this version works on, and the server is not about to stop; 503 with the name of what is wrong otherwise, and in a few words why. Neither asks for
/// credentials nor tells more than that.
/// </summary>
internal sealed class Health(IDatabase database, IBlobStore blobs, ServerLifetime lifetime, TimeProvider time, ILogger<Health> logger)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    /// <summary>Asks each part; null when all are well, else the name of the first that is not, and why if that is known.</summary>
    public async Task<string?> FindUnreadyAsync(CancellationToken cancellationToken)
    {
        if (lifetime.IsDraining) return "stopping";
        string? schema = null;
        var fault = await FindFaultAsync("database", token => database.CheckAnswersAsync(token).AsTask(), cancellationToken)
            ?? await FindFaultAsync("database", async token => schema = await database.FindSchemaFaultAsync(token), cancellationToken)
            ?? await FindFaultAsync("blob store", ProbeBlobsAsync, cancellationToken);
        if (fault is not null || schema is null) return fault;
        logger.SchemaNotReady(schema);
        return "schema";
    }

    // Listing asks the store without changing it: the route is open to everyone, and a full store still serves pulls.
    private Task ProbeBlobsAsync(CancellationToken cancellationToken) => blobs.ProbeAsync(cancellationToken).AsTask();

    private async Task<string?> FindFaultAsync(string part, Func<CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        try
        {
            await ask(cancellationToken).WaitAsync(Bound, time, cancellationToken);
            return null;
        }
#pragma warning disable CA1031 // Whatever is wrong with a part, the answer is that it is not ready, and the log says why.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            logger.NotReady(e, part);
            return e is DatabaseAwayException away ? $"{part} ({away.Reason})" : part;
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
