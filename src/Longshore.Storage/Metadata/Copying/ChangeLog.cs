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

    /// <summary>What PostgreSQL says to a server that writes to a registry that has moved away.</summary>
    internal const string MovedState = "LSM01";

    // Ends every id.
    private static readonly string OfSchema = FormattableString.Invariant($"@{Migrations.ForSqlite[^1].Number}.{Migrations.ForPostgres[^1].Number}");

    private readonly bool postgres = source is PostgresDatabase;

    /// <summary>The tables that the log itself adds.</summary>
    public static IReadOnlyList<string> Tables { get; } = [Changes, Identity];

    /// <summary>
    /// Sets the triggers, and gives the log a new id: copies into other targets, which would miss what this one takes off the log, cannot go on with it.
    /// Changes of transactions that run meanwhile are noted or were finished before.
    /// </summary>
    /// <returns>The log's id: a copy belongs to one log alone.</returns>
    public async ValueTask<string> BeginAsync(CancellationToken cancellationToken)
    {
        var made = Guid.NewGuid().ToString("N") + OfSchema;
        return await source.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await session.ExecuteAsync(postgres
                    ? $"CREATE TABLE IF NOT EXISTS {Changes} (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tbl TEXT NOT NULL, row_key TEXT NOT NULL)"
                    : $"CREATE TABLE IF NOT EXISTS {Changes} (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL, row_key TEXT NOT NULL)");
                if (postgres) await SetPostgresTriggersAsync(session);
                else await SetSqliteTriggersAsync(session);
                await session.ExecuteAsync($"CREATE TABLE IF NOT EXISTS {Identity} (id TEXT NOT NULL)");
                await session.ExecuteAsync($"DELETE FROM {Identity}");
                await session.ExecuteAsync($"INSERT INTO {Identity} (id) VALUES (@id)", ("@id", made));
                return made;
            },
            cancellationToken);
    }

    /// <summary>The log's id; null when there is none, or one of another version's schema, whose triggers say nothing of newer tables.</summary>
    public ValueTask<string?> FindAsync(CancellationToken cancellationToken) => source.ReadSnapshotAsync(FindAsync, cancellationToken);

    /// <summary>Whether the source is marked as moved away.</summary>
    public async ValueTask<bool> IsMovedAsync(CancellationToken cancellationToken) => await source.ReadAsync(
        static session => session.QueryFirstAsync("SELECT 1 FROM schema_migrations WHERE number = @number", static row => true, ("@number", CopyMarks.Moved)), cancellationToken);

    /// <summary>Changes that were not looked at yet; up to a bound.</summary>
    public ValueTask<long> CountAsync(long most, CancellationToken cancellationToken) => source.ReadAsync(
        session => session.QueryFirstAsync($"SELECT COUNT(*) FROM (SELECT 1 FROM {Changes} LIMIT @most) AS counted", static row => row.GetInt64(0), ("@most", most)), cancellationToken);

    /// <summary>Some changes with the rows as they are now, read in one snapshot. Rows that are gone are among the keys alone.</summary>
    /// <param name="id">The id that the log must have.</param>
    /// <param name="limit">Changes at the most.</param>
    /// <param name="maxBytes">Bytes of rows after which it is enough.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ChangeLogLostException">The log is another copy's since, or gone.</exception>
    internal ValueTask<ChangedRows> ReadAsync(string id, int limit, long maxBytes, CancellationToken cancellationToken) => source.ReadSnapshotAsync(
        async session =>
        {
            if (await FindAsync(session) != id) throw new ChangeLogLostException();
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

            return new ChangedRows(numbers, rows, IsAll: changes.Count < limit && numbers.Count == changes.Count);
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

    /// <summary>Changes that were not looked at yet, of one table, and the rows that it has; in one snapshot.</summary>
    internal ValueTask<(bool HasChanges, long Rows)> CountAsync(TableShape shape, CancellationToken cancellationToken) => source.ReadSnapshotAsync(
        async session => (
            await session.QueryFirstAsync($"SELECT 1 FROM {Changes} WHERE tbl = @table LIMIT 1", static row => true, ("@table", shape.Name)),
            await session.QueryFirstAsync($"SELECT COUNT(*) FROM {shape.Name}", static row => row.GetInt64(0))),
        cancellationToken);

    /// <summary>
    /// Marks the source as moved away: no server starts on it any more. On PostgreSQL none can write to it either: one that was cut off from the
    /// database, or had no connection at the moment, must not acknowledge what the copy will never have.
    /// </summary>
    /// <exception cref="SchemaTooNewException">A newer version has brought the schema up to date meanwhile.</exception>
    public async ValueTask MarkMovedAsync(CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        async session =>
        {
            var (known, found) = ((postgres ? Migrations.ForPostgres : Migrations.ForSqlite)[^1].Number, await session.QueryFirstAsync(
                "SELECT MAX(number) FROM schema_migrations WHERE number < @mark", static row => row.GetInt64(0), ("@mark", CopyMarks.Unfinished)));
            if (found > known) throw new SchemaTooNewException(found, known);
            if (postgres)
                foreach (var name in CopiedTables.Copied) await session.ExecuteAsync(RefusingFunction(name));
            return await session.ExecuteAsync(CopyMarks.Insert(postgres), ("@number", CopyMarks.Moved));
        },
        cancellationToken);

    /// <summary>Takes the mark away again, before the move has ended.</summary>
    public async ValueTask UnmarkAsync(CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        async session =>
        {
            if (postgres)
                foreach (var name in CopiedTables.Copied) await session.ExecuteAsync(NotingFunction(TableShape.All[name]));
            return await session.ExecuteAsync("DELETE FROM schema_migrations WHERE number = @number", ("@number", CopyMarks.Moved));
        },
        cancellationToken);

    /// <summary>The registry has moved: the log goes. The mark stays, and what refuses writes; and the id, by which the target is known.</summary>
    public async ValueTask EndAsync(CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        async session =>
        {
            if (!postgres) await DropTriggersAsync(session);
            return await session.ExecuteAsync($"DROP TABLE IF EXISTS {Changes}");
        },
        cancellationToken);

    /// <summary>Takes all of it away, and the mark.</summary>
    public async ValueTask RemoveAsync(CancellationToken cancellationToken) => await source.WriteAsync(
        Durability.Synced,
        async session =>
        {
            await DropTriggersAsync(session);
            foreach (var table in Tables) await session.ExecuteAsync($"DROP TABLE IF EXISTS {table}");
            return await session.ExecuteAsync("DELETE FROM schema_migrations WHERE number = @number", ("@number", CopyMarks.Moved));
        },
        cancellationToken);

    private async ValueTask<string?> FindAsync(DbSession session)
    {
        if (!await CopySql.HasTableAsync(session, postgres, Identity)) return null;
        var id = await session.QueryFirstAsync($"SELECT id FROM {Identity}", static row => row.GetString(0));
        return id?.EndsWith(OfSchema, StringComparison.Ordinal) == true ? id : null;
    }

    private async ValueTask DropTriggersAsync(DbSession session)
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
    }

    private async ValueTask SetSqliteTriggersAsync(DbSession session)
    {
        await DropTriggersAsync(session);
        foreach (var shape in CopiedTables.Copied.Select(static name => TableShape.All[name]))
        {
            string Note(string row, string condition) => $"INSERT INTO {Changes} (tbl, row_key) SELECT '{shape.Name}', json_array({Columns(shape, row)}){condition};";
            await session.ExecuteAsync($"CREATE TRIGGER migrate_log_{shape.Name}_i AFTER INSERT ON {shape.Name} BEGIN {Note("NEW", "")} END");
            await session.ExecuteAsync($"CREATE TRIGGER migrate_log_{shape.Name}_d AFTER DELETE ON {shape.Name} BEGIN {Note("OLD", "")} END");
            await session.ExecuteAsync($"CREATE TRIGGER migrate_log_{shape.Name}_u AFTER UPDATE ON {shape.Name} BEGIN {Note("NEW", "")} {Note("OLD", " WHERE " + KeyChanged(shape))} END");
        }
    }

    // Those of an earlier move are let be: to drop them would keep readers out of the tables.
    private static async ValueTask SetPostgresTriggersAsync(DbSession session)
    {
        foreach (var shape in CopiedTables.Copied.Select(static name => TableShape.All[name]))
        {
            await session.ExecuteAsync(NotingFunction(shape));
            if (await session.QueryFirstAsync($"SELECT 1 FROM pg_trigger WHERE tgname = 'migrate_log' AND tgrelid = '{shape.Name}'::regclass", static row => true)) continue;
            // Waits for the transactions that write to the table; those that come after it are noted.
            await session.ExecuteAsync($"CREATE TRIGGER migrate_log AFTER INSERT OR UPDATE OR DELETE ON {shape.Name} FOR EACH ROW EXECUTE FUNCTION migrate_log_{shape.Name}()");
        }
    }

    private static string NotingFunction(TableShape shape)
    {
        string Note(string row) => $"INSERT INTO {Changes} (tbl, row_key) VALUES ('{shape.Name}', jsonb_build_array({Columns(shape, row)})::text);";
        return
            $"""
            CREATE OR REPLACE FUNCTION migrate_log_{shape.Name}() RETURNS trigger LANGUAGE plpgsql AS $$
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
    }

    // In place of the function that notes: no table has to be locked.
    private static string RefusingFunction(string table) =>
        $"""
        CREATE OR REPLACE FUNCTION migrate_log_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'This registry has moved to another database with longshore migrate: stop this server' USING ERRCODE = '{MovedState}';
        END
        $$
        """;

    private static string Columns(TableShape shape, string row) => string.Join(", ", shape.Key.Select(column => $"{row}.{column}"));

    private static string KeyChanged(TableShape shape) => string.Join(" OR ", shape.Key.Select(static column => $"OLD.{column} <> NEW.{column}"));
}

/// <summary>Rows that changed.</summary>
/// <param name="Numbers">Of the changes.</param>
/// <param name="Rows">By table and key; null for a row that is gone.</param>
/// <param name="IsAll">Whether there were no more.</param>
internal sealed record ChangedRows(IReadOnlyList<long> Numbers, IReadOnlyDictionary<(string Table, string Key), TableRow?> Rows, bool IsAll);

/// <summary>The change log that a copy lives by is gone, or another copy's.</summary>
public sealed class ChangeLogLostException()
    : IOException("The source's change log was removed, or has been taken over by a move to another target. Nothing is lost at the source; this copy cannot go on: empty its target, and begin anew.");
