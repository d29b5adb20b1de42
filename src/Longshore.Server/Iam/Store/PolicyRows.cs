using System.Globalization;
using Longshore.Core.Policies;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Store;

/// <summary>A managed policy: of the account, or one of AWS's, which have no row (id 0).</summary>
internal sealed record ManagedPolicy(
    long Id, string Arn, string Name, string Path, string UniqueId, string? Description, long DefaultVersion, long NextVersion, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>Whether it is AWS's, and so cannot be changed.</summary>
    public bool IsAws => Id == 0;

    /// <summary>As it is for policies of AWS.</summary>
    public static ManagedPolicy Of(AwsManagedPolicy policy) =>
        new(0, policy.Arn, policy.Name, "/", policy.Id, policy.Description, policy.Version, policy.Version + 1, policy.CreatedAt, policy.UpdatedAt);
}

/// <summary>A version of a managed policy.</summary>
internal sealed record PolicyVersionRow(long Version, string Document, DateTimeOffset CreatedAt);

/// <summary>Managed policies and their versions.</summary>
internal static class PolicyRows
{
    private const string Columns = "account, id, name, path, unique_id, description, default_version, next_version, created_at, updated_at";

    /// <summary>One by its ARN, of the account or of AWS; null when there is none.</summary>
    public static async ValueTask<ManagedPolicy?> FindAsync(IamContext iam, string arn)
    {
        if (AwsManagedPolicies.Find(arn) is { } aws) return ManagedPolicy.Of(aws);
        return IamArns.ReadPolicy(iam.Account, arn) is { } parts && await FindByNameAsync(iam, parts.Name) is { } policy && policy.Arn == arn ? policy : null;
    }

    /// <summary>One by its ARN; the error when there is none.</summary>
    public static async ValueTask<IamOutcome<ManagedPolicy>> GetAsync(IamContext iam, string arn) =>
        await FindAsync(iam, arn) is { } policy ? policy : IamError.NoSuchEntity($"Policy {arn} was not found.");

    /// <summary>One of the account by its name in any case; null when there is none.</summary>
    public static ValueTask<ManagedPolicy?> FindByNameAsync(IamContext iam, string name) => iam.Db.QueryFirstAsync<ManagedPolicy?>(
        $"SELECT {Columns} FROM managed_policies WHERE account = @account AND name_key = @key", static row => Map(row), ("@account", iam.Account), ("@key", EntityRows.Key(name)));

    /// <summary>A page of those of the account, in order of names.</summary>
    public static ValueTask<List<ManagedPolicy>> ListAsync(IamContext iam, string prefix, string after, long rows) => iam.Db.QueryAsync(
        $"""
        SELECT {Columns} FROM managed_policies
        WHERE account = @account AND name_key > @after AND substr(path, 1, CAST(@length AS INTEGER)) = @prefix ORDER BY name_key LIMIT @rows
        """,
        Map, ("@account", iam.Account), ("@after", after), ("@prefix", prefix), ("@length", (long)prefix.Length), ("@rows", rows));

    /// <summary>How many the account has.</summary>
    public static async ValueTask<long> CountAsync(IamContext iam) => await iam.Db.QueryFirstAsync(
        "SELECT COUNT(*) FROM managed_policies WHERE account = @account", static row => row.GetInt64(0), ("@account", iam.Account));

    /// <summary>Adds one with its first version.</summary>
    public static async ValueTask<ManagedPolicy> AddAsync(IamContext iam, string name, string path, string? description, string document)
    {
        await iam.Db.ExecuteAsync(
            """
            INSERT INTO managed_policies (account, name, name_key, path, unique_id, description, default_version, next_version, created_at, updated_at)
            VALUES (@account, @name, @key, @path, @unique, @description, 1, 2, @now, @now)
            """,
            ("@account", iam.Account), ("@name", name), ("@key", EntityRows.Key(name)), ("@path", path), ("@unique", IamIds.New(IamIds.PolicyPrefix)),
            ("@description", description), ("@now", iam.Now.ToDatabase()));
        var policy = (await FindByNameAsync(iam, name))!;
        await InsertVersionAsync(iam, policy, 1, document);
        return policy;
    }

    /// <summary>Removes one with its versions.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, ManagedPolicy policy) => iam.Db.ExecuteAsync("DELETE FROM managed_policies WHERE id = @id", ("@id", policy.Id));

    /// <summary>All versions, the newest first: 5 at most.</summary>
    public static async ValueTask<List<PolicyVersionRow>> VersionsAsync(IamContext iam, ManagedPolicy policy) =>
        policy.IsAws
            ? [new PolicyVersionRow(policy.DefaultVersion, AwsManagedPolicies.Find(policy.Arn)!.Document, policy.UpdatedAt)]
            : await iam.Db.QueryAsync(
                "SELECT version, document, created_at FROM managed_policy_versions WHERE policy_id = @id ORDER BY version DESC",
                static row => new PolicyVersionRow(row.GetInt64(0), row.GetString(1), row.GetTime(2)), ("@id", policy.Id));

    /// <summary>One version by its id (<c>v2</c>); the error when there is none.</summary>
    public static async ValueTask<IamOutcome<PolicyVersionRow>> VersionAsync(IamContext iam, ManagedPolicy policy, string versionId) =>
        (await VersionsAsync(iam, policy)).Find(version => VersionId(version.Version) == versionId) is { } found
            ? found
            : IamError.NoSuchEntity($"Policy {policy.Arn} version {versionId} does not exist or is not attachable.");

    /// <summary>Adds a version, and makes it the default one if wanted.</summary>
    public static async ValueTask<PolicyVersionRow> AddVersionAsync(IamContext iam, ManagedPolicy policy, string document, bool asDefault)
    {
        await InsertVersionAsync(iam, policy, policy.NextVersion, document);
        await iam.Db.ExecuteAsync("UPDATE managed_policies SET next_version = @next, updated_at = @now WHERE id = @id",
            ("@id", policy.Id), ("@next", policy.NextVersion + 1), ("@now", iam.Now.ToDatabase()));
        if (asDefault) await SetDefaultAsync(iam, policy, policy.NextVersion);
        return new PolicyVersionRow(policy.NextVersion, document, iam.Now);
    }

    /// <summary>Makes a version the default one.</summary>
    public static ValueTask<int> SetDefaultAsync(IamContext iam, ManagedPolicy policy, long version) => iam.Db.ExecuteAsync(
        "UPDATE managed_policies SET default_version = @version, updated_at = @now WHERE id = @id", ("@id", policy.Id), ("@version", version), ("@now", iam.Now.ToDatabase()));

    /// <summary>Removes a version.</summary>
    public static ValueTask<int> RemoveVersionAsync(IamContext iam, ManagedPolicy policy, long version) => iam.Db.ExecuteAsync(
        "DELETE FROM managed_policy_versions WHERE policy_id = @id AND version = @version", ("@id", policy.Id), ("@version", version));

    /// <summary>The document that counts; null when the ARN leads nowhere.</summary>
    public static async ValueTask<string?> DocumentAsync(IamContext iam, string arn) =>
        await FindAsync(iam, arn) is { } policy ? (await VersionsAsync(iam, policy)).Find(version => version.Version == policy.DefaultVersion)?.Document : null;

    /// <summary>How versions are called.</summary>
    public static string VersionId(long version) => "v" + version.ToString(CultureInfo.InvariantCulture);

    private static ValueTask<int> InsertVersionAsync(IamContext iam, ManagedPolicy policy, long version, string document) => iam.Db.ExecuteAsync(
        "INSERT INTO managed_policy_versions (policy_id, version, document, created_at) VALUES (@id, @version, @document, @now)",
        ("@id", policy.Id), ("@version", version), ("@document", document), ("@now", iam.Now.ToDatabase()));

    private static ManagedPolicy Map(System.Data.Common.DbDataReader row)
    {
        var (account, name, path) = (row.GetString(0), row.GetString(2), row.GetString(3));
        return new ManagedPolicy(
            row.GetInt64(1), IamArns.Policy(account, path, name), name, path, row.GetString(4), row.GetStringOrNull(5), row.GetInt64(6), row.GetInt64(7), row.GetTime(8), row.GetTime(9));
    }
}
