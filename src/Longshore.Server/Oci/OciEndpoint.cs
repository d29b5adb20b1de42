using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http.Features;

namespace Longshore.Server.Oci;

/// <summary>
/// <c>/v2/{**path}</c>, the one endpoint of the distribution API: (1) who asks, (2) what for, (3) in which registry, (4) whether they
/// may, (5) do it. Nothing is looked up and no body is read before the fourth step is passed.
/// </summary>
internal sealed class OciEndpoint(CallerAuthenticator authenticator, RegistryResolver registries, AccessGate gate, RateLimits limits, OciHandlers handlers)
{
    private static readonly RegistryError NoCredentials =
        new(ErrorCode.Unauthorized, "No credentials came with the request. Log in first: aws ecr get-login-password.");

    /// <summary>Answers one request.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        http.Response.Headers[OciHeaders.DockerApiVersion] = OciHeaders.DockerApiVersionValue;
        var record = CallRecord.Of(http);

        // 1
        var host = http.Request.Headers.Host.ToString();
        var authenticated = await authenticator.AuthenticateRegistryAsync(http, registries.ForHost(host), http.RequestAborted);
        if (!authenticated.TryGet(out var caller, out var error) || (error = caller.Principal.Kind == PrincipalKind.Anonymous ? NoCredentials : null) is not null)
        {
            NoteRefused(http, record);
            await OciErrors.WriteAsync(http, error);
            return;
        }

        record.Caller = caller;
        record.Registry = caller.Registry;

        // 2
        if (!RequestTarget.TryParse(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, out var path, out var escaped))
        {
            await OciErrors.WriteNoEndpointAsync(http, escaped);
            return;
        }

        if (OciOperations.Find(path.Route, http.Request.Method) is not { } operation)
        {
            await OciErrors.WriteMethodNotAllowedAsync(http, OciOperations.Allow(path.Route));
            return;
        }

        record.EventName = operation.EventName;
        record.ReadOnly = operation.IsReadOnly;
        if (limits.Check(caller, operation.Action) is { } limited)
        {
            await OciErrors.WriteAsync(http, limited);
            return;
        }

        RepositoryName? name = null;
        if (path.Route is not (RegistryRoute.Base or RegistryRoute.Catalog))
        {
            if (!path.TryGetName(out var parsed))
            {
                await OciErrors.WriteAsync(http, new RegistryError(ErrorCode.NameInvalid, $"'{path.RawName}' is not a repository name."));
                return;
            }

            name = parsed;
            record.Repository = parsed.Value;
            if (path.Route != RegistryRoute.Upload) Note(record, path.Tail);
        }

        // 3
        if (!RegistryResolver.Resolve(host, caller).TryGet(out var registry, out error))
        {
            await OciErrors.WriteAsync(http, error);
            return;
        }

        // 4
        record.Registry = registry;
        if (operation.Action != OciOperations.AnyCaller)
        {
            var request = new AccessRequest(http, caller, operation.Action, registry, name)
            {
                Resource = path.Route == RegistryRoute.Catalog ? AccessRequest.AllRepositories(registry) : null,
            };
            if (await gate.CheckAsync(request, http.RequestAborted) is { } denied)
            {
                await OciErrors.WriteAsync(http, denied);
                return;
            }
        }

        // 5
        await operation.HandleAsync(handlers, new OciRequest(http, caller, registry, name.GetValueOrDefault(), path.Tail));
    }

    // What somebody who is not let in was after.
    private static void NoteRefused(HttpContext http, CallRecord record)
    {
        if (!RequestTarget.TryParse(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, out var path, out _)) return;
        if (OciOperations.Find(path.Route, http.Request.Method) is { } operation) (record.EventName, record.ReadOnly) = (operation.EventName, operation.IsReadOnly);
        if (!path.TryGetName(out var name)) return;
        record.Repository = name.Value;
        if (path.Route != RegistryRoute.Upload) Note(record, path.Tail);
    }

    // What the trail calls the image or layer: as the client named it, if the name can be one.
    private static void Note(CallRecord record, string tail)
    {
        if (!Reference.TryParse(tail, out var reference)) return;
        if (reference.IsDigest) record.Digest = reference.Digest.Value;
        else record.Tag = reference.Tag.Value;
    }
}
