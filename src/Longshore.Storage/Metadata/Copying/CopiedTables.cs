namespace Longshore.Storage.Metadata.Copying;

/// <summary>Which tables a copy of a registry to another database takes along, and which it leaves out and why. A new table must be named here.</summary>
public static class CopiedTables
{
    /// <summary>The table whose rows have bodies beside them.</summary>
    public const string Blobs = "blobs";

    /// <summary>Copied row by row; parents before children, so that a look at a half copy makes sense.</summary>
    public static IReadOnlyList<string> Copied { get; } =
    [
        "settings", "registry_settings", "principals", "access_keys", "principal_tags", "group_members", "inline_policies",
        "managed_policies", "managed_policy_versions", "managed_policy_tags", "attached_policies", "oidc_providers", "oidc_provider_tags",
        "registry_policies", "creation_templates", "pull_time_exclusions",
        "repositories", "resource_tags", "repository_policies", "lifecycle_policies",
        Blobs, "repository_blobs", "manifests", "manifest_blobs", "manifest_children", "tags", "tag_counts", "archived_images",
        "recycled_images", "recycled_blobs", "released_blobs",
        "plans", "plan_images", "protections", "usage_sources", "usage_records",
        "jobs", "events", "audit_records",
    ];

    /// <summary>Left out, with the reason.</summary>
    public static IReadOnlyDictionary<string, string> LeftOut { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["uploads"] = "the bytes of unfinished uploads stay in the old store: clients begin such an upload anew",
        ["loose_bodies"] = "notes about files of the old store",
        ["access_version"] = "each database of PostgreSQL counts for itself",
        ["schema_migrations"] = "the target has its own",
    };

    /// <summary>What is put in place of a column's value: what only the old servers can go on with.</summary>
    internal static string? Replacement(string table, string column) => (table, column) switch
    {
        // No server of the target holds these leases; and a walk through the old store is none through the new one.
        ("jobs", "lease_token" or "leased_until") => "NULL",
        ("jobs", "progress") => "CASE WHEN kind = 'scrub' THEN NULL ELSE progress END",
        _ => null,
    };
}
