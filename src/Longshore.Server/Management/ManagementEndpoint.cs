using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Aws;
using Microsoft.AspNetCore.Http.Features;
using BoundOperation = Longshore.Server.Management.ManagementRoutes.BoundOperation;

namespace Longshore.Server.Management;

/// <summary>
/// <c>/longshore/v1/…</c>, our own API: (1) which operation, (2) who calls, (3) which parameters, (4) in which registry and repository, (5) whether they
/// may, (6) do it. Nothing is looked up before the fifth step is passed.
/// </summary>
internal sealed class ManagementEndpoint(
    IServiceProvider services, ManagementAuthentication authentication, AccessGate gate, RateLimits limits, OpenApiDocument document, TimeProvider time)
{
    private const string OpenApiPath = "openapi.json";
    private const string RequestIdHeader = "X-Longshore-Request-Id";

    private readonly ManagementRoutes routes = new(
        ManagementOperationTable.All.Select(o => new BoundOperation(o.Declaration, o.Input is not null, o.Bind(services))));

    /// <summary>Answers one request.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        http.TraceIdentifier = Guid.NewGuid().ToString();
        // As late as possible: the last resort clears what was set before.
        http.Response.OnStarting(
            static state =>
            {
                var context = (HttpContext)state;
                context.Response.Headers[RequestIdHeader] = context.TraceIdentifier;
                return Task.CompletedTask;
            },
            http);

        // 1
        if (!ManagementTarget.TryParse(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, out var target))
        {
            await WriteUnknownPathAsync(http);
            return;
        }

        if (target.Segments is [OpenApiPath] && HttpMethods.IsGet(http.Request.Method))
        {
            await ManagementErrors.SendAsync(http, StatusCodes.Status200OK, document.Bytes);
            return;
        }

        if (routes.Find(target.Segments) is not { } found)
        {
            await WriteUnknownPathAsync(http);
            return;
        }

        if (found.Operations.FirstOrDefault(o => HttpMethods.Equals(o.Declaration.Method, http.Request.Method)) is not { } operation)
        {
            var allowed = string.Join(", ", found.Operations.Select(o => o.Declaration.Method));
            http.Response.Headers.Allow = allowed;
            await ManagementErrors.WriteAsync(http, StatusCodes.Status405MethodNotAllowed, ManagementErrors.MethodNotAllowed, $"This path takes {allowed}.");
            return;
        }

        await HandleAsync(http, operation, target.Query, found.Values);
    }

    private static Task WriteUnknownPathAsync(HttpContext http) => ManagementErrors.WriteAsync(
        http, StatusCodes.Status404NotFound, ManagementErrors.UnknownPath, $"No operation has this path. {ManagementTarget.Prefix}{OpenApiPath} lists them all.");

    private async Task HandleAsync(HttpContext http, BoundOperation operation, string query, Dictionary<string, string> values)
    {
        // 2. A token is looked at before a body is read; a signature covers the body.
        var declaration = operation.Declaration;
        var record = CallRecord.Of(http);
        (record.EventSource, record.EventName, record.ReadOnly) = ("longshore", declaration.Verb, HttpMethods.IsGet(declaration.Method));
        var aborted = http.RequestAborted;
        if (!record.ReadOnly && IsOfAnotherSite(http.Request))
        {
            await ManagementErrors.WriteAsync(http, new RegistryError(ErrorCode.Denied, "A page of another site made this request."));
            return;
        }

        var signed = ManagementAuthentication.IsSigned(http);
        Caller? caller = null;
        if (!signed && !(await authentication.ByTokenAsync(http, aborted)).TryGet(out caller, out var error))
        {
            await ManagementErrors.WriteAsync(http, error);
            return;
        }

        if (signed && await authentication.CheckHeadAsync(http, aborted) is { } early)
        {
            await ManagementErrors.WriteAsync(http, early);
            return;
        }

        using var body = await RequestBody.ReadAsync(http.Request, declaration.MaxBody, aborted);
        if (body is null)
        {
            await ManagementErrors.WriteAsync(
                http, StatusCodes.Status413PayloadTooLarge, ManagementErrors.RequestTooLarge, $"The request body is larger than {declaration.MaxBody} bytes.");
            return;
        }

        if (signed && !(await authentication.BySignatureAsync(http, body.Bytes, aborted)).TryGet(out caller, out error))
        {
            await ManagementErrors.WriteAsync(http, error);
            return;
        }

        // 3 to 5
        record.Caller = caller;
        record.Registry = caller!.Registry;
        if (limits.Check(caller, declaration.Action) is { } limited)
        {
            await ManagementErrors.WriteAsync(http, limited);
            return;
        }

        if (!(await AdmitAsync(http, declaration, caller, query, values, body.Bytes)).TryGet(out var call, out error))
        {
            await ManagementErrors.WriteAsync(http, error);
            return;
        }

        // A form that a browser can be made to send from anywhere is no request of ours.
        if (operation.TakesBody && !IsJson(http.Request.ContentType))
        {
            await ManagementErrors.WriteAsync(
                http, StatusCodes.Status415UnsupportedMediaType, ManagementErrors.UnsupportedMediaType, $"The body must come as Content-Type: {ManagementJson.MediaType}.");
            return;
        }

        if (!operation.TakesBody && !body.Bytes.IsEmpty)
        {
            await ManagementErrors.WriteAsync(http, new RegistryError(ErrorCode.InvalidParameter, "This operation takes no body."));
            return;
        }

        // 6
        if ((await operation.Handle(call, body.Bytes, aborted)).TryGet(out var answer, out error)) await ManagementErrors.SendAsync(http, StatusCodes.Status200OK, answer);
        else await ManagementErrors.WriteAsync(http, error);
    }

    private async ValueTask<Outcome<ManagementCall>> AdmitAsync(
        HttpContext http, ManagementDeclaration declaration, Caller caller, string query, Dictionary<string, string> values, ReadOnlyMemory<byte> body)
    {
        // 3
        foreach (var (name, value) in QueryParameters.Parse(query))
        {
            if (!declaration.AllParameters().Any(p => !p.InPath && p.Name == name)) return Invalid(name, "this operation has no such parameter");
            if (!values.TryAdd(name, value)) return Invalid(name, "may be given once");
        }

        foreach (var parameter in declaration.AllParameters())
        {
            if (!values.TryGetValue(parameter.Name, out var value))
            {
                if (parameter.Required) return Invalid(parameter.Name, "must be given");
            }
            else if (parameter.Check(value) is { } fault)
            {
                return Invalid(parameter.Name, fault);
            }
        }

        // 4
        var registry = caller.Registry;
        if (values.TryGetValue("registryId", out var account))
        {
            if (!RegistryId.IsAccount(account)) return Invalid("registryId", "must be an account: twelve digits");
            registry = registry with { Account = account };
        }

        RepositoryName? repository = null;
        if (declaration.Scope != ManagementScope.Registry && values.TryGetValue("repository", out var text))
        {
            if (!RepositoryName.TryParse(text, out var name)) return new RegistryError(ErrorCode.NameInvalid, $"'{text}' is not a repository name.");
            repository = name;
        }

        // 5
        var record = CallRecord.Of(http);
        (record.Registry, record.Repository) = (registry, repository?.Value);
        record.SetParameters(values, body);
        if (await gate.CheckAsync(new AccessRequest(http, caller, declaration.Action, registry, repository), http.RequestAborted) is { } denied) return denied;
        var call = new ManagementCall(declaration, caller, registry, repository, values, time.GetUtcNow());
        foreach (var parameter in declaration.Parameters)
        {
            if (parameter.FurtherAction is { } further && call.Flag(parameter.Name)
                && await gate.CheckAsync(new AccessRequest(http, caller, further, registry, repository), http.RequestAborted) is { } refused)
                return refused;
        }

        return call;
    }

    // A browser that remembers a password sends it with whatever any page asks for, and says here where that page is from (W3C Fetch Metadata).
    // Clients that are no browsers say nothing.
    private static bool IsOfAnotherSite(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"];
        return site.Count > 0 && site.ToString() is not ("same-origin" or "none");
    }

    private static RegistryError Invalid(string parameter, string reason) =>
        new(ErrorCode.InvalidParameter, $"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'");

    private static bool IsJson(string? contentType)
    {
        if (contentType is null) return false;
        var type = contentType.AsSpan();
        var semicolon = type.IndexOf(';');
        return (semicolon < 0 ? type : type[..semicolon]).Trim().Equals(ManagementJson.MediaType, StringComparison.OrdinalIgnoreCase);
    }
}
