using System.Globalization;
using Longshore.Storage.Metadata;
using Longshore.Storage.Metadata.Copying;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;

namespace Longshore.Storage.Tests.Metadata.Copying;

/// <summary>Copies of whole databases, both ways, with changes in every table meanwhile.</summary>
public sealed class RegistryRowsTests : IDisposable
{
    private readonly TemporaryDirectory home = new("copying");
    private readonly List<string> urls = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var url in urls) TestPostgres.DropDatabase(url);
        home.Dispose();
    }

    [Theory]
    [InlineData(false, true, 1)]
    [InlineData(true, false, 2)]
    [InlineData(false, false, 3)]
    [InlineData(true, true, 4)]
    public async Task Every_row_of_every_table_comes_over_whatever_changes_meanwhile_and_wherever_it_is_killed(bool fromPostgres, bool toPostgres, int seed)
    {
        var random = new Random(seed);
        await using var source = Open(fromPostgres, "source.db");
        await using var target = Open(toPostgres, "target.db");
        var world = new World(source, random, fromPostgres);
        foreach (var table in CopiedTables.Copied) await world.AddAsync(table, 20);
        var log = new ChangeLog(source);
        var copy = new CopyTarget(target);
        Assert.Null(await copy.BeginAsync(await log.BeginAsync(Token), Token));

        // Each run is cut off somewhere, and changes come at every step.
        foreach (var table in CopiedTables.Copied)
        {
            await NewRun().CopyTableAsync(table, Token);
            await world.ChangeAsync(random.Next(12));
            if (random.Next(4) == 0) await NewRun().CatchUpAsync(Token);
        }

        for (var round = 0; round < 20; round++)
        {
            await world.ChangeAsync(random.Next(100));
            await NewRun().CatchUpAsync(Token);
        }

        while (await NewRun().CatchUpAsync(Token) > 0)
        {
        }

        Assert.Empty(await NewRun().CompareAsync(Token));
        foreach (var table in CopiedTables.Copied)
        {
            var (here, there) = (await RowsAsync(source, table), await RowsAsync(target, table));
            Assert.NotEmpty(here);
            Assert.Equal(here, there);
        }

        Assert.Throws<DatabaseMarkedException>(() => Reopen(toPostgres, "target.db"));
        await NewRun().FinishAsync(Token);
        await log.MarkMovedAsync(Token);
        // Killed here, the next run knows by the target's notes that nothing is left to copy.
        Assert.Equal(CopyStage.Finished, await copy.FindStageAsync(await log.FindAsync(Token), Token));
        await log.EndAsync(Token);
        Assert.Equal(CopyStage.Finished, await copy.FindStageAsync(await log.FindAsync(Token), Token));
        await copy.CloseAsync(Token);
        Assert.Throws<DatabaseMarkedException>(() => Reopen(fromPostgres, "source.db"));
        await log.RemoveAsync(Token);
        Reopen(fromPostgres, "source.db");
        Reopen(toPostgres, "target.db");
        Assert.Empty(await RegistryRows.FindUnknownAsync(source, Token));
        // These rows brought their ids along: PostgreSQL has not given any yet.
        foreach (var (table, number) in await CopyTarget.NumbersAsync(source, Token)) Assert.True((await CopyTarget.NumbersAsync(target, Token))[table] >= Math.Max(number, 1), table);

        RegistryRows NewRun() => new(source, target, new NoBodies(), static (_, _) => { });
    }

    [Fact]
    public async Task A_target_that_holds_something_else_is_left_alone()
    {
        await using var source = Open(false, "source.db");
        await using var target = Open(false, "target.db");
        await new World(target, new Random(1), false).AddAsync("settings", 1);
        var log = new ChangeLog(source);
        Assert.Contains("already", await new CopyTarget(target).BeginAsync(await log.BeginAsync(Token), Token), StringComparison.Ordinal);
        await using var empty = Open(false, "empty.db");
        var id = await log.BeginAsync(Token);
        Assert.Null(await new CopyTarget(empty).BeginAsync(id, Token));
        Assert.Null(await new CopyTarget(empty).BeginAsync(id, Token));
        Assert.Contains("half copy", await new CopyTarget(empty).BeginAsync("another", Token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_copy_ends_when_another_one_has_taken_over_the_log(bool fromPostgres)
    {
        await using var source = Open(fromPostgres, "source.db");
        await using var first = Open(false, "first.db");
        await using var second = Open(false, "second.db");
        var world = new World(source, new Random(5), fromPostgres);
        await world.AddAsync("settings", 5);
        var log = new ChangeLog(source);
        await new CopyTarget(first).BeginAsync(await log.BeginAsync(Token), Token);
        var one = new RegistryRows(source, first, new NoBodies(), static (_, _) => { });
        foreach (var table in CopiedTables.Copied) await one.CopyTableAsync(table, Token);
        await world.AddAsync("settings", 5);
        Assert.True(await one.CatchUpAsync(Token) > 0);

        // What the second one takes off the log, the first one would never see.
        await new CopyTarget(second).BeginAsync(await log.BeginAsync(Token), Token);
        await world.AddAsync("settings", 5);
        await new RegistryRows(source, second, new NoBodies(), static (_, _) => { }).CatchUpNearlyAsync(Token);
        await Assert.ThrowsAsync<ChangeLogLostException>(() => one.CatchUpAsync(Token));
        Assert.Equal(CopyStage.Foreign, await new CopyTarget(first).FindStageAsync(await log.FindAsync(Token), Token));
        Assert.Equal(CopyStage.Begun, await new CopyTarget(second).FindStageAsync(await log.FindAsync(Token), Token));
        await log.RemoveAsync(Token);
        await Assert.ThrowsAsync<ChangeLogLostException>(() => one.CatchUpAsync(Token));
    }

    [Fact]
    public async Task A_server_that_comes_back_to_postgresql_after_the_cut_writes_nothing_that_the_copy_lacks()
    {
        await using var source = Open(true, "source.db");
        await using var server = PostgresDatabase.Open(PostgresAddress.Parse(urls[^1], out _)!, TimeProvider.System);
        await using var target = Open(false, "target.db");
        var log = new ChangeLog(source);
        await new CopyTarget(target).BeginAsync(await log.BeginAsync(Token), Token);
        await WriteAsync("before");
        await log.MarkMovedAsync(Token);
        var refused = await Assert.ThrowsAsync<DatabaseAwayException>(() => WriteAsync("lost"));
        Assert.Contains("has moved", refused.Message, StringComparison.Ordinal);

        // A cut that was not made after all.
        await log.UnmarkAsync(Token);
        await WriteAsync("between");
        var copy = new RegistryRows(source, target, new NoBodies(), static (_, _) => { });
        Assert.Equal(2, await copy.CatchUpAsync(Token));

        // Refused for good, until the move is forgotten.
        await log.MarkMovedAsync(Token);
        await copy.FinishAsync(Token);
        await log.EndAsync(Token);
        await Assert.ThrowsAsync<DatabaseAwayException>(() => WriteAsync("lost"));
        await log.RemoveAsync(Token);
        await WriteAsync("after");

        async Task WriteAsync(string name) => await server.WriteAsync(
            Durability.Synced, session => session.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", ("@name", name), ("@value", new byte[] { 1 })), Token);
    }

    [Fact]
    public async Task What_the_source_forgets_is_durable_at_the_target()
    {
        await using var source = Open(false, "source.db");
        await using var target = Open(false, "target.db");
        var world = new World(source, new Random(6), false);
        var log = new ChangeLog(source);
        await new CopyTarget(target).BeginAsync(await log.BeginAsync(Token), Token);
        await world.AddAsync("settings", 5);
        var seen = new List<Durability>();
        await new RegistryRows(source, new Watched(target, seen), new NoBodies(), static (_, _) => { }).CatchUpAsync(Token);
        Assert.Equal([Durability.Synced], seen);
    }

    [Fact]
    public async Task Catching_up_comes_to_an_end_while_somebody_always_writes()
    {
        await using var source = Open(false, "source.db");
        await using var target = Open(false, "target.db");
        var world = new World(source, new Random(7), false);
        await new CopyTarget(target).BeginAsync(await new ChangeLog(source).BeginAsync(Token), Token);
        await world.AddAsync("settings", 500);
        var batches = 0;
        var copy = new RegistryRows(source, target, new NoBodies(), (_, _) =>
        {
            Assert.InRange(++batches, 1, 50);
            world.AddAsync("settings", 1).GetAwaiter().GetResult();
        });
        await copy.CatchUpNearlyAsync(Token);
        Assert.True(batches > 1);
    }

    [Fact]
    public async Task Large_tables_are_compared_before_the_cut_and_rows_that_somebody_removed_are_noticed()
    {
        await using var source = Open(false, "source.db");
        await using var target = Open(false, "target.db");
        await source.WriteAsync(
            Durability.Relaxed,
            static session => session.ExecuteAsync(
                """
                INSERT INTO audit_records (account, region, event_name, occurred_at, record)
                WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 25000) SELECT 'a', 'r', 'n', value, '' FROM n
                """),
            Token);
        await new CopyTarget(target).BeginAsync(await new ChangeLog(source).BeginAsync(Token), Token);
        var copy = new RegistryRows(source, target, new NoBodies(), static (_, _) => { });
        foreach (var table in CopiedTables.Copied) await copy.CopyTableAsync(table, Token);
        await target.WriteAsync(Durability.Relaxed, static session => session.ExecuteAsync("DELETE FROM audit_records WHERE id = 17"), Token);
        Assert.Contains("audit_records has 25000 rows at the source and 24999", Assert.Single(await copy.CompareLargeAsync(Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Both_databases_have_the_same_tables_and_columns_and_the_copy_knows_each()
    {
        Assert.Equal(CopiedTables.Copied.Count, CopiedTables.Copied.Distinct().Count());
        foreach (var shape in TableShape.All.Values)
        {
            Assert.True(CopiedTables.Copied.Contains(shape.Name) ^ CopiedTables.LeftOut.ContainsKey(shape.Name), $"{shape.Name}: name it in CopiedTables, to be copied or left out.");
            Assert.NotEmpty(shape.Key);
        }

        await using var postgres = Open(true, "");
        var tables = await postgres.ReadAsync(session => CopySql.ListTablesAsync(session, postgres: true), Token);
        Assert.DoesNotContain(tables, static table => !CopiedTables.Copied.Contains(table) && !CopiedTables.LeftOut.ContainsKey(table));
        foreach (var table in CopiedTables.Copied)
        {
            var columns = await postgres.ReadAsync(
                session => session.QueryAsync(
                    "SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = @table ORDER BY ordinal_position",
                    static row => (Name: row.GetString(0), Type: row.GetString(1)),
                    ("@table", table)),
                Token);
            Assert.Equal(
                TableShape.All[table].Columns.Select(static column => (column.Name, column.Type switch { ColumnType.Number => "bigint", ColumnType.Text => "text", _ => "bytea" })).Order(),
                columns.Order());
        }
    }

    private IDatabase Open(bool postgres, string file)
    {
        if (!postgres) return SqliteDatabase.OpenForCopying(home.Combine(file), create: true);
        var url = TestPostgres.CreateDatabase();
        urls.Add(url);
        return PostgresDatabase.OpenForCopying(PostgresAddress.Parse(url, out _)!, TimeProvider.System, create: true);
    }

    // Of two databases of PostgreSQL the source is made first.
    private void Reopen(bool postgres, string file)
    {
        IDatabase opened = postgres
            ? PostgresDatabase.Open(PostgresAddress.Parse(file == "source.db" ? urls[0] : urls[^1], out _)!, TimeProvider.System)
            : SqliteDatabase.Open(home.Combine(file));
        opened.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static async Task<List<string>> RowsAsync(IDatabase database, string table)
    {
        var rows = new List<string>();
        object[]? after = null;
        while (true)
        {
            var page = await new RowReader(database).ReadAsync(TableShape.All[table], after, 7, Token);
            if (page.Count == 0) return rows;
            rows.AddRange(page.Select(static row => string.Join('|', row.Values.Select(static value => value is byte[] bytes ? Convert.ToHexString(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture)))));
            after = TableRow.KeyFromText(page[^1].KeyText);
        }
    }

    /// <summary>Notes how durable writes are.</summary>
    private sealed class Watched(IDatabase database, List<Durability> seen) : IDatabase
    {
        public ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => database.ReadAsync(work, cancellationToken);

        public ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => database.ReadSnapshotAsync(work, cancellationToken);

        public ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken)
        {
            seen.Add(durability);
            return database.WriteAsync(durability, work, cancellationToken);
        }

        public ValueTask<IReadOnlyList<string>> CheckStructureAsync(CancellationToken cancellationToken) => database.CheckStructureAsync(cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class NoBodies : IRowCompanion
    {
        public ValueTask<IReadOnlyList<TableRow>> PrepareAsync(TableShape shape, IReadOnlyList<TableRow> rows, IReadOnlyDictionary<long, TableRow> there, CancellationToken cancellationToken) => new(rows);

        public ValueTask ReplacedAsync(IReadOnlyList<TableRow> gone, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    /// <summary>Rows without sense in all tables, that are added, changed and removed at random. Unique values are few, so that rows often take each other's place.</summary>
    private sealed class World(IDatabase database, Random random, bool postgres)
    {
        private bool free;

        public async Task AddAsync(string table, int count)
        {
            await FreeAsync();
            for (var i = 0; i < count; i++) await PutAsync(TableShape.All[table]);
        }

        public async Task ChangeAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var shape = TableShape.All[CopiedTables.Copied[random.Next(CopiedTables.Copied.Count)]];
                if (random.Next(3) > 0) await PutAsync(shape);
                else await DeleteAsync(shape);
            }
        }

        private async Task PutAsync(TableShape shape)
        {
            var values = shape.Columns.Select(column => (object?)(column.Type switch
            {
                ColumnType.Number => shape.IsNumbered && column.Name == "id" ? random.NextInt64(1, 60) : random.Next(10) == 0 ? long.MaxValue - random.Next(5) : random.NextInt64(0, 20),
                ColumnType.Text => Text(),
                _ => random.Next(5) == 0 ? [] : Bytes(random.Next(2000)),
            })).ToArray();
            var row = new TableRow(shape, values);
            // By the product's own statement: what stands in the way goes, as a server removes it before.
            await database.WriteAsync(
                Durability.Relaxed,
                async session =>
                {
                    await CopySql.PutAsync(session, postgres, shape, [row]);
                    return 0;
                },
                Token);
        }

        private async Task DeleteAsync(TableShape shape)
        {
            var rows = await new RowReader(database).ReadAsync(shape, null, 50, Token);
            if (rows.Count < 5) return;
            var row = rows[random.Next(rows.Count)];
            await database.WriteAsync(
                Durability.Relaxed, session => session.ExecuteAsync($"DELETE FROM {shape.Name} WHERE {CopySql.KeyEquals(shape)}", CopySql.KeyArguments(TableRow.KeyFromText(row.KeyText))), Token);
        }

        private string Text() => random.Next(6) switch
        {
            0 => "preview",
            1 => "naïve \"quotes\" 'and' \\ more €",
            2 => "",
            _ => string.Create(CultureInfo.InvariantCulture, $"text-{random.Next(40)}"),
        };

        private byte[] Bytes(int count)
        {
            var bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }

        // Rows without sense name rows that are not there.
        private async Task FreeAsync()
        {
            if (free || !postgres) return;
            free = true;
            await database.WriteAsync(
                Durability.Relaxed,
                session => session.ExecuteAsync(
                    """
                    DO $$ DECLARE c record; BEGIN
                        FOR c IN SELECT conrelid::regclass::text AS tbl, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP
                            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.tbl, c.conname);
                        END LOOP;
                    END $$
                    """),
                Token);
        }
    }
}
