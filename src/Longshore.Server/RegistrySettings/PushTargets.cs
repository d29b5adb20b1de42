using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content;

namespace Longshore.Server.RegistrySettings;

/// <summary>What pushes can be told.</summary>
/// <param name="CreateOnPush">Whether an authorised push to a missing repository creates it also when no template is for it; ECR's default is not to.</param>
internal sealed record PushOptions(bool CreateOnPush);

/// <summary>
/// Repositories that a push finds missing: created from the template that is for them (ECR, CREATE_ON_PUSH), else plainly when the server's option
/// says so, and only when the caller may create them; else reported missing. The push itself was authorised before.
/// </summary>
internal sealed class PushTargets(
    PushOptions options,
    CreationTemplates templates,
    RepositoryCatalog repositories,
    IEnumerable<INewRepositoryPolicy> policies,
    AccessGate gate,
    ILogger<PushTargets> logger)
{
    private const string CreateRepository = "ecr:CreateRepository";

    private static readonly Dictionary<string, string> NoResourceTags = [];

    /// <summary>
    /// After a push failed with <paramref name="error"/>: null when the repository was missing and is there now, so that the
    /// push can be tried again; else the error to answer with.
    /// </summary>
    public async ValueTask<RegistryError?> RetryAsync(HttpContext http, Caller caller, RegistryId registry, RepositoryName name, RegistryError error, CancellationToken cancellationToken)
    {
        if (error.Code != ErrorCode.RepositoryNotFound) return error;
        var template = await templates.FindForAsync(registry, name, CreationTemplate.CreateOnPush, cancellationToken);
        if (template is null && !options.CreateOnPush) return error;
        var request = new AccessRequest(http, caller, CreateRepository, registry, name) { RequestTags = template?.ResourceTags };
        if (await gate.CheckAsync(request, cancellationToken) is { } denied) return denied;
        var created = await repositories.CreateAsync(
            registry,
            name,
            template?.Settings ?? RepositorySettings.Default,
            template?.ResourceTags ?? NoResourceTags,
            async (session, repository) =>
            {
                if (template?.RepositoryPolicy is { Length: > 0 } access) await PolicyStore.SetAsync(session, repository.Id, access);
                if (template?.LifecyclePolicy is not { Length: > 0 } policy) return;
                foreach (var keeper in policies) await keeper.PutAsync(session, repository, policy);
            },
            cancellationToken);
        if (created.Succeeded)
        {
            logger.CreatedOnPush(name.Value, registry.ToString(), caller.Principal.Arn, template?.Prefix ?? "none");
            return null;
        }

        // Another push of the same moment was faster.
        return created.Error.Code == ErrorCode.RepositoryAlreadyExists ? null : created.Error;
    }

    /// <summary>Before a body is read that could not be read twice: null when the repository is there, or is there now; else the error.</summary>
    public async ValueTask<RegistryError?> EnsureAsync(HttpContext http, Caller caller, RegistryId registry, RepositoryName name, CancellationToken cancellationToken)
    {
        var found = await repositories.FindAsync(registry, name, cancellationToken);
        return found.Succeeded ? null : await RetryAsync(http, caller, registry, name, found.Error, cancellationToken);
    }
}
