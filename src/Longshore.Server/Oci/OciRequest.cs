using Longshore.Core;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Oci;

/// <summary>An authenticated and authorised request of the distribution API.</summary>
/// <param name="http">The request itself.</param>
/// <param name="caller">Who asks.</param>
/// <param name="registry">The registry asked.</param>
/// <param name="name">The repository; default for the endpoints without one.</param>
/// <param name="tail">The reference, digest or upload id, unchecked; empty for the endpoints without one.</param>
internal readonly struct OciRequest(HttpContext http, Caller caller, RegistryId registry, RepositoryName name, string tail)
{
    /// <summary>The request itself.</summary>
    public HttpContext Http => http;

    /// <summary>Who asks.</summary>
    public Caller Caller => caller;

    /// <summary>The registry asked.</summary>
    public RegistryId Registry => registry;

    /// <summary>The repository; default for the endpoints without one.</summary>
    public RepositoryName Name => name;

    /// <summary>The reference, digest or upload id, unchecked; empty for the endpoints without one.</summary>
    public string Tail => tail;

    /// <summary>The answer.</summary>
    public HttpResponse Response => http.Response;

    /// <summary>Ends when the client goes away.</summary>
    public CancellationToken Aborted => http.RequestAborted;

    /// <summary>Whether only headers are asked for.</summary>
    public bool IsHead => HttpMethods.IsHead(http.Request.Method);

    /// <summary>Whether bytes may follow the headers of the request: with a length above 0, or chunked.</summary>
    public bool HasBody => http.Request.ContentLength is { } length
        ? length > 0
        : http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? false;

    /// <summary>Answers with an error.</summary>
    public Task FailAsync(RegistryError error) => OciErrors.WriteAsync(http, error);

    /// <summary>The value of a query parameter, its first when it is repeated; null when it is missing.</summary>
    public string? Query(string parameter) =>
        http.Request.QueryString.HasValue && http.Request.Query.TryGetValue(parameter, out var values) && values.Count > 0 ? values[0] ?? "" : null;
}
