using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content;

namespace Longshore.Server.Oci;

/// <summary>What the distribution API can be told.</summary>
/// <param name="CreateOnPush">Whether an authorised push to a missing repository creates it; ECR's default is not to.</param>
internal sealed record OciOptions(bool CreateOnPush);

/// <summary>Repositories that a push finds missing: created when the option says so and the caller may, else reported missing.</summary>
internal sealed class PushTargets(OciOptions options, RepositoryCatalog repositories, AccessGate gate, ILogger<PushTargets> logger)
{
    private const string CreateRepository = "ecr:CreateRepository";

    private static readonly Dictionary<string, string> NoResourceTags = [];

    /// <summary>
    /// After a push failed with <paramref name="error"/>: null when the repository was missing and is there now, so that the
    /// push can be tried again; else the error to answer with.
    /// </summary>
    public async ValueTask<RegistryError?> RetryAsync(OciRequest request, RegistryError error)
    {
        if (error.Code != ErrorCode.RepositoryNotFound || !options.CreateOnPush) return error;
        if (gate.Check(new AccessRequest(request.Caller.Principal, CreateRepository, request.Registry, request.Name)) is { } denied) return denied;
        var created = await repositories.CreateAsync(request.Registry, request.Name, RepositorySettings.Default, NoResourceTags, request.Aborted);
        if (created.Succeeded)
        {
            logger.CreatedOnPush(request.Name.Value, request.Registry.ToString(), request.Caller.Principal.Arn);
            return null;
        }

        // Another push of the same moment was faster.
        return created.Error.Code == ErrorCode.RepositoryAlreadyExists ? null : created.Error;
    }

    /// <summary>Before a body is read that could not be read twice: null when the repository is there, or is there now; else the error.</summary>
    public async ValueTask<RegistryError?> EnsureAsync(OciRequest request)
    {
        if (!options.CreateOnPush) return null; // The push itself tells.
        var found = await repositories.FindAsync(request.Registry, request.Name, request.Aborted);
        return found.Succeeded ? null : await RetryAsync(request, found.Error);
    }
}
