using System.Text.Json;

namespace Longshore.Storage.Metadata.Copying;

/// <summary>
/// Which rows changed in a database since a copy of it began: triggers note the key of every row that any server writes, in the same transaction.
/// What was copied before is brought up to date by looking at these rows once more.
/// </summary>
public sealed class ChangeLog(IDatabase source)
{
    internal const string Changes = "migrate_changes";
    internal const string Identity = "migrate_source";

    private readonly bool postgres = source is PostgresDatabase;

    /// <summary>The tables that the log itself adds.</summary>
    public static IReadOnlyList<string> Tables { get; } = [Changes, Identity];

    /// <summary>Sets the triggers, or finds them. Changes of transactions that run meanwhile are noted or were finished before.</summary>
    /// <returns>The log's id: a copy belongs to one log alone.</returns>
    public async ValueTask<string> BeginAsync(CancellationToken cancellationToken)
    {
        if (await FindAsync(cancellationToken) is { } known) return known;
        var made = Guid.NewGuid().ToString("N");
        return await source.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await session.ExecuteAsync(postgres
                    ? $"CREATE TABLE {Changes} (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tbl TEXT NOT NULL, row_key TEXT NOT NULL)"
                    : $"CREATE TABLE {Changes} (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL, row_key TEXT NOT NULL)");
                foreach (var name in CopiedTables.Copied)
                    foreach (var statement in postgres ? PostgresTriggers(TableShape.All[name]) : SqliteTriggers(TableShape.All[name])) await session.ExecuteAsync(statement);
                await session.ExecuteAsync($"CREATE TABLE {Identity} (id TEXT NOT NULL)");
                await session.ExecuteAsync($"INSERT INTO {Identity} (id) VALUES (@id)", ("@id", made));
                return made;
            },
            cancellationToken);
    }

    /// <summary>The log's id, or null when there is none.</summary>
    public ValueTask<string?> FindAsync(CancellationToken cancellationToken) => source.ReadSnapshotAsync(
        async session => await CopySql.HasTableAsync(session, postgres, Identity) ? await session.QueryFirstAsync($"SELECT id FROM {Identity}", static row => row.GetString(0)) : null,
        cancellationToken);

    /// <summary>Whether the source is marked as moved away.</summary>
    public async ValueTask<bool> IsMovedAsync(CancellationToken cancellationToken) => await source.ReadAsync(
        static session => session.QueryFirstAsync("SELECT 1 FROM schema_migrations WHERE number = @number", static row => true, ("@number", CopyMarks.Moved)), cancellationToken);

    /// <summary>Changes that were not looked at yet; up to a bound.</summary>
    public ValueTask<long> CountAsync(long most, CancellationToken cancellationToken) => source.ReadAsync(
        session => session.QueryFirstAsync($"SELECT COUNT(*) FROM (SELECT 1 FROM {Changes} LIMIT @most) AS counted", static row => row.GetInt64(0), ("@most", most)), cancellationToken);

    /// <summary>Some changes with the rows as they are now, read in one snapshot. Rows that are gone are among the keys alone.</summary>
    /// <param name="limit">Changes at the most.</param>
    /// <param name="maxBytes">Bytes of rows after which it is enough.</param>
    /// <param name="cancellationToken">Ends it.</param>
    internal ValueTask<ChangedRows> ReadAsync(int limit, long maxBytes, CancellationToken cancellationToken) => source.ReadSnapshotAsync(
        async session =>
        {
            var changes = await session.QueryAsync(
                $"SELECT seq, tbl, row_key FROM {Changes} ORDER BY seq LIMIT @limit",
                static row => (Number: row.GetInt64(0), Table: row.GetString(1), Key: CopySql.NormalKey(row.GetString(2))),
                ("@limit", (long)limit));
            var (numbers, rows, bytes) = (new List<long>(), new Dictionary<(string, string), TableRow?>(), 0L);
            foreach (var (number, table, key) in changes)
            {
                if (bytes > maxBytes) break;
                numbers.Add(number);
                if (rows.ContainsKey((table, key))) continue;
                var row = await CopySql.FindRowAsync(session, TableShape.All[table], TableRow.KeyFromText(key), CopiedTables.Replacement);
                rows.Add((table, key), row);
                bytes += row?.Bytes ?? 0;
            }

            return new ChangedRows(numbers, rows);
        },
        cancellationToken);

    /// <summary>Forgets changes that were brought over.</summary>
    internal async ValueTask ForgetAsync(IReadOnlyList<long> numbers, CancellationToken cancellationToken)
    {
        var list = JsonSerializer.Serialize(numbers.ToArray(), CopyJson.Default.Int64Array);
        await source.WriteBesideAsync(
            Durability.Relaxed,
            session => session.ExecuteAsync(
                postgres
                    ? $"DELETE FROM {Changes} WHERE seq IN (SELECT value::bigint FROM json_array_elements_text(@list::json))"
                    : $"DELETE FROM {Changes} WHERE seq IN (SELECT value FROM json_each(@list))",
                ("@list", list)),
            cancellationToken);
    }

    /// <summary>Marks the source as moved away: no server starts on it any more.</summary>
    public async ValueTask MarkMovedAsync(CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        session => session.ExecuteAsync(CopyMarks.Insert(postgres), ("@number", CopyMarks.Moved)),
        cancellationToken);

    /// <summary>Takes the mark away again.</summary>
    public async ValueTask UnmarkAsync(CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        static session => session.ExecuteAsync("DELETE FROM schema_migrations WHERE number = @number", ("@number", CopyMarks.Moved)),
        cancellationToken);

    /// <summary>Takes triggers and log away, and with it the mark if that is asked for.</summary>
    public async ValueTask EndAsync(bool unmark, CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        async session =>
        {
            foreach (var name in CopiedTables.Copied)
            {
                if (postgres)
                {
                    await session.ExecuteAsync($"DROP TRIGGER IF EXISTS migrate_log ON {name}");
                    await session.ExecuteAsync($"DROP FUNCTION IF EXISTS migrate_log_{name}()");
                    continue;
                }

                foreach (var kind in "iud") await session.ExecuteAsync($"DROP TRIGGER IF EXISTS migrate_log_{name}_{kind}");
            }

            foreach (var table in Tables) await session.ExecuteAsync($"DROP TABLE IF EXISTS {table}");
            return unmark ? await session.ExecuteAsync("DELETE FROM schema_migrations WHERE number = @number", ("@number", CopyMarks.Moved)) : 0;
        },
        cancellationToken);

    private static IEnumerable<string> SqliteTriggers(TableShape shape)
    {
        string Note(string row, string condition) => $"INSERT INTO {Changes} (tbl, row_key) SELECT '{shape.Name}', json_array({Columns(shape, row)}){condition};";
        yield return $"CREATE TRIGGER migrate_log_{shape.Name}_i AFTER INSERT ON {shape.Name} BEGIN {Note("NEW", "")} END";
        yield return $"CREATE TRIGGER migrate_log_{shape.Name}_d AFTER DELETE ON {shape.Name} BEGIN {Note("OLD", "")} END";
        yield return $"CREATE TRIGGER migrate_log_{shape.Name}_u AFTER UPDATE ON {shape.Name} BEGIN {Note("NEW", "")} {Note("OLD", " WHERE " + KeyChanged(shape))} END";
    }

    private static IEnumerable<string> PostgresTriggers(TableShape shape)
    {
        string Note(string row) => $"INSERT INTO {Changes} (tbl, row_key) VALUES ('{shape.Name}', jsonb_build_array({Columns(shape, row)})::text);";
        yield return
            $"""
            CREATE FUNCTION migrate_log_{shape.Name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    {Note("OLD")}
                ELSE
                    {Note("NEW")}
                    IF TG_OP = 'UPDATE' THEN
                        IF {KeyChanged(shape)} THEN {Note("OLD")} END IF;
                    END IF;
                END IF;
                RETURN NULL;
            END
            $$
            """;
        // Waits for the transactions that write to the table; those that come after it are noted.
        yield return $"CREATE TRIGGER migrate_log AFTER INSERT OR UPDATE OR DELETE ON {shape.Name} FOR EACH ROW EXECUTE FUNCTION migrate_log_{shape.Name}()";
    }

    private static string Columns(TableShape shape, string row) => string.Join(", ", shape.Key.Select(column => $"{row}.{column}"));

    private static string KeyChanged(TableShape shape) => string.Join(" OR ", shape.Key.Select(static column => $"OLD.{column} <> NEW.{column}"));
}

/// <summary>Rows that changed.</summary>
/// <param name="Numbers">Of the changes.</param>
/// <param name="Rows">By table and key; null for a row that is gone.</param>
internal sealed record ChangedRows(IReadOnlyList<long> Numbers, IReadOnlyDictionary<(string Table, string Key), TableRow?> Rows);
