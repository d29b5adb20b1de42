using System.Collections.Frozen;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.RegistrySettings;

/// <summary>Principals whose pulls do not count (ECR pull-time update exclusions), and the place that notes all other pulls.</summary>
internal sealed class PullTimeExclusions
{
    /// <summary>Most principals of one registry (ECR model, PullTimeUpdateExclusionList).</summary>
    public const int MaxPrincipals = 100;

    private const string RoleMark = ":role/";
    private const string SessionMark = ":assumed-role/";

    private readonly IDatabase database;
    private readonly Images images;
    private readonly TimeProvider time;
    private readonly RegistryCache<FrozenSet<string>> excluded;

    public PullTimeExclusions(IDatabase database, Images images, AccessVersion access, TimeProvider time)
    {
        this.database = database;
        this.images = images;
        this.time = time;
        excluded = new RegistryCache<FrozenSet<string>>(LoadAsync, access, time);
    }

    /// <summary>Notes that a principal pulled an image, unless its pulls do not count. From memory but for the first pull from a registry in a while.</summary>
    /// <param name="registry">The registry pulled from.</param>
    /// <param name="principalArn">Who pulled, as STS GetCallerIdentity names it.</param>
    /// <param name="manifestId">The image.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask RecordPullAsync(RegistryId registry, string principalArn, long manifestId, CancellationToken cancellationToken)
    {
        if (!await IsExcludedAsync(registry, principalArn, cancellationToken)) images.RecordPull(manifestId);
    }

    /// <summary>Whether pulls of a principal do not count; a session of an excluded role is excluded.</summary>
    public async ValueTask<bool> IsExcludedAsync(RegistryId registry, string principalArn, CancellationToken cancellationToken)
    {
        var principals = await excluded.GetAsync(registry, cancellationToken);
        return principals.Count > 0 && principals.Contains(Identity(principalArn));
    }

    /// <summary>Excludes a principal; gives the time. ExclusionAlreadyExists, LimitExceeded.</summary>
    public async ValueTask<Outcome<DateTimeOffset>> RegisterAsync(RegistryId registry, string principalArn, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var outcome = await database.WriteAsync<Outcome<DateTimeOffset>>(
            Durability.Synced,
            async session =>
            {
                var known = await ListAsync(session, registry, "", MaxPrincipals);
                if (known.Contains(principalArn)) return RegistrySettingsErrors.ExclusionAlreadyExists(registry, principalArn);
                if (known.Count >= MaxPrincipals) return RegistrySettingsErrors.TooManyExclusions(MaxPrincipals);
                await session.ExecuteAsync(
                    "INSERT INTO pull_time_exclusions (account, region, principal_arn, created_at) VALUES (@account, @region, @principal, @now)",
                    ("@account", registry.Account),
                    ("@region", registry.Region),
                    ("@principal", principalArn),
                    ("@now", now.ToDatabase()));
                return now;
            },
            cancellationToken);
        excluded.Invalidate(registry);
        return outcome;
    }

    /// <summary>Counts a principal's pulls again. ExclusionNotFound.</summary>
    public async ValueTask<Outcome<Done>> DeregisterAsync(RegistryId registry, string principalArn, CancellationToken cancellationToken)
    {
        var removed = await database.WriteAsync(
            Durability.Synced,
            session => session.ExecuteAsync(
                "DELETE FROM pull_time_exclusions WHERE account = @account AND region = @region AND principal_arn = @principal",
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@principal", principalArn)),
            cancellationToken);
        excluded.Invalidate(registry);
        return removed == 0 ? RegistrySettingsErrors.ExclusionNotFound(registry, principalArn) : Done.Value;
    }

    /// <summary>The excluded principals in byte order, those after <paramref name="after"/>, at most <paramref name="limit"/>.</summary>
    public ValueTask<List<string>> ListAsync(RegistryId registry, string? after, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(session => ListAsync(session, registry, after ?? "", limit), cancellationToken);

    private static ValueTask<List<string>> ListAsync(DbSession session, RegistryId registry, string after, int limit) => session.QueryAsync(
        "SELECT principal_arn FROM pull_time_exclusions WHERE account = @account AND region = @region AND principal_arn > @after ORDER BY principal_arn LIMIT @limit",
        static row => row.GetString(0),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@after", after),
        ("@limit", (long)limit));

    /// <summary>
    /// What stays the same between a role's ARN and that of its sessions: partition and account of the role, and its name without the path,
    /// which sessions do not carry (role names are unique in an account whatever their path). Other principals are their ARN.
    /// </summary>
    private static string Identity(string principalArn)
    {
        var parts = principalArn.Split(':', 6);
        if (parts.Length < 6) return principalArn;
        if (principalArn.Contains(RoleMark, StringComparison.Ordinal)) return $"{parts[1]}{RoleMark}{parts[4]}/{parts[5][(parts[5].LastIndexOf('/') + 1)..]}";
        if (!principalArn.Contains(SessionMark, StringComparison.Ordinal)) return principalArn;
        var session = parts[5].Split('/');
        return session.Length < 2 ? principalArn : $"{parts[1]}{RoleMark}{parts[4]}/{session[1]}";
    }

    private async ValueTask<FrozenSet<string>> LoadAsync(RegistryId registry, CancellationToken cancellationToken) =>
        (await ListAsync(registry, null, MaxPrincipals, cancellationToken)).Select(Identity).ToFrozenSet(StringComparer.Ordinal);
}
