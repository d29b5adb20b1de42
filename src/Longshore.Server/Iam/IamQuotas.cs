namespace Longshore.Server.Iam;

/// <summary>IAM's default quotas that do not depend on the kind (IAM User Guide, "IAM and AWS STS quotas").</summary>
internal static class IamQuotas
{
    /// <summary>Managed policies attached to one user, group or role.</summary>
    public const int AttachedPolicies = 10;

    /// <summary>Versions of one managed policy.</summary>
    public const int PolicyVersions = 5;

    /// <summary>A managed policy, in characters without white space.</summary>
    public const int ManagedCharacters = 6144;

    /// <summary>A trust policy, in characters without white space.</summary>
    public const int TrustCharacters = 2048;

    /// <summary>Managed policies of an account.</summary>
    public const int Policies = 1500;

    /// <summary>Access keys of one user.</summary>
    public const int AccessKeys = 2;

    /// <summary>Groups that one user is in.</summary>
    public const int GroupsPerUser = 10;

    /// <summary>Tags of one thing.</summary>
    public const int Tags = 50;

    /// <summary>Identity providers of an account.</summary>
    public const int Providers = 100;

    /// <summary>Audiences of one identity provider.</summary>
    public const int ClientIds = 100;
}
