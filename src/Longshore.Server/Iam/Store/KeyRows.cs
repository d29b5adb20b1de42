using Longshore.Server.Access;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Store;

/// <summary>What can be told of an access key: all but its secret, which is shown once and sealed.</summary>
internal sealed record KeyRow(string Id, long PrincipalId, DateTimeOffset CreatedAt, bool Disabled, DateTimeOffset? LastUsedAt, string? LastUsedService, string? LastUsedRegion);

/// <summary>Access keys.</summary>
internal static class KeyRows
{
    private const string Columns = "access_key_id, principal_id, created_at, disabled_at, last_used_at, last_used_service, last_used_region";

    /// <summary>Keys of a principal, in order of ids.</summary>
    public static ValueTask<List<KeyRow>> ListAsync(IamContext iam, long principalId, string after, long rows) => iam.Db.QueryAsync(
        $"SELECT {Columns} FROM access_keys WHERE principal_id = @principal AND access_key_id > @after ORDER BY access_key_id LIMIT @rows",
        Map, ("@principal", principalId), ("@after", after), ("@rows", rows));

    /// <summary>How many a principal has.</summary>
    public static async ValueTask<long> CountAsync(IamContext iam, long principalId) => await iam.Db.QueryFirstAsync(
        "SELECT COUNT(*) FROM access_keys WHERE principal_id = @principal", static row => row.GetInt64(0), ("@principal", principalId));

    /// <summary>A key of the account with the name of its user; null when the account has no such key.</summary>
    public static async ValueTask<(KeyRow Key, string Kind, string UserName, string Path)?> FindAsync(IamContext iam, string accessKeyId)
    {
        var found = await iam.Db.QueryAsync(
            """
            SELECT k.access_key_id, k.principal_id, k.created_at, k.disabled_at, k.last_used_at, k.last_used_service, k.last_used_region, p.kind, p.name, p.path
            FROM access_keys k JOIN principals p ON p.id = k.principal_id
            WHERE k.access_key_id = @id AND p.account = @account
            """,
            static row => (Key: Map(row), Kind: row.GetString(7), UserName: row.GetString(8), Path: row.GetString(9)), ("@id", accessKeyId), ("@account", iam.Account));
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>Whether any account has a key of this id.</summary>
    public static async ValueTask<bool> ExistsAsync(IamContext iam, string accessKeyId) => await iam.Db.QueryFirstAsync(
        "SELECT 1 FROM access_keys WHERE access_key_id = @id", static row => row.GetInt64(0), ("@id", accessKeyId)) > 0;

    /// <summary>Adds a key.</summary>
    public static ValueTask<int> AddAsync(IamContext iam, long principalId, RootCredentials key) => iam.Db.ExecuteAsync(
        "INSERT INTO access_keys (access_key_id, principal_id, sealed_secret, created_at) VALUES (@id, @principal, @secret, @now)",
        ("@id", key.AccessKeyId), ("@principal", principalId), ("@secret", iam.Seal(key)), ("@now", iam.Now.ToDatabase()));

    /// <summary>Gives a key another secret; a disabled one stays disabled.</summary>
    public static ValueTask<int> ReplaceAsync(IamContext iam, RootCredentials key) => iam.Db.ExecuteAsync(
        "UPDATE access_keys SET sealed_secret = @secret WHERE access_key_id = @id", ("@id", key.AccessKeyId), ("@secret", iam.Seal(key)));

    /// <summary>Enables or disables a key; 0 when the principal has no such key.</summary>
    public static ValueTask<int> SetAsync(IamContext iam, long principalId, string accessKeyId, bool active) => iam.Db.ExecuteAsync(
        "UPDATE access_keys SET disabled_at = CASE WHEN @active = 1 THEN NULL ELSE COALESCE(disabled_at, @now) END WHERE access_key_id = @id AND principal_id = @principal",
        ("@id", accessKeyId), ("@principal", principalId), ("@active", active ? 1L : 0L), ("@now", iam.Now.ToDatabase()));

    /// <summary>Removes a key; 0 when the principal has no such key.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, long principalId, string accessKeyId) => iam.Db.ExecuteAsync(
        "DELETE FROM access_keys WHERE access_key_id = @id AND principal_id = @principal", ("@id", accessKeyId), ("@principal", principalId));

    private static KeyRow Map(System.Data.Common.DbDataReader row) => new(
        row.GetString(0), row.GetInt64(1), row.GetTime(2), !row.IsDBNull(3), row.GetTimeOrNull(4), row.GetStringOrNull(5), row.GetStringOrNull(6));
}
