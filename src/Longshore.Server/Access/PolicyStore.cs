using Longshore.Core;
using Longshore.Core.Policies;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>The policies of repositories and registries as they are kept: the only writer of their tables.</summary>
internal sealed class PolicyStore(IDatabase database, AccessVersion version)
{
    private const string FindRepository = "SELECT id FROM repositories WHERE account = @account AND region = @region AND name = @name";

    /// <summary>Checks a policy's text. InvalidParameter in ECR's words, followed by every fault with its path.</summary>
    public static Outcome<PolicyDocument> Parse(string text, PolicyKind kind) => PolicyDocument.Parse(text, kind).TryGet(out var document, out var error)
        ? document
        : new RegistryError(
            ErrorCode.InvalidParameter,
            $"Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid {(kind == PolicyKind.Registry ? "registry" : "repository")} policy provided'\n{error.Message}");

    /// <summary>The policy of a repository. RepositoryNotFound, RepositoryPolicyNotFound.</summary>
    public async ValueTask<Outcome<string>> GetAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken)
    {
        var (found, text) = await database.ReadAsync(session => FindAsync(session, registry, name), cancellationToken);
        if (!found) return NoRepository(registry, name);
        return text is null ? NoPolicy(registry, name) : text;
    }

    /// <summary>Sets the policy of a repository; the text was checked. RepositoryNotFound.</summary>
    public async ValueTask<Outcome<Done>> SetAsync(RegistryId registry, RepositoryName name, string text, CancellationToken cancellationToken)
    {
        var set = await database.WriteAsync<Outcome<Done>>(
            Durability.Synced,
            async session =>
            {
                var id = await session.QueryFirstAsync(
                    FindRepository, static row => row.GetInt64(0), ("@account", registry.Account), ("@region", registry.Region), ("@name", name.Value));
                if (id == 0) return NoRepository(registry, name);
                await SetAsync(session, id, text);
                return Done.Value;
            },
            cancellationToken);
        version.Bump();
        return set;
    }

    /// <summary>Sets the policy of a repository that is being created, in its transaction.</summary>
    public static async ValueTask SetAsync(DbSession session, long repositoryId, string text) => await session.ExecuteAsync(
        """
        INSERT INTO repository_policies (repository_id, policy) VALUES (@id, @policy)
        ON CONFLICT (repository_id) DO UPDATE SET policy = excluded.policy
        """,
        ("@id", repositoryId), ("@policy", text));

    /// <summary>Removes the policy of a repository and gives its text. RepositoryNotFound, RepositoryPolicyNotFound.</summary>
    public async ValueTask<Outcome<string>> DeleteAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken)
    {
        var deleted = await database.WriteAsync<Outcome<string>>(
            Durability.Synced,
            async session =>
            {
                var (found, text) = await FindAsync(session, registry, name);
                if (!found) return NoRepository(registry, name);
                if (text is null) return NoPolicy(registry, name);
                await session.ExecuteAsync(
                    $"DELETE FROM repository_policies WHERE repository_id = ({FindRepository})",
                    ("@account", registry.Account), ("@region", registry.Region), ("@name", name.Value));
                return text;
            },
            cancellationToken);
        version.Bump();
        return deleted;
    }

    /// <summary>The policy of a registry. RegistryPolicyNotFound.</summary>
    public async ValueTask<Outcome<string>> GetAsync(RegistryId registry, CancellationToken cancellationToken) =>
        await database.ReadAsync(session => FindAsync(session, registry), cancellationToken) is { } text ? text : NoPolicy(registry);

    /// <summary>Sets the policy of a registry; the text was checked.</summary>
    public async ValueTask PutAsync(RegistryId registry, string text, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            Durability.Synced,
            session => session.ExecuteAsync(
                """
                INSERT INTO registry_policies (account, region, policy) VALUES (@account, @region, @policy)
                ON CONFLICT (account, region) DO UPDATE SET policy = excluded.policy
                """,
                ("@account", registry.Account), ("@region", registry.Region), ("@policy", text)),
            cancellationToken);
        version.Bump();
    }

    /// <summary>Removes the policy of a registry and gives its text. RegistryPolicyNotFound.</summary>
    public async ValueTask<Outcome<string>> DeleteAsync(RegistryId registry, CancellationToken cancellationToken)
    {
        var deleted = await database.WriteAsync<Outcome<string>>(
            Durability.Synced,
            async session =>
            {
                if (await FindAsync(session, registry) is not { } text) return NoPolicy(registry);
                await session.ExecuteAsync(
                    "DELETE FROM registry_policies WHERE account = @account AND region = @region", ("@account", registry.Account), ("@region", registry.Region));
                return text;
            },
            cancellationToken);
        version.Bump();
        return deleted;
    }

    private static async ValueTask<(bool Found, string? Text)> FindAsync(DbSession session, RegistryId registry, RepositoryName name) => await session.QueryFirstAsync(
        """
        SELECT p.policy FROM repositories r LEFT JOIN repository_policies p ON p.repository_id = r.id
        WHERE r.account = @account AND r.region = @region AND r.name = @name
        """,
        static row => (true, row.GetStringOrNull(0)),
        ("@account", registry.Account), ("@region", registry.Region), ("@name", name.Value));

    private static ValueTask<string?> FindAsync(DbSession session, RegistryId registry) => session.QueryFirstAsync(
        "SELECT policy FROM registry_policies WHERE account = @account AND region = @region",
        static row => row.GetString(0), ("@account", registry.Account), ("@region", registry.Region));

    private static RegistryError NoRepository(RegistryId registry, RepositoryName name) => new(
        ErrorCode.RepositoryNotFound, $"The repository with name '{name}' does not exist in the registry with id '{registry.Account}'");

    private static RegistryError NoPolicy(RegistryId registry, RepositoryName name) => new(
        ErrorCode.RepositoryPolicyNotFound, $"Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry.Account}'");

    private static RegistryError NoPolicy(RegistryId registry) => new(
        ErrorCode.RegistryPolicyNotFound, $"Registry policy does not exist in the registry with id '{registry.Account}'");
}
