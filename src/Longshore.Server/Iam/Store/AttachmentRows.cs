using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Store;

/// <summary>Which managed policies are attached to what, and which are permissions boundaries.</summary>
internal static class AttachmentRows
{
    /// <summary>ARNs of all policies attached to one owner: 10 at most.</summary>
    public static ValueTask<List<string>> AllAsync(IamContext iam, long principalId) => iam.Db.QueryAsync(
        "SELECT policy_arn FROM attached_policies WHERE principal_id = @id ORDER BY policy_arn", static row => row.GetString(0), ("@id", principalId));

    /// <summary>Attaches a policy; once more is no error.</summary>
    public static ValueTask<int> AddAsync(IamContext iam, long principalId, string policyArn) => iam.Db.ExecuteAsync(
        """
        INSERT INTO attached_policies (principal_id, policy_arn, attached_at) VALUES (@id, @arn, @now)
        ON CONFLICT (principal_id, policy_arn) DO NOTHING
        """,
        ("@id", principalId), ("@arn", policyArn), ("@now", iam.Now.ToDatabase()));

    /// <summary>Detaches a policy; 0 when it was not attached.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, long principalId, string policyArn) => iam.Db.ExecuteAsync(
        "DELETE FROM attached_policies WHERE principal_id = @id AND policy_arn = @arn", ("@id", principalId), ("@arn", policyArn));

    /// <summary>To how many users, groups and roles of the account a policy is attached.</summary>
    public static async ValueTask<int> CountAsync(IamContext iam, string policyArn) => (int)await iam.Db.QueryFirstAsync(
        "SELECT COUNT(*) FROM attached_policies a JOIN principals p ON p.id = a.principal_id WHERE a.policy_arn = @arn AND p.account = @account",
        static row => row.GetInt64(0), ("@arn", policyArn), ("@account", iam.Account));

    /// <summary>Of how many users and roles of the account a policy is the permissions boundary.</summary>
    public static async ValueTask<int> CountBoundariesAsync(IamContext iam, string policyArn) => (int)await iam.Db.QueryFirstAsync(
        "SELECT COUNT(*) FROM principals WHERE boundary_arn = @arn AND account = @account", static row => row.GetInt64(0), ("@arn", policyArn), ("@account", iam.Account));

    /// <summary>A page of what a policy is attached to or is the boundary of, in order of kinds and names.</summary>
    /// <param name="iam">The context.</param>
    /// <param name="policyArn">The policy.</param>
    /// <param name="attached">Whether attachments count.</param>
    /// <param name="boundaries">Whether boundaries count.</param>
    /// <param name="kind">One kind, or null for all.</param>
    /// <param name="pathPrefix">How paths begin.</param>
    /// <param name="after">Kind, space and name key of the last one of the page before.</param>
    /// <param name="rows">Most rows.</param>
    public static ValueTask<List<Entity>> ListEntitiesAsync(
        IamContext iam, string policyArn, bool attached, bool boundaries, IamKind? kind, string pathPrefix, string after, long rows)
    {
        var space = after.IndexOf(' ', StringComparison.Ordinal);
        var (afterKind, afterName) = space < 0 ? ("", "") : (after[..space], after[(space + 1)..]);
        return iam.Db.QueryAsync(
            $"""
            SELECT {EntityRows.SelectColumns} FROM principals p
            WHERE p.account = @account
              AND p.id IN (SELECT principal_id FROM attached_policies WHERE policy_arn = @arn AND @attached = 1
                           UNION SELECT id FROM principals WHERE boundary_arn = @arn AND @boundaries = 1)
              AND (@kind = '' OR p.kind = @kind) AND substr(p.path, 1, CAST(@length AS INTEGER)) = @prefix
              AND (p.kind > @afterKind OR (p.kind = @afterKind AND p.name_key > @afterName))
            ORDER BY p.kind, p.name_key LIMIT @rows
            """,
            EntityRows.Map,
            ("@account", iam.Account), ("@arn", policyArn), ("@attached", attached ? 1L : 0L), ("@boundaries", boundaries ? 1L : 0L), ("@kind", kind?.Word() ?? ""),
            ("@prefix", pathPrefix), ("@length", (long)pathPrefix.Length), ("@afterKind", afterKind), ("@afterName", afterName), ("@rows", rows));
    }
}
