using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Store;

/// <summary>An OpenID Connect identity provider as its row has it; the url has no scheme.</summary>
internal sealed record ProviderRow(
    long Id, string Account, string Url, IReadOnlyList<string> ClientIds, IReadOnlyList<string> Thumbprints, string? PinnedKeys, DateTimeOffset CreatedAt)
{
    /// <summary>The ARN.</summary>
    public string Arn => IamArns.Provider(Account, Url);
}

/// <summary>OpenID Connect identity providers.</summary>
internal static class ProviderRows
{
    private const string Columns = "id, account, url, client_ids, thumbprints, pinned_keys, created_at";

    /// <summary>One by its url; null when there is none.</summary>
    public static ValueTask<ProviderRow?> FindAsync(IamContext iam, string url) => iam.Db.QueryFirstAsync<ProviderRow?>(
        $"SELECT {Columns} FROM oidc_providers WHERE account = @account AND url = @url", static row => Map(row), ("@account", iam.Account), ("@url", url));

    /// <summary>One by its ARN; the error when there is none.</summary>
    public static async ValueTask<IamOutcome<ProviderRow>> GetAsync(IamContext iam, string arn) =>
        IamArns.ReadProvider(iam.Account, arn) is { } url && await FindAsync(iam, url) is { } provider
            ? provider
            : IamError.NoSuchEntity($"OpenIDConnect Provider not found for arn {arn}");

    /// <summary>All of the account: 100 at most.</summary>
    public static ValueTask<List<ProviderRow>> AllAsync(IamContext iam) => iam.Db.QueryAsync(
        $"SELECT {Columns} FROM oidc_providers WHERE account = @account ORDER BY url", Map, ("@account", iam.Account));

    /// <summary>Adds one.</summary>
    public static async ValueTask<ProviderRow> AddAsync(
        IamContext iam, string url, IReadOnlyList<string> clientIds, IReadOnlyList<string> thumbprints, string? pinnedKeys)
    {
        await iam.Db.ExecuteAsync(
            """
            INSERT INTO oidc_providers (account, url, client_ids, thumbprints, pinned_keys, created_at)
            VALUES (@account, @url, @clients, @thumbprints, @keys, @now)
            """,
            ("@account", iam.Account), ("@url", url), ("@clients", Lines(clientIds)), ("@thumbprints", Lines(thumbprints)), ("@keys", pinnedKeys),
            ("@now", iam.Now.ToDatabase()));
        return (await FindAsync(iam, url))!;
    }

    /// <summary>Writes what can be changed.</summary>
    public static ValueTask<int> UpdateAsync(IamContext iam, ProviderRow provider) => iam.Db.ExecuteAsync(
        "UPDATE oidc_providers SET client_ids = @clients, thumbprints = @thumbprints, pinned_keys = @keys WHERE id = @id",
        ("@id", provider.Id), ("@clients", Lines(provider.ClientIds)), ("@thumbprints", Lines(provider.Thumbprints)), ("@keys", provider.PinnedKeys));

    /// <summary>Removes one.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, ProviderRow provider) => iam.Db.ExecuteAsync("DELETE FROM oidc_providers WHERE id = @id", ("@id", provider.Id));

    private static string Lines(IReadOnlyList<string> items) => string.Join('\n', items);

    private static string[] Items(string lines) => lines.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static ProviderRow Map(System.Data.Common.DbDataReader row) => new(
        row.GetInt64(0), row.GetString(1), row.GetString(2), Items(row.GetString(3)), Items(row.GetString(4)), row.GetStringOrNull(5), row.GetTime(6));
}
