using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Longshore.Storage.Metadata.Copying;

/// <summary>What a copy must know of a table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">All columns, in the order of the schema.</param>
/// <param name="Key">The columns of the primary key, in its order.</param>
/// <param name="Unique">What else is unique, beside the key.</param>
/// <param name="IsNumbered">Whether its key is a generated number that is never given twice.</param>
public sealed partial record TableShape(string Name, IReadOnlyList<TableColumn> Columns, IReadOnlyList<string> Key, IReadOnlyList<UniqueColumns> Unique, bool IsNumbered)
{
    /// <summary>The type of a column.</summary>
    public ColumnType TypeOf(string column) => Columns.First(c => c.Name == column).Type;

    /// <summary>
    /// All tables of this version's schema, by name. They are read off an empty SQLite database: migrations give both databases the same tables.
    /// </summary>
    public static IReadOnlyDictionary<string, TableShape> All { get; } = Read();

    private static Dictionary<string, TableShape> Read()
    {
        NativeSqlite.EnsureLoaded();
        using var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        foreach (var migration in Migrations.ForSqlite) Run(connection, migration.Sql);
        var tables = Query(connection, "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name", static row => (Name: row.GetString(0), Sql: row.GetString(1)));
        return tables.ToDictionary(static table => table.Name, table => Read(connection, table.Name, table.Sql.Contains("AUTOINCREMENT", StringComparison.Ordinal)), StringComparer.Ordinal);
    }

    private static TableShape Read(SqliteConnection connection, string table, bool numbered)
    {
        var columns = Query(
            connection,
            $"SELECT name, type, pk FROM pragma_table_info('{table}') ORDER BY cid",
            static row => (Column: new TableColumn(row.GetString(0), TypeOfName(row.GetString(1))), Key: row.GetInt64(2)));
        var indexes = Query(
            connection,
            $"SELECT l.name, m.sql FROM pragma_index_list('{table}') l LEFT JOIN sqlite_master m ON m.name = l.name WHERE l.\"unique\" = 1 AND l.origin <> 'pk' ORDER BY l.name",
            static row => (Name: row.GetString(0), Sql: row.IsDBNull(1) ? "" : row.GetString(1)));
        var unique = indexes.Select(index => new UniqueColumns(
            [.. Query(connection, $"SELECT name FROM pragma_index_info('{index.Name}') ORDER BY seqno", static row => row.GetString(0))],
            ConditionOf(index.Sql)));
        return new TableShape(table, [.. columns.Select(static c => c.Column)], [.. columns.Where(static c => c.Key > 0).OrderBy(static c => c.Key).Select(static c => c.Column.Name)], [.. unique], numbered);
    }

    private static string? ConditionOf(string sql)
    {
        var at = sql.IndexOf(" WHERE ", StringComparison.Ordinal);
        if (at < 0) return null;
        var condition = sql[(at + " WHERE ".Length)..].Trim();
        return PlainCondition().IsMatch(condition) ? condition : throw new InvalidOperationException($"A unique index has the condition {condition}: a copy knows only a column that has a value.");
    }

    [GeneratedRegex(@"^[a-z_]+ = ('[^']*'|\d+)$")]
    private static partial Regex PlainCondition();

    private static ColumnType TypeOfName(string type) => type switch
    {
        "TEXT" => ColumnType.Text,
        "BLOB" => ColumnType.Bytes,
        "BIGINT" or "INTEGER" => ColumnType.Number,
        _ => throw new InvalidOperationException($"The schema has a column of type {type}."),
    };

    private static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static List<T> Query<T>(SqliteConnection connection, string sql, Func<SqliteDataReader, T> map)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(map(reader));
        return rows;
    }
}

/// <summary>A column.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it holds.</param>
public sealed record TableColumn(string Name, ColumnType Type);

/// <summary>Columns whose values are unique together.</summary>
/// <param name="Columns">Their names.</param>
/// <param name="Condition">Among which rows: <c>column = value</c>; null for all.</param>
public sealed record UniqueColumns(IReadOnlyList<string> Columns, string? Condition);

/// <summary>What a column holds.</summary>
public enum ColumnType
{
    /// <summary>A 64-bit number.</summary>
    Number,

    /// <summary>Text.</summary>
    Text,

    /// <summary>Bytes.</summary>
    Bytes,
}
