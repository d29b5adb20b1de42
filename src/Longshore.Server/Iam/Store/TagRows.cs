using Longshore.Core.Aws.Iam;

namespace Longshore.Server.Iam.Store;

/// <summary>Tags of principals, managed policies and identity providers: three tables of one form. Keys are unique without regard to case.</summary>
internal sealed class TagRows
{
    private readonly string table;
    private readonly string owner;

    private TagRows(string table, string owner) => (this.table, this.owner) = (table, owner);

    /// <summary>Of users and roles.</summary>
    public static TagRows Principals { get; } = new("principal_tags", "principal_id");

    /// <summary>Of managed policies.</summary>
    public static TagRows Policies { get; } = new("managed_policy_tags", "policy_id");

    /// <summary>Of identity providers.</summary>
    public static TagRows Providers { get; } = new("oidc_provider_tags", "provider_id");

    /// <summary>What is wrong with tags that are to be set; null when nothing is.</summary>
    public static IamError? Check(IReadOnlyList<Tag>? tags)
    {
        if (tags is null) return null;
        if (tags.Count > IamQuotas.Tags) return IamError.LimitExceeded("The number of tags has reached the maximum limit.");
        if (tags.DistinctBy(static tag => tag.Key, StringComparer.OrdinalIgnoreCase).Count() != tags.Count)
            return IamError.Invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
        return tags.Any(static tag => tag.Key!.StartsWith("aws:", StringComparison.OrdinalIgnoreCase))
            ? IamError.Invalid("Tag keys that begin with aws: are AWS's own.")
            : null;
    }

    /// <summary>All of them, in order of keys: 50 at most.</summary>
    public async ValueTask<IReadOnlyList<Tag>> AllAsync(IamContext iam, long id) => await iam.Db.QueryAsync(
        $"SELECT tag_key, tag_value FROM {table} WHERE {owner} = @id ORDER BY tag_key",
        static row => new Tag { Key = row.GetString(0), Value = row.GetString(1) }, ("@id", id));

    /// <summary>A page of them.</summary>
    public ValueTask<List<Tag>> ListAsync(IamContext iam, long id, IamPage page) => iam.Db.QueryAsync(
        $"SELECT tag_key, tag_value FROM {table} WHERE {owner} = @id AND tag_key > @after ORDER BY tag_key LIMIT @rows",
        static row => new Tag { Key = row.GetString(0), Value = row.GetString(1) }, ("@id", id), ("@after", page.After), ("@rows", page.Rows));

    /// <summary>Sets tags: those that are there in any case of letters get the new value.</summary>
    public async ValueTask<IamError?> SetAsync(IamContext iam, long id, IReadOnlyList<Tag>? tags)
    {
        if (tags is null || tags.Count == 0) return null;
        if (Check(tags) is { } wrong) return wrong;
        var known = await AllAsync(iam, id);
        var keys = known.Select(static tag => tag.Key!).ToHashSet(StringComparer.OrdinalIgnoreCase);
        if (keys.Union(tags.Select(static tag => tag.Key!), StringComparer.OrdinalIgnoreCase).Count() > IamQuotas.Tags)
            return IamError.LimitExceeded("The number of tags has reached the maximum limit.");
        foreach (var tag in tags)
        {
            await RemoveAsync(iam, id, known, tag.Key!);
            await iam.Db.ExecuteAsync(
                $"INSERT INTO {table} ({owner}, tag_key, tag_value) VALUES (@id, @key, @value)", ("@id", id), ("@key", tag.Key), ("@value", tag.Value ?? ""));
        }

        return null;
    }

    /// <summary>Takes tags away; those that are not there are no error.</summary>
    public async ValueTask UnsetAsync(IamContext iam, long id, IReadOnlyList<string> keys)
    {
        var known = await AllAsync(iam, id);
        foreach (var key in keys) await RemoveAsync(iam, id, known, key);
    }

    private async ValueTask RemoveAsync(IamContext iam, long id, IReadOnlyList<Tag> known, string key)
    {
        foreach (var tag in known)
            if (string.Equals(tag.Key, key, StringComparison.OrdinalIgnoreCase))
                await iam.Db.ExecuteAsync($"DELETE FROM {table} WHERE {owner} = @id AND tag_key = @key", ("@id", id), ("@key", tag.Key));
    }
}
