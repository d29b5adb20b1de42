using Longshore.Core;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>The repositories of all registries: create, find, list, delete, settings and resource tags.</summary>
internal sealed class RepositoryCatalog(IDatabase database, IRemovalGuard guard, AccessVersion access, TimeProvider time)
{
    /// <summary>Most resource tags on one repository (ECR service quotas).</summary>
    public const int MaxResourceTags = 50;

    /// <summary>Images deleted in one transaction while a repository is emptied: other writers wait no longer than that.</summary>
    private const int DeleteBatch = 500;

    /// <summary>Images of the recycle bin deleted in one transaction: each may have many bodies to look at.</summary>
    private const int RecycledBatch = 50;

    /// <summary>The repository, or <see cref="ErrorCode.RepositoryNotFound"/>.</summary>
    public async ValueTask<Outcome<Repository>> FindAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken)
    {
        var repository = await database.ReadAsync(session => session.FindAsync(registry, name), cancellationToken);
        return repository is null ? ContentErrors.RepositoryNotFound(registry, name) : repository;
    }

    /// <summary>Creates a repository, or <see cref="ErrorCode.RepositoryAlreadyExists"/>.</summary>
    public ValueTask<Outcome<Repository>> CreateAsync(
        RegistryId registry,
        RepositoryName name,
        RepositorySettings settings,
        IReadOnlyDictionary<string, string> resourceTags,
        CancellationToken cancellationToken) => CreateAsync(registry, name, settings, resourceTags, static (_, _) => ValueTask.CompletedTask, cancellationToken);

    /// <summary>Creates a repository, or <see cref="ErrorCode.RepositoryAlreadyExists"/>.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="resourceTags">Its resource tags.</param>
    /// <param name="complete">What else belongs to it, written in the transaction that creates it.</param>
    /// <param name="cancellationToken">Heeded until the write begins.</param>
    public async ValueTask<Outcome<Repository>> CreateAsync(
        RegistryId registry,
        RepositoryName name,
        RepositorySettings settings,
        IReadOnlyDictionary<string, string> resourceTags,
        Func<DbSession, Repository, ValueTask> complete,
        CancellationToken cancellationToken)
    {
        if (resourceTags.Count > MaxResourceTags) return ContentErrors.TooManyTags(MaxResourceTags);
        var now = time.GetUtcNow();
        return await database.WriteAsync<Outcome<Repository>>(
            Durability.Synced,
            async session =>
            {
                var repository = await session.QueryFirstAsync(
                    $"""
                    INSERT INTO repositories (account, region, name, created_at, tag_mutability, mutability_filters, scan_on_push)
                    VALUES (@account, @region, @name, @now, @mutability, @filters, @scan)
                    ON CONFLICT (account, region, name) DO NOTHING
                    RETURNING {RepositoryRows.Columns}
                    """,
                    RepositoryRows.Read,
                    ("@account", registry.Account),
                    ("@region", registry.Region),
                    ("@name", name.Value),
                    ("@now", now.ToDatabase()),
                    ("@mutability", settings.TagMutability.ToName()),
                    ("@filters", RepositoryRows.JoinFilters(settings.MutabilityFilters)),
                    ("@scan", settings.ScanOnPush));
                if (repository is null) return ContentErrors.RepositoryAlreadyExists(registry, name);
                await PutResourceTagsAsync(session, repository.Id, resourceTags);
                await complete(session, repository);
                return repository;
            },
            cancellationToken);
    }

    /// <summary>Repositories of a registry in byte order of their names, those after <paramref name="after"/>; at most <paramref name="limit"/>.</summary>
    public ValueTask<List<Repository>> ListAsync(RegistryId registry, string? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            $"SELECT {RepositoryRows.Columns} FROM repositories WHERE account = @account AND region = @region AND name > @after ORDER BY name LIMIT @limit",
            RepositoryRows.Read,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@after", after ?? ""),
            ("@limit", (long)limit)),
        cancellationToken);

    /// <summary>Deletes a repository and, with <paramref name="force"/>, its images; else <see cref="ErrorCode.RepositoryNotEmpty"/> when it has some.</summary>
    /// <remarks>
    /// A large repository is emptied in batches so that no transaction is long; the last one checks again that it is empty
    /// and ends it. A push in between is deleted too, as if it had come before. The repository is looked up once: one that
    /// somebody creates with its name before this ends is another one.
    /// </remarks>
    public ValueTask<Outcome<Repository>> DeleteAsync(RegistryId registry, RepositoryName name, bool force, CancellationToken cancellationToken) =>
        DeleteAsync(registry, name, force, evenProtected: false, cancellationToken);

    /// <inheritdoc cref="DeleteAsync(RegistryId, RepositoryName, bool, CancellationToken)"/>
    /// <param name="registry">The registry.</param>
    /// <param name="name">The repository.</param>
    /// <param name="force">Whether its images go with it.</param>
    /// <param name="evenProtected">Whether protected images go with it too; else <see cref="ErrorCode.ImageProtected"/>.</param>
    /// <param name="cancellationToken">Heeded until the write begins.</param>
    public async ValueTask<Outcome<Repository>> DeleteAsync(RegistryId registry, RepositoryName name, bool force, bool evenProtected, CancellationToken cancellationToken)
    {
        if (!(await FindAsync(registry, name, cancellationToken)).TryGet(out var repository, out var error)) return error;
        while (true)
        {
            var (outcome, again) = await database.WriteAsync(Durability.Synced, session => DeleteStepAsync(session, repository, force, evenProtected), cancellationToken);
            if (!again)
            {
                // Its policy and resource tags went with it: one that is created with its name has none of them.
                access.Bump();
                return outcome;
            }

            force = true; // Asked once: what is pushed while the images go does not bring them back.
        }
    }

    /// <summary>Changes settings in one transaction and gives the repository as it is afterwards.</summary>
    public ValueTask<Outcome<Repository>> UpdateSettingsAsync(
        RegistryId registry,
        RepositoryName name,
        Func<RepositorySettings, RepositorySettings> change,
        CancellationToken cancellationToken) => database.WriteAsync<Outcome<Repository>>(
        Durability.Synced,
        async session =>
        {
            var repository = await session.FindAsync(registry, name);
            if (repository is null) return ContentErrors.RepositoryNotFound(registry, name);
            var settings = change(repository.Settings);
            await session.ExecuteAsync(
                "UPDATE repositories SET tag_mutability = @mutability, mutability_filters = @filters, scan_on_push = @scan WHERE id = @id",
                ("@mutability", settings.TagMutability.ToName()),
                ("@filters", RepositoryRows.JoinFilters(settings.MutabilityFilters)),
                ("@scan", settings.ScanOnPush),
                ("@id", repository.Id));
            return repository with { Settings = settings };
        },
        cancellationToken);

    /// <summary>Resource tags in order of their keys.</summary>
    public ValueTask<Outcome<List<KeyValuePair<string, string>>>> ListResourceTagsAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken) =>
        database.ReadAsync<Outcome<List<KeyValuePair<string, string>>>>(
            async session => await session.FindIdAsync(registry, name) is { } id
                ? await session.QueryAsync(
                    "SELECT tag_key, tag_value FROM resource_tags WHERE repository_id = @id ORDER BY tag_key",
                    static row => KeyValuePair.Create(row.GetString(0), row.GetString(1)),
                    ("@id", id))
                : ContentErrors.RepositoryNotFound(registry, name),
            cancellationToken);

    /// <summary>Adds or replaces resource tags; <see cref="ErrorCode.TooManyTags"/> when more than 50 would result.</summary>
    public async ValueTask<Outcome<Done>> TagResourceAsync(RegistryId registry, RepositoryName name, IReadOnlyDictionary<string, string> resourceTags, CancellationToken cancellationToken)
    {
        try
        {
            var tagged = await database.WriteAsync<Outcome<Done>>(
                Durability.Synced,
                async session =>
                {
                    if (await session.FindIdAsync(registry, name) is not { } id) return ContentErrors.RepositoryNotFound(registry, name);
                    await PutResourceTagsAsync(session, id, resourceTags);
                    var count = await session.QueryFirstAsync("SELECT COUNT(*) FROM resource_tags WHERE repository_id = @id", static row => row.GetInt64(0), ("@id", id));
                    return count > MaxResourceTags ? throw new OverLimitException() : Done.Value;
                },
                cancellationToken);
            access.Bump();
            return tagged;
        }
        catch (OverLimitException)
        {
            return ContentErrors.TooManyTags(MaxResourceTags);
        }
    }

    /// <summary>Removes resource tags; keys that are not there are no error.</summary>
    public async ValueTask<Outcome<Done>> UntagResourceAsync(RegistryId registry, RepositoryName name, IReadOnlyCollection<string> keys, CancellationToken cancellationToken)
    {
        var untagged = await database.WriteAsync<Outcome<Done>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } id) return ContentErrors.RepositoryNotFound(registry, name);
                foreach (var key in keys)
                    await session.ExecuteAsync("DELETE FROM resource_tags WHERE repository_id = @id AND tag_key = @key", ("@id", id), ("@key", key));
                return Done.Value;
            },
            cancellationToken);
        access.Bump();
        return untagged;
    }

    private static async ValueTask PutResourceTagsAsync(DbSession session, long repositoryId, IReadOnlyDictionary<string, string> resourceTags)
    {
        foreach (var (key, value) in resourceTags)
        {
            await session.ExecuteAsync(
                """
                INSERT INTO resource_tags (repository_id, tag_key, tag_value) VALUES (@id, @key, @value)
                ON CONFLICT (repository_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value
                """,
                ("@id", repositoryId),
                ("@key", key),
                ("@value", value));
        }
    }

    private async ValueTask<(Outcome<Repository> Outcome, bool Again)> DeleteStepAsync(DbSession session, Repository repository, bool force, bool evenProtected)
    {
        var id = repository.Id;
        // Locked against pushes, whose rows reference it: what the emptying statements do not see cannot come before the last of them.
        var there = await session.QueryFirstAsync("SELECT id FROM repositories WHERE id = @id /*lock FOR UPDATE*/", static row => row.GetInt64(0), ("@id", id));
        if (there == 0) return (ContentErrors.RepositoryNotFound(repository.Registry, repository.Name), false);
        if (!force)
        {
            var any = await session.QueryFirstAsync("SELECT id FROM manifests WHERE repository_id = @id LIMIT 1", static row => row.GetInt64(0), ("@id", id));
            if (any != 0) return (ContentErrors.RepositoryNotEmpty(repository.Registry, repository.Name), false);
        }

        // Before each step: what becomes protected meanwhile stays.
        if (!evenProtected && await guard.CheckRepositoryAsync(session, repository, time.GetUtcNow()) is { } refusal) return (refusal, false);

        // Tags, then manifests that no index lists (their own links go with them), so that a kill in between leaves no index without its children.
        foreach (var statement in EmptyingStatements)
            if (await session.ExecuteAsync(statement, ("@id", id), ("@limit", (long)DeleteBatch)) > 0) return (repository, true);
        if (await BlobReferences.RemoveRecycledAsync(session, id, RecycledBatch, time.GetUtcNow()) > 0) return (repository, true);
        if (await BlobReferences.RemoveLinksAsync(session, id, DeleteBatch, time.GetUtcNow()) > 0) return (repository, true);
        await session.ExecuteAsync("DELETE FROM repositories WHERE id = @id", ("@id", id));
        return (repository, false);
    }

    private static readonly string[] EmptyingStatements =
    [
        "DELETE FROM tags WHERE repository_id = @id AND name IN (SELECT name FROM tags WHERE repository_id = @id LIMIT @limit)",
        """
        DELETE FROM manifests WHERE id IN (
            SELECT m.id FROM manifests m
            WHERE m.repository_id = @id AND NOT EXISTS (SELECT 1 FROM manifest_children c WHERE c.child_id = m.id)
            ORDER BY m.digest LIMIT @limit)
        """,
    ];

    /// <summary>Takes the transaction back when the tags that were put are too many.</summary>
    private sealed class OverLimitException : Exception;
}
