using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>
/// Where several servers share a database: lets no request begin with what was concluded before the last change of access anywhere. The probes of
/// health ask for no access, and answer for themselves.
/// </summary>
internal sealed class SharedAccess(RequestDelegate next, AccessVersion version)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        if (!IsProbe(context.Request.Path)) await version.RefreshAsync();
        await next(context);
    }

    private static bool IsProbe(PathString path) => path.Value is "/healthz" or "/readyz" or "/metrics";
}
