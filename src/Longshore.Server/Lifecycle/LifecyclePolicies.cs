using System.Data.Common;
using System.Globalization;
using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>The policy of a repository.</summary>
/// <param name="RepositoryId">The repository's row.</param>
/// <param name="PolicyId">A UUID; another one with each put.</param>
/// <param name="Version">Counts the puts, from 1.</param>
/// <param name="Text">The document.</param>
/// <param name="LastEvaluatedAt">When the daily run last evaluated it; null before the first.</param>
internal sealed record StoredPolicy(long RepositoryId, string PolicyId, long Version, string Text, DateTimeOffset? LastEvaluatedAt);

/// <summary>Lifecycle policies: put, get, delete. A policy comes with the job that runs it.</summary>
internal sealed class LifecyclePolicies(IDatabase database, LifecycleOptions options, Jitter jitter, TimeProvider time) : INewRepositoryPolicy
{
    private const string Columns = "repository_id, policy_id, version, policy_text, last_evaluated_at";

    /// <summary>Puts a policy in the place of the former one. RepositoryNotFound, InvalidParameter with all faults.</summary>
    public async ValueTask<Outcome<StoredPolicy>> PutAsync(RegistryId registry, RepositoryName name, string text, CancellationToken cancellationToken)
    {
        if (!LifecyclePolicyParser.TryParse(text, out _, out var faults)) return LifecycleErrors.PolicyInvalid(LifecyclePolicyFault.ToReason(faults));
        return await database.WriteAsync<Outcome<StoredPolicy>>(
            Durability.Synced,
            async session => await session.FindIdAsync(registry, name) is { } repository
                ? await PutAsync(session, repository, text)
                : ContentErrors.RepositoryNotFound(registry, name),
            cancellationToken);
    }

    /// <summary>The policy. RepositoryNotFound, LifecyclePolicyNotFound.</summary>
    public ValueTask<Outcome<StoredPolicy>> GetAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken) =>
        database.ReadAsync(session => GetAsync(session, registry, name), cancellationToken);

    /// <summary>Deletes the policy and gives it as it was. RepositoryNotFound, LifecyclePolicyNotFound.</summary>
    public ValueTask<Outcome<StoredPolicy>> DeleteAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken) =>
        database.WriteAsync<Outcome<StoredPolicy>>(
            Durability.Synced,
            async session =>
            {
                if (!(await GetAsync(session, registry, name)).TryGet(out var policy, out var error)) return error;
                await session.ExecuteAsync("DELETE FROM lifecycle_policies WHERE repository_id = @repository", ("@repository", policy.RepositoryId));
                await JobStore.RemoveAsync(session, LifecycleJob.JobKind, NameOf(policy.RepositoryId));
                return policy;
            },
            cancellationToken);

    /// <inheritdoc/>
    async ValueTask INewRepositoryPolicy.PutAsync(DbSession session, Repository repository, string lifecyclePolicy)
    {
        if (LifecyclePolicyParser.TryParse(lifecyclePolicy, 0, out _, out _)) await PutAsync(session, repository.Id, lifecyclePolicy);
    }

    /// <summary>The name of the daily job of a repository.</summary>
    public static string NameOf(long repositoryId) => repositoryId.ToString(CultureInfo.InvariantCulture);

    /// <summary>The policy in the caller's transaction. RepositoryNotFound, LifecyclePolicyNotFound.</summary>
    internal static async ValueTask<Outcome<StoredPolicy>> GetAsync(DbSession session, RegistryId registry, RepositoryName name)
    {
        if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
        return await FindAsync(session, repository) is { } policy ? policy : LifecycleErrors.PolicyNotFound(registry, name);
    }

    /// <summary>The policy of a repository, or null.</summary>
    internal static ValueTask<StoredPolicy?> FindAsync(DbSession session, long repositoryId) => session.QueryFirstAsync(
        $"SELECT {Columns} FROM lifecycle_policies WHERE repository_id = @repository", Read, ("@repository", repositoryId));

    /// <summary>Keeps when a policy was evaluated, if it is still this one.</summary>
    internal static ValueTask<int> SetEvaluatedAsync(DbSession session, StoredPolicy policy, DateTimeOffset at) => session.ExecuteAsync(
        "UPDATE lifecycle_policies SET last_evaluated_at = @at WHERE repository_id = @repository AND version = @version",
        ("@at", at.ToDatabase()),
        ("@repository", policy.RepositoryId),
        ("@version", policy.Version));

    private async ValueTask<StoredPolicy> PutAsync(DbSession session, long repositoryId, string text)
    {
        var now = time.GetUtcNow();
        var policy = await session.QueryFirstAsync(
            $"""
            INSERT INTO lifecycle_policies (repository_id, policy_id, version, policy_text, updated_at) VALUES (@repository, @id, 1, @text, @now)
            ON CONFLICT (repository_id) DO UPDATE SET policy_id = excluded.policy_id, version = lifecycle_policies.version + 1,
                policy_text = excluded.policy_text, updated_at = excluded.updated_at
            RETURNING {Columns}
            """,
            Read,
            ("@repository", repositoryId),
            ("@id", Guid.NewGuid().ToString()),
            ("@text", text),
            ("@now", now.ToDatabase()));
        // Somewhere within the next interval, so that policies that are put together do not run together.
        await JobStore.EnsureAsync(session, LifecycleJob.JobKind, NameOf(repositoryId), now + jitter.Within(options.Interval));
        return policy!;
    }

    private static StoredPolicy Read(DbDataReader row) => new(row.GetInt64(0), row.GetString(1), row.GetInt64(2), row.GetString(3), row.GetTimeOrNull(4));
}
