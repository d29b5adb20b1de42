using System.Data.Common;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Store;

/// <summary>Users, groups and roles: rows of <c>principals</c>.</summary>
internal static class EntityRows
{
    private const string Columns =
        "p.id, p.kind, p.account, p.name, p.path, p.unique_id, p.created_at, p.description, p.trust_policy, p.max_session_seconds, p.boundary_arn, p.last_used_at, p.last_used_region";

    /// <summary>The form in which names are unique.</summary>
    public static string Key(string name) => name.ToLowerInvariant();

    /// <summary>One by its name, in any case; null when there is none.</summary>
    public static ValueTask<Entity?> FindAsync(IamContext iam, IamKind kind, string name) => iam.Db.QueryFirstAsync<Entity?>(
        $"SELECT {Columns} FROM principals p WHERE p.account = @account AND p.kind = @kind AND p.name_key = @key",
        static row => Map(row), ("@account", iam.Account), ("@kind", kind.Word()), ("@key", Key(name)));

    /// <summary>One by its name; the error when there is none.</summary>
    public static async ValueTask<IamOutcome<Entity>> GetAsync(IamContext iam, IamKind kind, string name) =>
        await FindAsync(iam, kind, name) is { } entity ? entity : IamError.NoSuch(kind, name);

    /// <summary>The ARN of one; of one that is not there, the ARN that it would have without a path.</summary>
    public static async ValueTask<string> ArnAsync(IamContext iam, IamKind kind, string name) =>
        (await FindAsync(iam, kind, name))?.Arn ?? IamArns.Of(kind, iam.Account, "/", name);

    /// <summary>A page in order of names, of those whose path begins with a prefix.</summary>
    public static ValueTask<List<Entity>> ListAsync(IamContext iam, IamKind kind, string? pathPrefix, string after, long rows)
    {
        var prefix = pathPrefix ?? "/";
        return iam.Db.QueryAsync(
            $"""
            SELECT {Columns} FROM principals p
            WHERE p.account = @account AND p.kind = @kind AND p.name_key > @after AND substr(p.path, 1, CAST(@length AS INTEGER)) = @prefix
            ORDER BY p.name_key LIMIT @rows
            """,
            Map,
            ("@account", iam.Account), ("@kind", kind.Word()), ("@after", after), ("@prefix", prefix), ("@length", (long)prefix.Length), ("@rows", rows));
    }

    /// <summary>How many of a kind the account has.</summary>
    public static async ValueTask<long> CountAsync(IamContext iam, IamKind kind) => await iam.Db.QueryFirstAsync(
        "SELECT COUNT(*) FROM principals WHERE account = @account AND kind = @kind", static row => row.GetInt64(0), ("@account", iam.Account), ("@kind", kind.Word()));

    /// <summary>Adds one, when its name is free and the quota allows.</summary>
    public static async ValueTask<IamOutcome<Entity>> AddAsync(IamContext iam, IamKind kind, NewEntity wanted)
    {
        if (await FindAsync(iam, kind, wanted.Name) is not null) return IamError.AlreadyExists($"{kind.Title()} with name {wanted.Name} already exists.");
        if (await CountAsync(iam, kind) >= kind.PerAccount()) return IamError.Quota($"{kind.Title()}sPerAccount", kind.PerAccount());
        await iam.Db.ExecuteAsync(
            """
            INSERT INTO principals (account, kind, name, name_key, path, unique_id, created_at, description, trust_policy, max_session_seconds, boundary_arn)
            VALUES (@account, @kind, @name, @key, @path, @unique, @now, @description, @trust, @session, @boundary)
            """,
            ("@account", iam.Account), ("@kind", kind.Word()), ("@name", wanted.Name), ("@key", Key(wanted.Name)), ("@path", wanted.Path ?? "/"),
            ("@unique", IamIds.New(kind.IdPrefix())), ("@now", iam.Now.ToDatabase()), ("@description", wanted.Description), ("@trust", wanted.TrustPolicy),
            ("@session", wanted.MaxSessionSeconds), ("@boundary", wanted.BoundaryArn));
        return (await FindAsync(iam, kind, wanted.Name))!;
    }

    /// <summary>Gives one another name or path.</summary>
    public static async ValueTask<IamOutcome<Entity>> MoveAsync(IamContext iam, Entity entity, string? newName, string? newPath)
    {
        var name = newName ?? entity.Name;
        if (Key(name) != entity.NameKey && await FindAsync(iam, entity.Kind, name) is not null)
            return IamError.AlreadyExists($"{entity.Kind.Title()} with name {name} already exists.");
        await iam.Db.ExecuteAsync(
            "UPDATE principals SET name = @name, name_key = @key, path = @path WHERE id = @id",
            ("@name", name), ("@key", Key(name)), ("@path", newPath ?? entity.Path), ("@id", entity.Id));
        return entity with { Name = name, Path = newPath ?? entity.Path };
    }

    /// <summary>Writes what can be changed of a role.</summary>
    public static ValueTask<int> UpdateRoleAsync(IamContext iam, Entity role) => iam.Db.ExecuteAsync(
        "UPDATE principals SET description = @description, max_session_seconds = @session, trust_policy = @trust WHERE id = @id",
        ("@description", role.Description), ("@session", role.MaxSessionSeconds), ("@trust", role.TrustPolicy), ("@id", role.Id));

    /// <summary>Sets the permissions boundary; null takes it away.</summary>
    public static ValueTask<int> SetBoundaryAsync(IamContext iam, Entity entity, string? policyArn) => iam.Db.ExecuteAsync(
        "UPDATE principals SET boundary_arn = @arn WHERE id = @id", ("@arn", policyArn), ("@id", entity.Id));

    /// <summary>Removes one with what belongs to it; what must not go with it was asked before.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, Entity entity) =>
        iam.Db.ExecuteAsync("DELETE FROM principals WHERE id = @id", ("@id", entity.Id));

    /// <summary>An entity from the columns that every query here selects first.</summary>
    public static Entity Map(DbDataReader row) => new(
        row.GetInt64(0),
        IamKinds.Of(row.GetString(1)) ?? throw new InvalidOperationException($"principals.kind '{row.GetString(1)}' is none of IAM's."),
        row.GetString(2),
        row.GetString(3),
        row.GetString(4),
        row.GetString(5),
        row.GetTime(6),
        row.GetStringOrNull(7),
        row.GetStringOrNull(8),
        row.GetInt64OrNull(9),
        row.GetStringOrNull(10),
        row.GetTimeOrNull(11),
        row.GetStringOrNull(12));

    /// <summary>The columns of <see cref="Map"/>, of the table <c>principals</c> as <c>p</c>.</summary>
    public static string SelectColumns => Columns;
}

/// <summary>A user, group or role to be.</summary>
internal sealed record NewEntity(
    string Name, string? Path, string? Description = null, string? TrustPolicy = null, long? MaxSessionSeconds = null, string? BoundaryArn = null);
