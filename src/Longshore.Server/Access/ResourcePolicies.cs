using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Longshore.Core;
using Longshore.Core.Policies;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>What a repository, or a registry as a whole, brings to every decision about it.</summary>
/// <param name="Arn">The ARN of the repository; <c>*</c> for a registry.</param>
/// <param name="Repository">The repository's policy, or null.</param>
/// <param name="Registry">The registry's policy, or null.</param>
/// <param name="Tags">The resource tags of the repository.</param>
internal sealed record ResourceEntry(string Arn, AttachedPolicy? Repository, AttachedPolicy? Registry, IReadOnlyDictionary<string, string> Tags)
{
    /// <summary>Both policies.</summary>
    public PolicySet Policies { get; } = Join(Repository, Registry);

    /// <summary>Both, with another policy in place of the repository's or the registry's.</summary>
    public PolicySet With(AttachedPolicy other) => other.Kind == PolicyKind.Registry ? Join(Repository, other) : Join(other, Registry);

    private static PolicySet Join(AttachedPolicy? repository, AttachedPolicy? registry) =>
        repository is null && registry is null ? PolicySet.Empty : new PolicySet(new[] { repository, registry }.OfType<AttachedPolicy>());
}

/// <summary>
/// The policies of repositories and registries (ECR SetRepositoryPolicy, PutRegistryPolicy): kept in memory while nothing about access changes.
/// </summary>
internal sealed class ResourcePolicies(IDatabase database, AccessVersion version)
{
    /// <summary>Most repositories held in memory; at the bound the memory starts afresh.</summary>
    public const int Capacity = 16_384;

    private const string ScopeSetting = "REGISTRY_POLICY_SCOPE";
    private static readonly Dictionary<string, string> NoTags = [];

    // What a registry policy is about under the old scope (ecr-behaviour, section 3).
    private static readonly string[] FirstScope = ["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"];
    private volatile Snapshot snapshot = new(new object());

    /// <summary>What is known without asking the database.</summary>
    public bool TryGetCached(RegistryId registry, RepositoryName? name, [NotNullWhen(true)] out ResourceEntry? entry)
    {
        var current = snapshot;
        entry = null;
        return ReferenceEquals(current.Version, version.Current) && current.Known.TryGetValue((registry, name), out entry);
    }

    /// <summary>The policies for a repository that need not exist, or for the registry.</summary>
    public ValueTask<ResourceEntry> GetAsync(RegistryId registry, RepositoryName? name, CancellationToken cancellationToken)
    {
        var (current, now) = (snapshot, version.Current);
        if (!ReferenceEquals(current.Version, now)) snapshot = current = new Snapshot(now);
        return current.Known.TryGetValue((registry, name), out var known) ? new(known) : LoadAsync(current, registry, name, cancellationToken);
    }

    private async ValueTask<ResourceEntry> LoadAsync(Snapshot current, RegistryId registry, RepositoryName? name, CancellationToken cancellationToken)
    {
        var (entry, exists) = await database.ReadSnapshotAsync(session => LoadAsync(session, registry, name), cancellationToken);
        // Names that are made up are not kept.
        if (!exists) return entry;
        if (current.Known.Count >= Capacity) current.Known.Clear();
        current.Known[(registry, name)] = entry;
        return entry;
    }

    private static async ValueTask<(ResourceEntry Entry, bool Exists)> LoadAsync(DbSession session, RegistryId registry, RepositoryName? name)
    {
        var ofRegistry = await session.QueryFirstAsync(
            "SELECT policy FROM registry_policies WHERE account = @account AND region = @region",
            static row => row.GetString(0), ("@account", registry.Account), ("@region", registry.Region));
        AttachedPolicy? registryPolicy = null;
        if (ofRegistry is not null)
        {
            registryPolicy = AttachedPolicy.Read(PolicyKind.Registry, $"the policy of registry {registry}", ofRegistry);
            var scope = await session.QueryFirstAsync(
                "SELECT value FROM registry_settings WHERE account = @account AND region = @region AND name = @name",
                static row => row.GetString(0), ("@account", registry.Account), ("@region", registry.Region), ("@name", ScopeSetting));
            if (scope == "V1") registryPolicy = registryPolicy with { OnlyFor = FirstScope };
        }

        if (name is not { } repository) return (new ResourceEntry("*", null, registryPolicy, NoTags), true);
        var arn = registry.RepositoryArn(repository);
        var found = await session.QueryFirstAsync(
            """
            SELECT r.id, p.policy FROM repositories r LEFT JOIN repository_policies p ON p.repository_id = r.id
            WHERE r.account = @account AND r.region = @region AND r.name = @name
            """,
            static row => (Id: row.GetInt64(0), Policy: row.GetStringOrNull(1)),
            ("@account", registry.Account), ("@region", registry.Region), ("@name", repository.Value));
        if (found.Id == 0) return (new ResourceEntry(arn, null, registryPolicy, NoTags), false);
        var tags = await session.QueryAsync(
            "SELECT tag_key, tag_value FROM resource_tags WHERE repository_id = @id", static row => (row.GetString(0), row.GetString(1)), ("@id", found.Id));
        return (
            new ResourceEntry(
                arn,
                found.Policy is null ? null : AttachedPolicy.Read(PolicyKind.Repository, $"the policy of repository {repository}", found.Policy),
                registryPolicy,
                tags.Count == 0 ? NoTags : TagSet.Of(tags)),
            true);
    }

    private sealed class Snapshot(object version)
    {
        public object Version => version;

        public ConcurrentDictionary<(RegistryId Registry, RepositoryName? Name), ResourceEntry> Known { get; } = new();
    }
}
