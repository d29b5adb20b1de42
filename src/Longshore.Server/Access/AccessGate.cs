using Longshore.Core;
using Longshore.Core.Policies;

namespace Longshore.Server.Access;

/// <summary>One thing that someone wants to do: what the gate decides about.</summary>
/// <param name="Http">The request that it is part of: where it comes from, and its <see cref="CallRecord"/>.</param>
/// <param name="Caller">Who.</param>
/// <param name="Action">The IAM action, such as <c>ecr:PutImage</c>.</param>
/// <param name="Registry">The registry that the resource is in.</param>
/// <param name="Repository">The repository, or null for actions on the registry as a whole.</param>
internal readonly record struct AccessRequest(HttpContext Http, Caller Caller, string Action, RegistryId Registry, RepositoryName? Repository)
{
    /// <summary>The resource of actions that are about no repository: an ARN; <c>*</c> unless given.</summary>
    public string? Resource { get; init; }

    /// <summary>Resource tags that the request brings: <c>aws:RequestTag/…</c> and <c>aws:TagKeys</c>; null when the action takes none.</summary>
    public IReadOnlyDictionary<string, string>? RequestTags { get; init; }

    /// <summary>Condition keys of this action alone, such as <c>ecr:AccountSetting</c>; null for none.</summary>
    public ConditionValues? Conditions { get; init; }

    /// <summary>Whether this is a question about a request that nobody makes: then where the question comes from is no answer to anything.</summary>
    public bool Hypothetical { get; init; }

    /// <summary>The resource of listings of repositories, as policies name it.</summary>
    public static string AllRepositories(RegistryId registry) => $"arn:{registry.Partition}:ecr:{registry.Region}:{registry.Account}:repository/*";
}

/// <summary>
/// The one gate: every route and every operation declares its action and resource, and asks here. Deny by default. The caller's identity
/// policies, boundary and session, and the policies of the repository and the registry are put before <see cref="AccessEvaluator"/>; nothing
/// else in the server decides.
/// </summary>
internal sealed class AccessGate(PrincipalPolicies principals, ResourcePolicies resources, ICallTrail trail, TimeProvider time)
{
    private const string GetAuthorizationToken = "ecr:GetAuthorizationToken";

    // Who owns the account can always take back a policy that locks everybody out.
    private static readonly HashSet<string> WayBack = new(StringComparer.Ordinal)
    {
        "ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy",
        "ecr:GetRegistryPolicy", "ecr:PutRegistryPolicy", "ecr:DeleteRegistryPolicy",
    };

    /// <summary>Null when the request is allowed, else the error that says why not, in ECR's words. A write that is allowed is in the trail from here on.</summary>
    public ValueTask<RegistryError?> CheckAsync(in AccessRequest request, CancellationToken cancellationToken)
    {
        var caller = request.Caller.Principal;
        if (caller.Kind == PrincipalKind.Anonymous) return new(NoCredentials);
        var record = CallRecord.Of(request.Http);
        // What every pull of a registry without policies comes down to.
        if (caller.Kind == PrincipalKind.Root && caller.Session is null && caller.Account == request.Registry.Account
            && (WayBack.Contains(request.Action) || (resources.TryGetCached(request.Registry, request.Repository, out var known) && known.Policies.Policies.Count == 0)))
            return record.ReadOnly ? new((RegistryError?)null) : trail.AdmitAsync(record, request.Http, cancellationToken);
        return CheckSlowlyAsync(request, record, cancellationToken);
    }

    /// <summary>The decision about a request with its reason, without any effect: what <c>access explain</c> and the lock-out check ask.</summary>
    /// <param name="request">The request.</param>
    /// <param name="instead">The repository policy to take instead of the one in force; null for that one.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async ValueTask<AccessDecision> DecideAsync(AccessRequest request, AttachedPolicy? instead, CancellationToken cancellationToken)
    {
        var caller = request.Caller.Principal;
        var own = await principals.GetAsync(caller, cancellationToken);
        var resource = await resources.GetAsync(request.Registry, request.Repository, cancellationToken);
        var shared = instead is null ? resource.Policies : resource.With(instead);
        // A token is good everywhere, so nobody's resource policy can grant it (ecr-behaviour, section 3).
        if (request.Action == GetAuthorizationToken) shared = PolicySet.Empty;
        else if (request.Repository is null && !IsAboutRegistry(request.Action)) shared = PolicySet.Empty;
        var policies = new ApplicablePolicies { Identity = own.Identity, Boundary = own.Boundary, Session = caller.Session?.PolicySet, Resource = shared };
        var context = new RequestContext(request, own, resource, time.GetUtcNow());
        var query = new AccessQuery(
            caller.ForPolicies,
            request.Action,
            request.Resource ?? resource.Arn,
            request.Registry.Account,
            context);
        return new AccessDecision(query, AccessEvaluator.Decide(query, policies), policies);
    }

    private static RegistryError NoCredentials { get; } =
        new(ErrorCode.Unauthorized, "No credentials came with the request. Log in first: aws ecr get-login-password.");

    private static bool IsAboutRegistry(string action) => action.StartsWith("ecr:", StringComparison.Ordinal) || action.StartsWith("longshore:", StringComparison.Ordinal);

    private async ValueTask<RegistryError?> CheckSlowlyAsync(AccessRequest request, CallRecord record, CancellationToken cancellationToken)
    {
        var decided = await DecideAsync(request, null, cancellationToken);
        var caller = request.Caller.Principal;
        var allowed = decided.Decision.IsAllowed
            || (caller is { Kind: PrincipalKind.Root, Session: null } && caller.Account == request.Registry.Account && WayBack.Contains(request.Action));
        if (!allowed) return new RegistryError(ErrorCode.Denied, AccessEvaluator.Explain(decided.Query, decided.Decision));
        return record.ReadOnly ? null : await trail.AdmitAsync(record, request.Http, cancellationToken);
    }
}

/// <summary>A decision with what it was about.</summary>
/// <param name="Query">The question.</param>
/// <param name="Decision">The answer.</param>
/// <param name="Policies">All that had a say.</param>
internal sealed record AccessDecision(AccessQuery Query, Decision Decision, ApplicablePolicies Policies);
