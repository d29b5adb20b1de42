using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>The protections of registries: put, find, list, delete.</summary>
internal sealed class Protections(IDatabase database, TimeProvider time)
{
    /// <summary>
    /// Puts a protection under its id, in place of one that is there; putting the same again changes nothing that counts. InvalidParameter; with
    /// <paramref name="within"/> ProtectionAlreadyExists when the id stands for other repositories.
    /// </summary>
    /// <param name="registry">The registry.</param>
    /// <param name="protection">The protection.</param>
    /// <param name="within">The one repository that the caller may speak for; null for the whole registry.</param>
    /// <param name="by">ARN of the caller.</param>
    /// <param name="cancellationToken">Heeded until the write begins.</param>
    public async ValueTask<Outcome<StoredProtection>> PutAsync(RegistryId registry, ImageProtection protection, RepositoryName? within, string by, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (ProtectionRules.Check(protection, now) is { } wrong) return wrong;
        return await database.WriteAsync<Outcome<StoredProtection>>(
            Durability.Synced,
            async session =>
            {
                var there = await FindAsync(session, registry, protection.Id);
                if (there is not null && within is { } name && there.Protection.Repository != name.Value) return ProtectionErrors.ProtectionElsewhere(protection.Id);
                return (await session.QueryFirstAsync(
                    $"""
                    INSERT INTO protections (account, region, id, repository, repository_prefix, kind, target, target_prefix, owner, reason, created_at, created_by, updated_at, ends_at)
                    VALUES (@account, @region, @id, @repository, @repositoryPrefix, @kind, @target, @targetPrefix, @owner, @reason, @now, @by, @now, @until)
                    ON CONFLICT (account, region, id) DO UPDATE SET
                        repository = excluded.repository, repository_prefix = excluded.repository_prefix, kind = excluded.kind, target = excluded.target,
                        target_prefix = excluded.target_prefix, owner = excluded.owner, reason = excluded.reason, updated_at = excluded.updated_at, ends_at = excluded.ends_at
                    RETURNING {ProtectionRows.Columns}
                    """,
                    ProtectionRows.Read,
                    ("@account", registry.Account),
                    ("@region", registry.Region),
                    ("@id", protection.Id),
                    ("@repository", protection.Repository),
                    ("@repositoryPrefix", ProtectionRows.PrefixOf(protection.Repository)),
                    ("@kind", (long)protection.Kind),
                    ("@target", protection.Target),
                    ("@targetPrefix", ProtectionRows.PrefixOf(protection.Target)),
                    ("@owner", protection.Owner),
                    ("@reason", protection.Reason),
                    ("@now", now.ToDatabase()),
                    ("@by", by),
                    ("@until", protection.Until?.ToDatabase())))!;
            },
            cancellationToken);
    }

    /// <summary>A protection, ended or not. ProtectionNotFound, also when it is not one of <paramref name="within"/>.</summary>
    public async ValueTask<Outcome<StoredProtection>> GetAsync(RegistryId registry, string id, RepositoryName? within, CancellationToken cancellationToken)
    {
        var found = await database.ReadAsync(session => FindAsync(session, registry, id), cancellationToken);
        return found is not null && IsWithin(found, within) ? found : ProtectionErrors.ProtectionNotFound(id);
    }

    /// <summary>Takes a protection away. ProtectionNotFound, as above.</summary>
    public ValueTask<Outcome<Done>> DeleteAsync(RegistryId registry, string id, RepositoryName? within, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Done>>(
        Durability.Synced,
        async session =>
        {
            var found = await FindAsync(session, registry, id);
            if (found is null || !IsWithin(found, within)) return ProtectionErrors.ProtectionNotFound(id);
            await session.ExecuteAsync(
                "DELETE FROM protections WHERE account = @account AND region = @region AND id = @id",
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@id", id));
            return Done.Value;
        },
        cancellationToken);

    /// <summary>Protections in order of their ids, those after <paramref name="after"/>, ended ones too.</summary>
    public ValueTask<List<StoredProtection>> ListAsync(RegistryId registry, string? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            $"SELECT {ProtectionRows.Columns} FROM protections WHERE account = @account AND region = @region AND id > @after ORDER BY id LIMIT @limit",
            ProtectionRows.Read,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@after", after ?? ""),
            ("@limit", (long)limit)),
        cancellationToken);

    /// <summary>
    /// Protections that concern one repository, those of patterns too, in order of pattern and id, those after (pattern, id) of
    /// <paramref name="after"/>, ended ones too.
    /// </summary>
    public ValueTask<List<StoredProtection>> ListAsync(RegistryId registry, RepositoryName name, (string Pattern, string Id) after, int limit, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync(
            async session =>
            {
                var patterns = await ProtectionRows.PatternsOfAsync(session, registry, name);
                patterns.Sort(StringComparer.Ordinal);
                var found = new List<StoredProtection>();
                foreach (var pattern in patterns)
                {
                    if (found.Count == limit) break;
                    var order = string.CompareOrdinal(pattern, after.Pattern);
                    if (order < 0) continue;
                    found.AddRange(await session.QueryAsync(
                        // A pair, as in ProtectionRows: or SQLite takes the primary key.
                        $"""
                        SELECT {ProtectionRows.Columns} FROM protections
                        WHERE account = @account AND region = @region AND (repository, id) > (@repository, @after) AND repository <= @repository
                        ORDER BY repository, id LIMIT @limit
                        """,
                        ProtectionRows.Read,
                        ("@account", registry.Account),
                        ("@region", registry.Region),
                        ("@repository", pattern),
                        ("@after", order == 0 ? after.Id : ""),
                        ("@limit", (long)(limit - found.Count))));
                }

                return found;
            },
            cancellationToken);

    private static ValueTask<StoredProtection?> FindAsync(DbSession session, RegistryId registry, string id) => session.QueryFirstAsync(
        $"SELECT {ProtectionRows.Columns} FROM protections WHERE account = @account AND region = @region AND id = @id",
        ProtectionRows.Read,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@id", id));

    private static bool IsWithin(StoredProtection protection, RepositoryName? within) => within is not { } name || protection.Protection.Repository == name.Value;
}
