using Longshore.Core;

namespace Longshore.Server.Content;

/// <summary>Whether tags of a repository may be moved once pushed (ECR, ImageTagMutability).</summary>
internal enum TagMutability
{
    /// <summary>Every tag may be moved.</summary>
    Mutable,

    /// <summary>No tag may be moved.</summary>
    Immutable,

    /// <summary>No tag may be moved but those that match a filter.</summary>
    ImmutableWithExclusion,

    /// <summary>Every tag may be moved but those that match a filter.</summary>
    MutableWithExclusion,
}

/// <summary>What can be set on a repository.</summary>
/// <param name="TagMutability">Whether tags may be moved.</param>
/// <param name="MutabilityFilters">1 to 5 wildcard filters for the modes with exclusion, none for the others.</param>
/// <param name="ScanOnPush">Kept and returned; scanning itself is not offered yet.</param>
internal sealed record RepositorySettings(TagMutability TagMutability, IReadOnlyList<string> MutabilityFilters, bool ScanOnPush)
{
    /// <summary>What a repository has when nothing is said.</summary>
    public static RepositorySettings Default { get; } = new(TagMutability.Mutable, [], false);
}

/// <summary>A repository.</summary>
internal sealed record Repository(long Id, RegistryId Registry, RepositoryName Name, DateTimeOffset CreatedAt, RepositorySettings Settings)
{
    /// <summary>Its ARN.</summary>
    public string Arn => Registry.RepositoryArn(Name);
}
