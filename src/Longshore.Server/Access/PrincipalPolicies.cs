using System.Collections.Concurrent;
using Longshore.Core.Policies;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>What a principal brings to every decision: for a session, what its role brings.</summary>
/// <param name="Identity">Inline and managed policies, those of a user's groups among them.</param>
/// <param name="Boundary">The permissions boundary, or null.</param>
/// <param name="Tags">The tags of the user or the role.</param>
internal sealed record OwnPolicies(PolicySet Identity, PolicySet? Boundary, IReadOnlyDictionary<string, string> Tags)
{
    /// <summary>Nothing: what roots bring.</summary>
    public static OwnPolicies None { get; } = new(PolicySet.Empty, null, new Dictionary<string, string>());
}

/// <summary>
/// The identity policies of principals, loaded once and kept while nothing about access changes. A policy that is attached and missing, or
/// that cannot be read, denies everything.
/// </summary>
internal sealed class PrincipalPolicies(IDatabase database, AccessVersion version)
{
    /// <summary>Most principals held in memory; at the bound the memory starts afresh.</summary>
    public const int Capacity = 8192;

    private volatile Snapshot snapshot = new(new object());

    /// <summary>What a caller's own policies are.</summary>
    public ValueTask<OwnPolicies> GetAsync(Principal caller, CancellationToken cancellationToken) =>
        caller.Kind is PrincipalKind.User or PrincipalKind.RoleSession ? GetAsync(caller.Id, cancellationToken) : new(OwnPolicies.None);

    /// <summary>The policies of a user or a role by its row.</summary>
    public ValueTask<OwnPolicies> GetAsync(long principalId, CancellationToken cancellationToken)
    {
        var (current, now) = (snapshot, version.Current);
        if (!ReferenceEquals(current.Version, now)) snapshot = current = new Snapshot(now);
        return current.Known.TryGetValue(principalId, out var known) ? new(known) : LoadAsync(current, principalId, cancellationToken);
    }

    private async ValueTask<OwnPolicies> LoadAsync(Snapshot current, long id, CancellationToken cancellationToken)
    {
        var loaded = await database.ReadSnapshotAsync(session => LoadAsync(session, id), cancellationToken);
        if (current.Known.Count >= Capacity) current.Known.Clear();
        current.Known[id] = loaded;
        return loaded;
    }

    /// <summary>The policies of a user, a group or a role in the session at hand.</summary>
    public static async ValueTask<OwnPolicies> LoadAsync(DbSession session, long id)
    {
        // Bounded by IAM's quotas: ten groups, ten managed policies each.
        var inline = await session.QueryAsync(
            """
            SELECT p.kind, p.name, i.name, i.document FROM inline_policies i JOIN principals p ON p.id = i.principal_id
            WHERE i.principal_id = @id OR i.principal_id IN (SELECT group_id FROM group_members WHERE user_id = @id)
            ORDER BY p.id, i.name
            """,
            static row => AttachedPolicy.Read(PolicyKind.Identity, $"{row.GetString(2)} (inline policy of {row.GetString(0)} {row.GetString(1)})", row.GetString(3)),
            ("@id", id));
        var arns = await session.QueryAsync(
            """
            SELECT DISTINCT policy_arn FROM attached_policies
            WHERE principal_id = @id OR principal_id IN (SELECT group_id FROM group_members WHERE user_id = @id)
            ORDER BY policy_arn
            """,
            static row => row.GetString(0),
            ("@id", id));
        foreach (var arn in arns) inline.Add(await ManagedPolicyRows.ReadAsync(session, arn, PolicyKind.Identity));
        var boundary = await session.QueryFirstAsync("SELECT boundary_arn FROM principals WHERE id = @id", static row => row.GetStringOrNull(0), ("@id", id));
        var tags = await session.QueryAsync(
            "SELECT tag_key, tag_value FROM principal_tags WHERE principal_id = @id", static row => (row.GetString(0), row.GetString(1)), ("@id", id));
        return new OwnPolicies(
            new PolicySet(inline),
            boundary is null ? null : new PolicySet([await ManagedPolicyRows.ReadAsync(session, boundary, PolicyKind.Boundary)]),
            TagSet.Of(tags));
    }

    private sealed class Snapshot(object version)
    {
        public object Version => version;

        public ConcurrentDictionary<long, OwnPolicies> Known { get; } = new();
    }
}

/// <summary>Managed policies by ARN: AWS's own, which are part of the program, and those of accounts.</summary>
internal static class ManagedPolicyRows
{
    /// <summary>The policy in its default version; one without document, which denies, when there is none of this ARN.</summary>
    public static async ValueTask<AttachedPolicy> ReadAsync(DbSession session, string arn, PolicyKind kind)
    {
        if (AwsManagedPolicies.Find(arn) is { } known) return AttachedPolicy.Read(kind, arn, known.Document);
        // arn:aws:iam::ACCOUNT:policy/PATH/NAME
        var parts = arn.Split(':', 6);
        if (parts.Length < 6 || !parts[5].StartsWith("policy/", StringComparison.Ordinal)) return new AttachedPolicy(kind, arn, null);
        var slash = parts[5].LastIndexOf('/');
        var document = await session.QueryFirstAsync(
            """
            SELECT v.document FROM managed_policies p JOIN managed_policy_versions v ON v.policy_id = p.id AND v.version = p.default_version
            WHERE p.account = @account AND p.name_key = @name AND p.path = @path
            """,
            static row => row.GetString(0),
            ("@account", parts[4]),
            ("@name", parts[5][(slash + 1)..].ToLowerInvariant()),
            ("@path", parts[5]["policy".Length..(slash + 1)]));
        return document is null ? new AttachedPolicy(kind, arn, null) : AttachedPolicy.Read(kind, arn, document);
    }
}
