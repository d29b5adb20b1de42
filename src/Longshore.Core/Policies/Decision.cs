namespace Longshore.Core.Policies;

/// <summary>What was decided.</summary>
public enum DecisionKind
{
    /// <summary>Allowed.</summary>
    Allowed,

    /// <summary>Denied by a statement that says so.</summary>
    ExplicitDeny,

    /// <summary>Denied since nothing allows it.</summary>
    ImplicitDeny,
}

/// <summary>Which kind of policy decided, or was missing.</summary>
public enum DecisionBasis
{
    /// <summary>None: the root of the account may do everything in it.</summary>
    Root,

    /// <summary>The caller's identity policies.</summary>
    Identity,

    /// <summary>The permissions boundary.</summary>
    Boundary,

    /// <summary>The policies of the session.</summary>
    Session,

    /// <summary>The policy of the repository or registry, or the trust policy of a role.</summary>
    Resource,
}

/// <summary>A decision with its reason.</summary>
/// <param name="Kind">What was decided.</param>
/// <param name="Basis">Which kind of policy decided; after an implicit denial, which one would have to allow.</param>
/// <param name="Policy">The policy that decided; null for the root and after an implicit denial.</param>
/// <param name="Statement">Its statement; null likewise, and for a policy that cannot be read.</param>
public sealed record Decision(DecisionKind Kind, DecisionBasis Basis, AttachedPolicy? Policy, PolicyStatement? Statement)
{
    /// <summary>Whether the request is allowed.</summary>
    public bool IsAllowed => Kind == DecisionKind.Allowed;

    /// <summary>The decision about roots in their own account.</summary>
    public static Decision ByRoot { get; } = new(DecisionKind.Allowed, DecisionBasis.Root, null, null);

    /// <summary>Nothing of the kind allows it.</summary>
    public static Decision NothingAllows(DecisionBasis basis) => new(DecisionKind.ImplicitDeny, basis, null, null);
}
