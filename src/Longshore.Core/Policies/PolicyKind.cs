namespace Longshore.Core.Policies;

/// <summary>What a policy is attached to, and so what its document may hold (IAM User Guide, "Policies and permissions").</summary>
public enum PolicyKind
{
    /// <summary>Of a user, a group or a role: inline or managed.</summary>
    Identity,

    /// <summary>A permissions boundary: what a user or a role may have at most.</summary>
    Boundary,

    /// <summary>Given when a session was issued: what the session may have at most.</summary>
    Session,

    /// <summary>Of a repository.</summary>
    Repository,

    /// <summary>Of a whole registry.</summary>
    Registry,

    /// <summary>Of a role: who may assume it.</summary>
    Trust,
}

/// <summary>What a statement says.</summary>
public enum PolicyEffect
{
    /// <summary>It allows.</summary>
    Allow,

    /// <summary>It denies, whatever else allows.</summary>
    Deny,
}

/// <summary>Facts about kinds.</summary>
public static class PolicyKinds
{
    /// <summary>Whether statements of this kind name principals: all resource-based policies do.</summary>
    public static bool NamesPrincipals(this PolicyKind kind) => kind is PolicyKind.Repository or PolicyKind.Registry or PolicyKind.Trust;

    /// <summary>The longest document of this kind, in characters (ECR and IAM quotas; white space counts here).</summary>
    public static int MaxLength(this PolicyKind kind) => kind switch
    {
        PolicyKind.Repository or PolicyKind.Registry => 10_240,
        // IAM's own quotas are smaller and depend on the owner; they are checked where the policy is stored.
        _ => 131_072,
    };
}
