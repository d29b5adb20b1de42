using System.Data.Common;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>How repositories stand in the database.</summary>
internal static class RepositoryRows
{
    public const string Columns = "id, account, region, name, created_at, tag_mutability, mutability_filters, scan_on_push";

    private static readonly string[] MutabilityNames = ["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"];

    /// <summary>The name of a mutability on the wire and in the database.</summary>
    public static string ToName(this TagMutability mutability) => MutabilityNames[(int)mutability];

    /// <summary>The mutability of a name that a caller has checked against the model's enum.</summary>
    public static TagMutability MutabilityOf(string name) => Array.IndexOf(MutabilityNames, name) is >= 0 and var index
        ? (TagMutability)index
        : throw new ArgumentException($"No tag mutability is called {name}.", nameof(name));

    /// <summary>The filters as the column keeps them: one a line (a filter never holds a line break).</summary>
    public static string JoinFilters(IReadOnlyList<string> filters) => string.Join('\n', filters);

    /// <summary>The row of a repository, or null.</summary>
    public static ValueTask<Repository?> FindAsync(this DbSession session, RegistryId registry, RepositoryName name) => session.QueryFirstAsync(
        $"SELECT {Columns} FROM repositories WHERE account = @account AND region = @region AND name = @name",
        Read,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value));

    /// <summary>The row of a repository whose images the caller is about to change: others who do so wait until the commit. Or null.</summary>
    public static ValueTask<Repository?> FindForPushAsync(this DbSession session, RegistryId registry, RepositoryName name) => session.QueryFirstAsync(
        $"SELECT {Columns} FROM repositories WHERE account = @account AND region = @region AND name = @name /*lock FOR NO KEY UPDATE*/",
        Read,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value));

    /// <summary>The row of a repository by its id, or null.</summary>
    public static ValueTask<Repository?> FindAsync(this DbSession session, long id) =>
        session.QueryFirstAsync($"SELECT {Columns} FROM repositories WHERE id = @id", Read, ("@id", id));

    /// <summary>The id of a repository, or null.</summary>
    public static ValueTask<long?> FindIdAsync(this DbSession session, RegistryId registry, RepositoryName name) => session.QueryFirstAsync<long?>(
        "SELECT id FROM repositories WHERE account = @account AND region = @region AND name = @name",
        static row => row.GetInt64(0),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value));

    /// <summary>Reads <see cref="Columns"/>.</summary>
    public static Repository Read(DbDataReader row)
    {
        var filters = row.GetString(6);
        return new Repository(
            row.GetInt64(0),
            new RegistryId(row.GetString(1), row.GetString(2)),
            RepositoryName.TryParse(row.GetString(3), out var name) ? name : throw new InvalidDataException($"Stored repository name '{row.GetString(3)}' is malformed."),
            row.GetTime(4),
            new RepositorySettings(MutabilityOf(row.GetString(5)), filters.Length == 0 ? [] : filters.Split('\n'), row.GetInt64(7) != 0));
    }
}
