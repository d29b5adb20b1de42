namespace Longshore.Server.Iam.Store;

/// <summary>Inline policies of users, groups and roles. Names are unique without regard to case, as they were first written.</summary>
internal static class InlinePolicyRows
{
    /// <summary>Names and documents of all of one owner: their sizes together are bounded.</summary>
    public static ValueTask<List<(string Name, string Document)>> AllAsync(IamContext iam, long principalId) => iam.Db.QueryAsync(
        "SELECT name, document FROM inline_policies WHERE principal_id = @id ORDER BY name", static row => (row.GetString(0), row.GetString(1)), ("@id", principalId));

    /// <summary>A page of names.</summary>
    public static ValueTask<List<string>> ListAsync(IamContext iam, long principalId, IamPage page) => iam.Db.QueryAsync(
        "SELECT name FROM inline_policies WHERE principal_id = @id AND name > @after ORDER BY name LIMIT @rows",
        static row => row.GetString(0), ("@id", principalId), ("@after", page.After), ("@rows", page.Rows));

    /// <summary>One with its name as it is stored; null when there is none.</summary>
    public static async ValueTask<(string Name, string Document)?> FindAsync(IamContext iam, long principalId, string name)
    {
        foreach (var policy in await AllAsync(iam, principalId))
            if (string.Equals(policy.Name, name, StringComparison.OrdinalIgnoreCase)) return policy;
        return null;
    }

    /// <summary>Sets one.</summary>
    public static ValueTask<int> PutAsync(IamContext iam, long principalId, string name, string document) => iam.Db.ExecuteAsync(
        """
        INSERT INTO inline_policies (principal_id, name, document) VALUES (@id, @name, @document)
        ON CONFLICT (principal_id, name) DO UPDATE SET document = excluded.document
        """,
        ("@id", principalId), ("@name", name), ("@document", document));

    /// <summary>Removes one by its name as it is stored.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, long principalId, string name) => iam.Db.ExecuteAsync(
        "DELETE FROM inline_policies WHERE principal_id = @id AND name = @name", ("@id", principalId), ("@name", name));
}
