namespace Longshore.Core.Policies;

/// <summary>How a principal element names a caller; the later, the more directly.</summary>
internal enum PrincipalMatch
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>As somebody of an account.</summary>
    Account,

    /// <summary>As anybody.</summary>
    Everyone,

    /// <summary>As a session of a role.</summary>
    Role,

    /// <summary>Itself.</summary>
    Direct,
}

/// <summary>A Principal or NotPrincipal element.</summary>
internal sealed class PolicyPrincipals
{
    private readonly bool everyone;
    private readonly bool negated;
    private readonly HashSet<string> accounts;
    private readonly HashSet<string> arns;
    private readonly HashSet<string> providers;
    private readonly HashSet<string> services;

    public PolicyPrincipals(
        bool negated, bool everyone, IEnumerable<string> accounts, IEnumerable<string> arns, IEnumerable<string> providers, IEnumerable<string> services)
    {
        (this.negated, this.everyone) = (negated, everyone);
        this.accounts = new(accounts, StringComparer.Ordinal);
        this.arns = new(arns, StringComparer.Ordinal);
        this.providers = new(providers, StringComparer.Ordinal);
        this.services = new(services, StringComparer.Ordinal);
    }

    /// <summary>Whether anybody is named, for reports of grants that are too wide.</summary>
    public bool NamesEveryone => everyone && !negated;

    /// <summary>Whether this is a NotPrincipal element.</summary>
    public bool IsNegated => negated;

    /// <summary>Whether identity providers are named.</summary>
    public bool NamesProviders => providers.Count > 0;

    /// <summary>Accounts that are named, also through their principals.</summary>
    public IEnumerable<string> Accounts => accounts;

    /// <summary>How the element names a caller.</summary>
    public PrincipalMatch Matches(PolicyPrincipal caller)
    {
        var named = Named(caller);
        if (!negated) return named;
        return named == PrincipalMatch.None ? PrincipalMatch.Everyone : PrincipalMatch.None;
    }

    private PrincipalMatch Named(PolicyPrincipal caller)
    {
        switch (caller.Kind)
        {
            case PolicyPrincipalKind.WebIdentity:
                if (caller.Provider is { } provider && providers.Contains(provider)) return PrincipalMatch.Direct;
                break;
            case PolicyPrincipalKind.Service:
                if (caller.Provider is { } service && services.Contains(service)) return PrincipalMatch.Direct;
                break;
            case PolicyPrincipalKind.Anonymous:
                break;
            default:
                if (caller.Kind != PolicyPrincipalKind.Root && arns.Contains(caller.Arn)) return PrincipalMatch.Direct;
                if (caller.RoleArn is { } role && arns.Contains(role)) return PrincipalMatch.Role;
                if (everyone) break;
                if (accounts.Contains(caller.Account)) return PrincipalMatch.Account;
                break;
        }

        return everyone ? PrincipalMatch.Everyone : PrincipalMatch.None;
    }
}
