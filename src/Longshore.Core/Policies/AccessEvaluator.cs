namespace Longshore.Core.Policies;

/// <summary>
/// Decides requests as AWS documents it (IAM User Guide, "Policy evaluation logic"), without organizations. Pure: the same request and the
/// same policies give the same decision.
/// <list type="number">
/// <item>A denial anywhere wins; a policy that cannot be read denies.</item>
/// <item>Root may do everything in its account.</item>
/// <item>In the same account an identity policy or a resource policy must allow; from another account both must.</item>
/// <item>Boundary and session policies, when there are any, must allow too, unless the resource policy names the user or the session itself.</item>
/// </list>
/// </summary>
public static class AccessEvaluator
{
    /// <summary>The decision about a request.</summary>
    public static Decision Decide(in AccessQuery query, ApplicablePolicies policies)
    {
        ArgumentNullException.ThrowIfNull(policies);
        var verdicts = new Verdicts(query, policies, policies.Resource);
        // 1
        if (verdicts.Denial() is { } denial) return denial;
        // 2
        var principal = query.Principal;
        var atHome = principal.Account == query.ResourceAccount && principal.Account.Length > 0;
        var root = principal.Kind == PolicyPrincipalKind.Root;
        if (root && atHome && policies.Session is null) return Decision.ByRoot;
        // 3
        var resource = verdicts.Resource.Allow;
        if (atHome && resource is { Match: PrincipalMatch.Direct } direct) return Allowed(DecisionBasis.Resource, direct);
        Decision granted;
        if (atHome)
        {
            if (root) granted = Decision.ByRoot;
            else if (verdicts.Identity.Allow is { } own) granted = Allowed(DecisionBasis.Identity, own);
            else if (resource is { } shared) granted = Allowed(DecisionBasis.Resource, shared);
            else return Decision.NothingAllows(DecisionBasis.Identity);
        }
        else
        {
            if (!root && verdicts.Identity.Allow is null) return Decision.NothingAllows(DecisionBasis.Identity);
            if (resource is not { } shared) return Decision.NothingAllows(DecisionBasis.Resource);
            granted = Allowed(DecisionBasis.Resource, shared);
        }

        // 4
        return verdicts.Limit() ?? granted;
    }

    /// <summary>
    /// The decision about assuming a role: the trust policy must allow. In the role's own account that is enough when it names the caller or
    /// the caller's role; naming the account, or anybody, leaves it to the caller's identity policies, as does any caller of another account.
    /// Web identities have no policies of their own.
    /// </summary>
    public static Decision DecideTrust(in AccessQuery query, ApplicablePolicies policies, PolicySet trust)
    {
        ArgumentNullException.ThrowIfNull(policies);
        ArgumentNullException.ThrowIfNull(trust);
        var verdicts = new Verdicts(query, policies, trust);
        if (verdicts.Denial() is { } denial) return denial;
        if (verdicts.Resource.Allow is not { } trusted) return Decision.NothingAllows(DecisionBasis.Resource);
        var granted = Allowed(DecisionBasis.Resource, trusted);
        var principal = query.Principal;
        if (principal.Kind is PolicyPrincipalKind.WebIdentity or PolicyPrincipalKind.Service) return granted;
        if (principal.Kind == PolicyPrincipalKind.Anonymous) return Decision.NothingAllows(DecisionBasis.Identity);
        var atHome = principal.Account == query.ResourceAccount;
        if (atHome && trusted.Match == PrincipalMatch.Direct) return granted;
        var byItself = principal.Kind == PolicyPrincipalKind.Root || (atHome && trusted.Match == PrincipalMatch.Role);
        if (!byItself && verdicts.Identity.Allow is null) return Decision.NothingAllows(DecisionBasis.Identity);
        return verdicts.Limit() ?? granted;
    }

    /// <summary>The decision in AWS's sentence for people.</summary>
    public static string Explain(in AccessQuery query, Decision decision)
    {
        ArgumentNullException.ThrowIfNull(decision);
        var (caller, action, resource) = (query.Principal.Arn, query.Action, query.Resource);
        var policy = decision.Basis switch
        {
            DecisionBasis.Boundary => "permissions boundary",
            DecisionBasis.Session => "session policy",
            // All of STS whose resource has a policy is about roles.
            DecisionBasis.Resource when action.StartsWith("sts:", StringComparison.OrdinalIgnoreCase) => "role trust policy",
            DecisionBasis.Resource => "resource-based policy",
            _ => "identity-based policy",
        };
        var article = policy[0] switch { 'i' => "an", 'r' when policy == "role trust policy" => "the", _ => "a" };
        return decision.Kind switch
        {
            DecisionKind.Allowed => $"User: {caller} is authorized to perform: {action} on resource: {resource}",
            DecisionKind.ExplicitDeny =>
                $"User: {caller} is not authorized to perform: {action} on resource: {resource} with an explicit deny in {article} {policy}",
            _ => $"User: {caller} is not authorized to perform: {action} on resource: {resource} because no {policy} allows the {action} action",
        };
    }

    private static Decision Allowed(DecisionBasis basis, in Finding by) => new(DecisionKind.Allowed, basis, by.Policy, by.Statement);

    private readonly struct Verdicts(in AccessQuery query, ApplicablePolicies policies, PolicySet resource)
    {
        public PolicyVerdict Identity { get; } = policies.Identity.Judge(query);

        public PolicyVerdict? Boundary { get; } = policies.Boundary?.Judge(query);

        public PolicyVerdict? Session { get; } = policies.Session?.Judge(query);

        public PolicyVerdict Resource { get; } = resource.Judge(query);

        public Decision? Denial() =>
            Denial(DecisionBasis.Identity, Identity) ?? Denial(DecisionBasis.Boundary, Boundary) ?? Denial(DecisionBasis.Session, Session) ?? Denial(DecisionBasis.Resource, Resource);

        public Decision? Limit()
        {
            if (Boundary is { Allow: null }) return Decision.NothingAllows(DecisionBasis.Boundary);
            return Session is { Allow: null } ? Decision.NothingAllows(DecisionBasis.Session) : null;
        }

        private static Decision? Denial(DecisionBasis basis, PolicyVerdict? verdict) =>
            verdict?.Deny is { } by ? new Decision(DecisionKind.ExplicitDeny, basis, by.Policy, by.Statement) : null;
    }
}
