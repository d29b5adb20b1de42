namespace Longshore.Storage.Metadata.Copying;

/// <summary>
/// The database that a registry is copied into. Until the end it carries a mark by which no server starts on it, has no foreign keys (the rows of a
/// copy beside a serving registry fit together only when all changes have been brought over), and keeps how far the copy is.
/// </summary>
public sealed class CopyTarget(IDatabase target)
{
    private const string State = "migrate_state";
    private const string Constraints = "migrate_constraints";
    private const string SourceState = "source";
    private const string FinishedState = "finished";

    private readonly bool postgres = target is PostgresDatabase;

    /// <summary>The tables that the copy itself adds.</summary>
    public static IReadOnlyList<string> Tables { get; } = [State, Constraints];

    /// <summary>Begins, or goes on with what the same source has begun.</summary>
    /// <param name="source">The id of the source's change log.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What is wrong, or null.</returns>
    public async ValueTask<string?> BeginAsync(string source, CancellationToken cancellationToken)
    {
        var found = await LookAsync(cancellationToken);
        if (found.Begun)
        {
            return await ReadAsync(SourceState, cancellationToken) == source
                ? null
                : "the target holds a half copy of another registry, or of one whose change log was removed. Empty the target (drop its database), and begin anew.";
        }

        if (found.Used) return "the target holds a registry already. Name an empty one; nothing was changed.";
        await target.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await session.ExecuteAsync($"CREATE TABLE {State} (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
                await session.ExecuteAsync($"INSERT INTO {State} (name, value) VALUES (@name, @value)", ("@name", SourceState), ("@value", source));
                await session.ExecuteAsync(CopyMarks.Insert(postgres), ("@number", CopyMarks.Unfinished));
                if (!postgres) return 0;
                await session.ExecuteAsync(
                    $"""
                    CREATE TABLE {Constraints} AS SELECT conrelid::regclass::text AS tbl, conname::text AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
                    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
                    """);
                foreach (var (table, name, _) in await ConstraintsAsync(session)) await session.ExecuteAsync($"ALTER TABLE {table} DROP CONSTRAINT {name}");
                return 0;
            },
            cancellationToken);
        return null;
    }

    /// <summary>What the target is to a source.</summary>
    /// <param name="source">The id of the source's change log; null when it has none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async ValueTask<CopyStage> FindStageAsync(string? source, CancellationToken cancellationToken)
    {
        var (begun, used) = await LookAsync(cancellationToken);
        if (!begun) return used ? CopyStage.Foreign : CopyStage.Empty;
        if (source is null || await ReadAsync(SourceState, cancellationToken) != source) return CopyStage.Foreign;
        return await ReadAsync(FinishedState, cancellationToken) is null ? CopyStage.Begun : CopyStage.Finished;
    }

    /// <summary>The id of the source's change log.</summary>
    internal async ValueTask<string> ReadSourceAsync(CancellationToken cancellationToken) => await ReadAsync(SourceState, cancellationToken) ?? throw new ChangeLogLostException();

    /// <summary>What was noted under a name; null for nothing.</summary>
    public ValueTask<string?> ReadAsync(string name, CancellationToken cancellationToken) =>
        target.ReadAsync(session => session.QueryFirstAsync($"SELECT value FROM {State} WHERE name = @name", static row => row.GetString(0), ("@name", name)), cancellationToken);

    /// <summary>Puts rows of one table, and notes how far the copy is, in one transaction.</summary>
    internal async ValueTask PutAsync(TableShape shape, IReadOnlyList<TableRow> rows, string name, string value, CancellationToken cancellationToken) => await target.WriteAsync(
        Durability.Relaxed,
        async session =>
        {
            await CopySql.PutAsync(session, postgres, shape, rows);
            return await session.ExecuteAsync(
                $"INSERT INTO {State} (name, value) VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value", ("@name", name), ("@value", value));
        },
        cancellationToken);

    /// <summary>Brings over changed rows of any tables, in one transaction. Durable when it returns: the source forgets these changes, and bodies go.</summary>
    internal async ValueTask PutAsync(IReadOnlyDictionary<(string Table, string Key), TableRow?> rows, CancellationToken cancellationToken) => await target.WriteAsync(
        Durability.Synced,
        async session =>
        {
            foreach (var table in rows.GroupBy(static row => row.Key.Table, StringComparer.Ordinal))
            {
                var shape = TableShape.All[table.Key];
                foreach (var (key, row) in table)
                    if (row is null) await session.ExecuteAsync($"DELETE FROM {shape.Name} WHERE {CopySql.KeyEquals(shape)}", CopySql.KeyArguments(TableRow.KeyFromText(key.Key)));
                await CopySql.PutAsync(session, postgres, shape, [.. table.Where(static row => row.Value is not null).Select(static row => row.Value!)]);
            }

            return 0;
        },
        cancellationToken);

    /// <summary>The rows of bodies with these ids.</summary>
    internal ValueTask<Dictionary<long, TableRow>> FindBlobsAsync(IEnumerable<long> ids, CancellationToken cancellationToken) => target.ReadSnapshotAsync(
        async session =>
        {
            var found = new Dictionary<long, TableRow>();
            foreach (var id in ids)
                if (await CopySql.FindRowAsync(session, TableShape.All[CopiedTables.Blobs], [id], static (_, _) => null) is { } row) found.Add(id, row);
            return found;
        },
        cancellationToken);

    /// <summary>Where the body of a digest is; null when no row names it.</summary>
    internal ValueTask<string?> FindLocationAsync(string digest, CancellationToken cancellationToken) => target.ReadAsync(
        session => session.QueryFirstAsync($"SELECT location FROM {CopiedTables.Blobs} WHERE digest = @digest", static row => row.GetString(0), ("@digest", digest)), cancellationToken);

    /// <summary>Has PostgreSQL count what there is, so that its first queries are planned well.</summary>
    public async ValueTask AnalyzeAsync(CancellationToken cancellationToken)
    {
        if (postgres) await target.WriteAsync(Durability.Relaxed, static session => session.ExecuteAsync("ANALYZE"), cancellationToken);
    }

    /// <summary>The end: numbers go on behind the source's, foreign keys hold for every write from here on, and the mark goes.</summary>
    /// <param name="numbers">The last number given in each table.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async ValueTask FinishAsync(IReadOnlyDictionary<string, long> numbers, CancellationToken cancellationToken) => await target.WriteAsync(
        Durability.Synced,
        async session =>
        {
            foreach (var (table, number) in numbers) await SetNumberAsync(session, table, number);
            if (postgres)
            {
                // Rows that are there are looked at afterwards, while the registry may serve (ValidateAsync).
                foreach (var (table, name, definition) in await ConstraintsAsync(session)) await session.ExecuteAsync($"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID");
                await session.ExecuteAsync($"DROP TABLE {Constraints}");
            }

            // What is left of the notes tells a run after a kill that there is nothing more to copy.
            await session.ExecuteAsync($"INSERT INTO {State} (name, value) VALUES (@name, 'yes') ON CONFLICT (name) DO NOTHING", ("@name", FinishedState));
            return await session.ExecuteAsync("DELETE FROM schema_migrations WHERE number = @number", ("@number", CopyMarks.Unfinished));
        },
        cancellationToken);

    /// <summary>Has PostgreSQL look at every row whose foreign keys it has not seen yet. Servers may run meanwhile.</summary>
    public async ValueTask ValidateAsync(CancellationToken cancellationToken)
    {
        if (!postgres) return;
        var open = await target.ReadAsync(
            session => session.QueryAsync(
                "SELECT conrelid::regclass::text, conname::text FROM pg_constraint WHERE contype = 'f' AND NOT convalidated AND connamespace = current_schema()::regnamespace ORDER BY 1, 2",
                static row => (Table: row.GetString(0), Name: row.GetString(1))),
            cancellationToken);
        // Beside servers: a validation locks out changes of the table's definition alone.
        foreach (var (table, name) in open) await target.WriteBesideAsync(Durability.Synced, session => session.ExecuteAsync($"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"), cancellationToken);
    }

    /// <summary>Takes the last notes away, beside servers, once nothing is left to be done.</summary>
    public async ValueTask CloseAsync(CancellationToken cancellationToken) =>
        await target.WriteBesideAsync(Durability.Synced, static session => session.ExecuteAsync($"DROP TABLE IF EXISTS {State}"), cancellationToken);

    /// <summary>The last numbers given, by table.</summary>
    internal static async ValueTask<Dictionary<string, long>> NumbersAsync(IDatabase database, CancellationToken cancellationToken)
    {
        var isPostgres = database is PostgresDatabase;
        var numbers = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var shape in CopiedTables.Copied.Select(static name => TableShape.All[name]).Where(static shape => shape.IsNumbered))
        {
            numbers[shape.Name] = await database.ReadAsync(
                session => session.QueryFirstAsync(
                    isPostgres
                        ? "SELECT COALESCE(MAX(last_value), 0) FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence(@table, 'id')"
                        : "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = @table",
                    static row => row.GetInt64(0),
                    ("@table", shape.Name)),
                cancellationToken);
        }

        return numbers;
    }

    private ValueTask<(bool Begun, bool Used)> LookAsync(CancellationToken cancellationToken) => target.ReadSnapshotAsync(
        async session => (
            Begun: await CopySql.HasTableAsync(session, postgres, State),
            Used: await session.QueryFirstAsync("SELECT 1 FROM principals LIMIT 1", static row => true) || await session.QueryFirstAsync("SELECT 1 FROM repositories LIMIT 1", static row => true)
                || await session.QueryFirstAsync("SELECT 1 FROM settings LIMIT 1", static row => true)),
        cancellationToken);

    private async ValueTask SetNumberAsync(DbSession session, string table, long number)
    {
        number = Math.Max(number, await session.QueryFirstAsync($"SELECT COALESCE(MAX(id), 0) FROM {table}", static row => row.GetInt64(0)));
        if (number == 0) return;
        if (postgres)
        {
            await session.QueryFirstAsync("SELECT setval(pg_get_serial_sequence(@table, 'id'), @number)", static row => row.GetInt64(0), ("@table", table), ("@number", number));
            return;
        }

        if (await session.ExecuteAsync("UPDATE sqlite_sequence SET seq = @number WHERE name = @table", ("@number", number), ("@table", table)) == 0)
            await session.ExecuteAsync("INSERT INTO sqlite_sequence (seq, name) VALUES (@number, @table)", ("@number", number), ("@table", table));
    }

    private static ValueTask<List<(string Table, string Name, string Definition)>> ConstraintsAsync(DbSession session) =>
        session.QueryAsync($"SELECT tbl, name, definition FROM {Constraints} ORDER BY tbl, name", static row => (row.GetString(0), row.GetString(1), row.GetString(2)));
}

/// <summary>What a database is to a registry that is to be copied into it.</summary>
public enum CopyStage
{
    /// <summary>Nothing is in it.</summary>
    Empty,

    /// <summary>Half a copy of this registry: it can be gone on with.</summary>
    Begun,

    /// <summary>All of this registry; servers may run on it.</summary>
    Finished,

    /// <summary>Another registry, or a copy that cannot be gone on with.</summary>
    Foreign,
}
