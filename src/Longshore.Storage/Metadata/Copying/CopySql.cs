using System.Text.Json;
using System.Text.Json.Serialization;

namespace Longshore.Storage.Metadata.Copying;

/// <summary>Statements over any table, in both dialects.</summary>
internal static class CopySql
{
    /// <summary>Whether there is such a table.</summary>
    public static async ValueTask<bool> HasTableAsync(DbSession session, bool postgres, string table) => await session.QueryFirstAsync(
        postgres
            ? "SELECT 1 FROM pg_class WHERE relname = @name AND relnamespace = current_schema()::regnamespace AND relkind = 'r'"
            : "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = @name",
        static row => Convert.ToInt64(row.GetValue(0), System.Globalization.CultureInfo.InvariantCulture),
        ("@name", table)) == 1;

    /// <summary>All tables of the schema.</summary>
    public static ValueTask<List<string>> ListTablesAsync(DbSession session, bool postgres) => session.QueryAsync(
        postgres
            ? "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
            : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
        static row => row.GetString(0));

    /// <summary>The key in the one form that both databases' JSON comes to.</summary>
    public static string NormalKey(string text) => TableRow.KeyToText(TableRow.KeyFromText(text));

    /// <summary>A row by its key; null when there is none.</summary>
    public static ValueTask<TableRow?> FindRowAsync(DbSession session, TableShape shape, object[] key, Func<string, string, string?> replacement) => session.QueryFirstAsync(
        $"SELECT {Columns(shape, replacement)} FROM {shape.Name} WHERE {KeyEquals(shape)}", row => TableRow.Read(shape, row), KeyArguments(key));

    /// <summary>The columns of a SELECT.</summary>
    public static string Columns(TableShape shape, Func<string, string, string?> replacement) =>
        string.Join(", ", shape.Columns.Select(column => replacement(shape.Name, column.Name) ?? column.Name));

    /// <summary>The condition on one key.</summary>
    public static string KeyEquals(TableShape shape) => string.Join(" AND ", shape.Key.Select(static (column, i) => $"{column} = {TableRow.Argument(i)}"));

    /// <summary>Its arguments.</summary>
    public static DbArg[] KeyArguments(object[] key) => [.. key.Select(static (value, i) => new DbArg(TableRow.Argument(i), value))];

    /// <summary>
    /// Puts rows into a table, over those with the same key. A row that stands in the way with something else that is unique goes: in the source it is
    /// another one by now, and comes with its own change.
    /// </summary>
    public static async ValueTask PutAsync(DbSession session, bool postgres, TableShape shape, IReadOnlyList<TableRow> rows)
    {
        if (rows.Count == 0) return;
        if (postgres) await PutPostgresAsync(session, shape, rows);
        else await PutSqliteAsync(session, shape, rows);
    }

    private static async ValueTask PutSqliteAsync(DbSession session, TableShape shape, IReadOnlyList<TableRow> rows)
    {
        var names = shape.Columns.Select(static column => column.Name).ToList();
        var put = $"INSERT INTO {shape.Name} ({string.Join(", ", names)}) VALUES ({string.Join(", ", names.Select(static name => "@" + name))}){OnConflict(shape)}";
        var clear = shape.Unique.Select(unique => (
            Sql: $"DELETE FROM {shape.Name} WHERE {string.Join(" AND ", unique.Columns.Select(static c => $"{c} = @{c}"))} AND NOT ({string.Join(" AND ", shape.Key.Select(static c => $"{c} = @{c}"))}){(unique.Condition is null ? "" : $" AND {unique.Condition} AND @{unique.Condition}")}",
            Columns: unique.Columns.Concat(shape.Key).Concat(unique.Condition is null ? [] : [unique.Condition.Split(' ')[0]]).Distinct().ToList())).ToList();
        foreach (var row in rows)
        {
            foreach (var (sql, columns) in clear) await session.ExecuteAsync(sql, [.. columns.Select(column => new DbArg("@" + column, row[column]))]);
            await session.ExecuteAsync(put, [.. names.Select((name, i) => new DbArg("@" + name, row.Values[i]))]);
        }
    }

    // All rows in one argument, so that a page costs one round trip.
    private static async ValueTask PutPostgresAsync(DbSession session, TableShape shape, IReadOnlyList<TableRow> rows)
    {
        var list = ToJson(shape, rows);
        var columns = string.Join(", ", shape.Columns.Select(static column => column.Name));
        var record = string.Join(", ", shape.Columns.Select(static column => $"{column.Name} {(column.Type == ColumnType.Number ? "bigint" : "text")}"));
        var values = string.Join(", ", shape.Columns.Select(static column => column.Type == ColumnType.Bytes ? $"decode(x.{column.Name}, 'base64')" : "x." + column.Name));
        foreach (var unique in shape.Unique)
        {
            await session.ExecuteAsync(
                $"""
                DELETE FROM {shape.Name} t USING json_to_recordset(@rows::json) AS x({record})
                WHERE {string.Join(" AND ", unique.Columns.Select(static c => $"t.{c} = x.{c}"))} AND ({string.Join(" OR ", shape.Key.Select(static c => $"t.{c} <> x.{c}"))})
                {(unique.Condition is null ? "" : $"AND t.{unique.Condition} AND x.{unique.Condition}")}
                """,
                ("@rows", list));
        }

        await session.ExecuteAsync($"INSERT INTO {shape.Name} ({columns}) SELECT {values} FROM json_to_recordset(@rows::json) AS x({record}){OnConflict(shape, afterSelect: true)}", ("@rows", list));
    }

    private static string OnConflict(TableShape shape, bool afterSelect = false)
    {
        var others = shape.Columns.Where(column => !shape.Key.Contains(column.Name)).Select(static column => $"{column.Name} = excluded.{column.Name}").ToList();
        var where = afterSelect ? " WHERE true" : "";
        return $"{where} ON CONFLICT ({string.Join(", ", shape.Key)}) DO {(others.Count == 0 ? "NOTHING" : "UPDATE SET " + string.Join(", ", others))}";
    }

    private static string ToJson(TableShape shape, IReadOnlyList<TableRow> rows)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartArray();
            foreach (var row in rows)
            {
                writer.WriteStartObject();
                for (var i = 0; i < row.Values.Length; i++)
                {
                    writer.WritePropertyName(shape.Columns[i].Name);
                    switch (row.Values[i])
                    {
                        case null: writer.WriteNullValue(); break;
                        case long number: writer.WriteNumberValue(number); break;
                        case string text: writer.WriteStringValue(text); break;
                        case byte[] bytes: writer.WriteBase64StringValue(bytes); break;
                    }
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return System.Text.Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}

/// <summary>Serialization of lists of numbers.</summary>
[JsonSerializable(typeof(long[]))]
internal sealed partial class CopyJson : JsonSerializerContext;
