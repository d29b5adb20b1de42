using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Sts;

/// <summary>A role, as its row says.</summary>
/// <param name="Id">The row.</param>
/// <param name="Account">Its account.</param>
/// <param name="Name">Its name.</param>
/// <param name="Arn">Its ARN, with its path.</param>
/// <param name="UniqueId">Its unique id, AROA….</param>
/// <param name="TrustPolicy">Who may assume it.</param>
/// <param name="MaxSeconds">The longest session.</param>
/// <param name="Tags">Its tags.</param>
internal sealed record Role(
    long Id, string Account, string Name, string Arn, string UniqueId, string TrustPolicy, int MaxSeconds, IReadOnlyDictionary<string, string> Tags);

/// <summary>A role as a caller names it.</summary>
/// <param name="Arn">As given.</param>
/// <param name="Account">Its account.</param>
/// <param name="Path">Its path, with slashes at both ends.</param>
/// <param name="Name">Its name.</param>
internal readonly record struct RoleName(string Arn, string Account, string Path, string Name)
{
    /// <summary>Reads <c>arn:aws:iam::ACCOUNT:role/PATH/NAME</c>; null for everything else.</summary>
    public static RoleName? Parse(string arn)
    {
        if (arn.Split(':', 6) is not ["arn", "aws", "iam", "", var account, var resource] || !RegistryId.IsAccount(account)) return null;
        if (!resource.StartsWith("role/", StringComparison.Ordinal)) return null;
        var slash = resource.LastIndexOf('/');
        var name = resource[(slash + 1)..];
        return name.Length == 0 ? null : new RoleName(arn, account, resource[4..(slash + 1)], name);
    }
}

/// <summary>Reads roles for those who want to assume them.</summary>
internal sealed class Roles(IDatabase database)
{
    private const int DefaultMaxSeconds = 3_600;

    /// <summary>A usable role; null when there is none of that name and path, or it is disabled.</summary>
    public ValueTask<Role?> FindAsync(RoleName name, CancellationToken cancellationToken) => database.ReadSnapshotAsync(
        async session =>
        {
            var role = await session.QueryFirstAsync(
                """
                SELECT id, unique_id, trust_policy, max_session_seconds FROM principals
                WHERE account = @account AND kind = 'role' AND name = @name AND path = @path AND disabled_at IS NULL
                """,
                static row => new { Id = row.GetInt64(0), UniqueId = row.GetString(1), Trust = row.GetStringOrNull(2), Max = row.GetInt64OrNull(3) },
                ("@account", name.Account), ("@name", name.Name), ("@path", name.Path));
            if (role is null) return null;
            var tags = await session.QueryAsync(
                "SELECT tag_key, tag_value FROM principal_tags WHERE principal_id = @id", static row => (row.GetString(0), row.GetString(1)), ("@id", role.Id));
            return new Role(
                role.Id, name.Account, name.Name, name.Arn, role.UniqueId, role.Trust ?? "", (int)(role.Max ?? DefaultMaxSeconds),
                tags.ToDictionary(static tag => tag.Item1, static tag => tag.Item2, StringComparer.OrdinalIgnoreCase));
        },
        cancellationToken);
}
