using Longshore.Server.Access;

namespace Longshore.Server.Iam.Bootstrap;

/// <summary>What a bootstrap file says of one account. <c>Where</c>, in all records here, is the path of the member in the file.</summary>
/// <param name="Where">The member.</param>
/// <param name="Account">Twelve digits.</param>
/// <param name="RootKey">A key that its root is to have; null for none.</param>
/// <param name="Providers">Identity providers.</param>
/// <param name="Policies">Managed policies.</param>
/// <param name="Entities">Groups, users and roles, in this order: what is referred to comes first.</param>
internal sealed record BootstrapAccount(
    string Where,
    string Account,
    BootstrapKey? RootKey,
    IReadOnlyList<BootstrapProvider> Providers,
    IReadOnlyList<BootstrapPolicy> Policies,
    IReadOnlyList<BootstrapEntity> Entities);

/// <summary>A managed policy.</summary>
internal sealed record BootstrapPolicy(
    string Where, string Name, string? Path, string? Description, string Document, IReadOnlyDictionary<string, string> Tags);

/// <summary>A group, a user or a role.</summary>
internal sealed record BootstrapEntity(string Where, IamKind Kind, string Name)
{
    /// <summary>The path; null when the file does not say.</summary>
    public string? Path { get; init; }

    /// <summary>The description of a role; null when the file does not say.</summary>
    public string? Description { get; init; }

    /// <summary>Who may assume a role; null when the file does not say, which only a role that is there already can do without.</summary>
    public string? TrustPolicy { get; init; }

    /// <summary>The longest session of a role, in seconds; null when the file does not say.</summary>
    public int? MaxSessionDuration { get; init; }

    /// <summary>A policy's ARN or name; null when the file does not say.</summary>
    public string? PermissionsBoundary { get; init; }

    /// <summary>ARNs or names of managed policies that are to be attached.</summary>
    public IReadOnlyList<string> Policies { get; init; } = [];

    /// <summary>Inline policies by name.</summary>
    public IReadOnlyDictionary<string, string> InlinePolicies { get; init; } = new Dictionary<string, string>();

    /// <summary>Tags.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Names of groups that a user is to be in.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Keys that a user is to have.</summary>
    public IReadOnlyList<BootstrapKey> AccessKeys { get; init; } = [];
}

/// <summary>An access key; its secret came from the environment.</summary>
internal sealed record BootstrapKey(string Where, RootCredentials Key);

/// <summary>An identity provider; its url has no scheme.</summary>
/// <param name="Where">The member.</param>
/// <param name="Url">The url.</param>
/// <param name="ClientIds">Audiences; null when the file does not say.</param>
/// <param name="Thumbprints">Thumbprints; null when the file does not say.</param>
/// <param name="Keys">A JSON Web Key Set that is used instead of the issuer's own; null when the file does not say.</param>
/// <param name="Tags">Tags.</param>
internal sealed record BootstrapProvider(
    string Where, string Url, IReadOnlyList<string>? ClientIds, IReadOnlyList<string>? Thumbprints, string? Keys, IReadOnlyDictionary<string, string> Tags);
