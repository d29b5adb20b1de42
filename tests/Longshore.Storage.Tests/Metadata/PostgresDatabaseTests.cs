using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;

namespace Longshore.Storage.Tests.Metadata;

public sealed class PostgresDatabaseTests : IAsyncLifetime
{
    private string url = null!;
    private PostgresDatabase database = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        url = TestPostgres.CreateDatabase();
        database = Open(url);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        TestPostgres.DropDatabase(url);
    }

    [Fact]
    public async Task Arguments_of_all_kinds_come_back_as_they_went_in()
    {
        await Write("CREATE TABLE things (number BIGINT, words TEXT, bytes BYTEA, flag BIGINT, nothing TEXT, none BIGINT)");
        await database.WriteAsync(Durability.Synced, s => s.ExecuteAsync(
            "INSERT INTO things VALUES (@number, @words, @bytes, @flag, @nothing, @none)",
            ("@number", long.MinValue), ("@words", "naïve 'quotes' @name $1"), ("@bytes", new byte[] { 0, 255 }), ("@flag", true), ("@nothing", null), ("@none", null)), Token);
        var row = await database.ReadAsync(s => s.QueryFirstAsync(
            "SELECT number, words, bytes, flag, nothing, none FROM things WHERE number = @n AND flag = @flag AND words <> '@n'",
            static r => (r.GetInt64(0), r.GetString(1), Convert.ToHexString(r.GetBytes(2)), r.GetInt64(3), r.GetStringOrNull(4), r.GetInt64OrNull(5)),
            ("@flag", true), ("@n", long.MinValue)), Token);
        Assert.Equal((long.MinValue, "naïve 'quotes' @name $1", "00FF", 1L, null, null), row);
    }

    [Fact]
    public async Task Names_are_ordered_byte_by_byte_whatever_the_collation_of_the_server()
    {
        foreach (var name in new[] { "b", "B", "a-b", "a_b", "ab", "a", "Ä" }) await Put(name, 1);
        var names = await database.ReadAsync(s => s.QueryAsync("SELECT name FROM settings ORDER BY name", static r => r.GetString(0)), Token);
        Assert.Equal(["B", "a", "a-b", "a_b", "ab", "b", "Ä"], names);
    }

    [Fact]
    public async Task Works_of_WriteAsync_are_serial_though_each_decides_from_what_it_read()
    {
        await Put("n", 0);
        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => database.WriteAsync(
            Durability.Relaxed,
            async s =>
            {
                var n = (await s.QueryFirstAsync("SELECT value FROM settings WHERE name = 'n'", static r => r.GetBytes(0)))![0];
                return await s.ExecuteAsync("UPDATE settings SET value = @v WHERE name = 'n'", ("@v", new[] { (byte)(n + 1) }));
            },
            Token).AsTask()));
        Assert.Equal(60, await Get("n"));
    }

    [Fact]
    public async Task Works_of_WriteBesideAsync_run_together_and_WriteAsync_beside_none()
    {
        var here = new[] { new TaskCompletionSource(), new TaskCompletionSource() };
        var go = new TaskCompletionSource();
        var beside = here.Select((arrived, i) => database.WriteBesideAsync(
            Durability.Synced,
            async s =>
            {
                await s.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@n, @v)", ("@n", $"beside{i}"), ("@v", new byte[] { 1 }));
                arrived.TrySetResult();
                await go.Task;
                return 0;
            },
            Token).AsTask()).ToList();
        await Task.WhenAll(here.Select(arrived => arrived.Task)).WaitAsync(TimeSpan.FromSeconds(20), Token);
        var alone = database.WriteAsync(Durability.Synced, s => s.QueryFirstAsync("SELECT COUNT(*) FROM settings WHERE name LIKE 'beside%'", static r => r.GetInt64(0)), Token).AsTask();
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Token);
        Assert.False(alone.IsCompleted);
        go.SetResult();
        await Task.WhenAll(beside);
        Assert.Equal(2, await alone);
    }

    [Fact]
    public async Task Two_works_that_wait_for_each_other_are_both_done_in_the_end()
    {
        await Put("a", 0);
        await Put("b", 0);
        var first = new[] { new TaskCompletionSource(), new TaskCompletionSource() };
        string[] names = ["a", "b"];
        await Task.WhenAll(Enumerable.Range(0, 2).Select(i => database.WriteBesideAsync(
            Durability.Relaxed,
            async s =>
            {
                await s.ExecuteAsync("UPDATE settings SET value = @v WHERE name = @n", ("@v", new[] { (byte)(i + 1) }), ("@n", names[i]));
                first[i].TrySetResult();
                await first[1 - i].Task;
                return await s.ExecuteAsync("UPDATE settings SET value = @v WHERE name = @n", ("@v", new[] { (byte)(i + 1) }), ("@n", names[1 - i]));
            },
            Token).AsTask()));
        Assert.Equal(await Get("a"), await Get("b"));
    }

    [Fact]
    public async Task A_work_that_fails_leaves_nothing_and_its_neighbours_alone()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            try
            {
                return await database.WriteBesideAsync(
                    Durability.Relaxed,
                    async s =>
                    {
                        await s.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@n, @v)", ("@n", $"k{i}"), ("@v", new[] { (byte)i }));
                        return i % 7 == 0 ? throw new InvalidDataException("no") : true;
                    },
                    Token);
            }
            catch (InvalidDataException)
            {
                return false;
            }
        }));
        for (var i = 0; i < results.Length; i++) Assert.Equal((i % 7 != 0, i % 7 == 0 ? -1 : i), (results[i], await Get($"k{i}")));
    }

    [Fact]
    public async Task Relaxed_writes_do_not_wait_for_the_disk_and_the_next_one_does()
    {
        foreach (var durability in new[] { Durability.Synced, Durability.Relaxed, Durability.Synced, Durability.Relaxed, Durability.Relaxed, Durability.Synced })
        {
            var setting = await database.WriteAsync(durability, s => s.QueryFirstAsync("SELECT current_setting('synchronous_commit')", static r => r.GetString(0)), Token);
            Assert.Equal(durability == Durability.Synced ? "on" : "off", setting);
        }
    }

    [Fact]
    public async Task A_snapshot_sees_no_later_commit_and_a_plain_read_sees_each()
    {
        await Put("a", 1);
        var counts = await database.ReadSnapshotAsync(
            async s =>
            {
                var before = await Count(s);
                await Put("b", 1);
                return (before, await Count(s));
            },
            Token);
        Assert.Equal((1L, 1L), counts);
        Assert.Equal(2, await database.ReadAsync(Count, Token));
        await Assert.ThrowsAnyAsync<Exception>(async () => await database.ReadSnapshotAsync(s => s.ExecuteAsync("DELETE FROM settings"), Token));
    }

    [Fact]
    public async Task A_write_to_what_stays_a_standby_is_tried_on_one_more_connection_and_given_up()
    {
        await Put("before", 1);
        TestPostgres.Execute(url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$");
        TestPostgres.Execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        await database.ReadAsync(Count, Token);
        var tried = 0;
        await Assert.ThrowsAsync<DatabaseAwayException>(async () => await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                tried++;
                return await session.ExecuteAsync("DELETE FROM settings");
            },
            Token));
        Assert.Equal(2, tried);
    }

    [Fact]
    public async Task Connections_that_the_server_ended_are_replaced_without_a_word()
    {
        for (var i = 0; i < 5; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => database.ReadAsync(Count, Token).AsTask()));
            TestPostgres.Execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            if (i % 2 == 0) Assert.Equal(i, await database.ReadAsync(Count, Token));
            await Put($"k{i}", 1);
        }
    }

    [Fact]
    public async Task A_database_that_is_away_is_said_to_be_and_is_used_again_when_it_is_back()
    {
        await Put("a", 1);
        var name = url[(url.LastIndexOf('/') + 1)..];
        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        var away = await Assert.ThrowsAsync<DatabaseAwayException>(async () => await Get("a"));
        Assert.StartsWith($"The database {url} cannot be used: it does not answer. ", away.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<DatabaseAwayException>(async () => await Put("b", 1));
        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        Assert.Equal(1, await Get("a"));
        await Put("b", 1);
    }

    [Fact]
    public async Task A_transaction_whose_server_went_silent_is_ended_and_keeps_nobody_waiting_for_long()
    {
        var silent = database.WriteAsync(
            Durability.Synced,
            async s =>
            {
                await s.ExecuteAsync("INSERT INTO settings (name, value) VALUES ('silent', @v)", ("@v", new byte[] { 1 }));
                await Task.Delay(TimeSpan.FromSeconds(13), TimeProvider.System, CancellationToken.None);
                return await s.ExecuteAsync("DELETE FROM settings WHERE name = 'other'");
            },
            Token).AsTask();
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token);
        await Put("waited", 1).WaitAsync(TimeSpan.FromSeconds(12), Token);
        await Assert.ThrowsAsync<DatabaseAwayException>(() => silent);
        Assert.Equal(-1, await Get("silent"));
    }

    [Fact]
    public async Task Servers_that_start_at_once_on_an_empty_database_agree_on_its_schema()
    {
        var empty = TestPostgres.CreateEmptyDatabase();
        var opened = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => Open(empty))));
        Assert.Equal(Migrations.ForPostgres.Count, await opened[3].ReadAsync(s => s.QueryFirstAsync("SELECT COUNT(*) FROM schema_migrations", static r => r.GetInt64(0)), Token));
        foreach (var one in opened) await one.DisposeAsync();
        TestPostgres.DropDatabase(empty);
    }

    [Fact]
    public async Task A_newer_schema_is_worked_on_as_long_as_it_takes_servers_of_this_version()
    {
        var known = Migrations.ForPostgres[^1].Number;
        Assert.Null(await database.FindSchemaFaultAsync(Token));
        // Expanded by a newer version: servers of this one run on, and may start.
        await Write(FormattableString.Invariant($"INSERT INTO schema_migrations (number, name, oldest) VALUES (9998, 'expand', {known})"));
        Assert.Null(await database.FindSchemaFaultAsync(Token));
        await using (var beside = Open(url)) Assert.Null(await beside.FindSchemaFaultAsync(Token));
        await using (var reader = PostgresDatabase.OpenForReading(PostgresAddress.Parse(url, out _)!, TimeProvider.System)) Assert.Null(await reader.FindSchemaFaultAsync(Token));
        // Contracted: those that run are not ready any more, and none starts.
        await Write(FormattableString.Invariant($"INSERT INTO schema_migrations (number, name, oldest) VALUES (9999, 'contract', {known + 1})"));
        Assert.Contains("9999", await database.FindSchemaFaultAsync(Token), StringComparison.Ordinal);
        Assert.Throws<SchemaTooNewException>(() => Open(url));
        Assert.Throws<SchemaTooNewException>(() => PostgresDatabase.OpenForReading(PostgresAddress.Parse(url, out _)!, TimeProvider.System));
        // An older database was put in the place of the one that the server runs on.
        await Write(FormattableString.Invariant($"DELETE FROM schema_migrations WHERE number >= {known}"));
        Assert.Contains("older", await database.FindSchemaFaultAsync(Token), StringComparison.Ordinal);
        var empty = TestPostgres.CreateEmptyDatabase();
        Assert.Throws<InvalidOperationException>(() => PostgresDatabase.OpenForReading(PostgresAddress.Parse(empty, out _)!, TimeProvider.System));
        TestPostgres.DropDatabase(empty);
    }

    [Fact]
    public async Task A_schema_from_before_rolling_upgrades_learns_to_say_what_it_takes()
    {
        var empty = TestPostgres.CreateEmptyDatabase();
        TestPostgres.Execute(empty, "CREATE TABLE schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)");
        await using (var opened = Open(empty)) Assert.Null(await opened.FindSchemaFaultAsync(Token));
        TestPostgres.DropDatabase(empty);
    }

    [Fact]
    public async Task What_one_server_changes_about_access_the_others_heed_with_their_next_request()
    {
        await using var other = Open(url);
        var (here, there) = (new AccessVersion(database), new AccessVersion(other));
        await there.RefreshAsync();
        var before = there.Current;
        await there.RefreshAsync();
        Assert.Same(before, there.Current);
        await Write("INSERT INTO principals (id, account, kind, name, unique_id, created_at, name_key) VALUES (7, '1', 'user', 'u', 'x', 0, 'u')");
        here.Bump();
        await there.RefreshAsync();
        Assert.NotSame(before, there.Current);
        before = there.Current;
        await Write("UPDATE principals SET last_used_at = 1, last_used_region = 'r' WHERE id = 7");
        await there.RefreshAsync();
        Assert.Same(before, there.Current);
        await Write("UPDATE principals SET disabled_at = 1 WHERE id = 7");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
        {
            await there.RefreshAsync();
            Assert.NotSame(before, there.Current);
        }));
    }

    [Fact]
    public async Task Structure_of_a_sound_database_has_no_problems()
    {
        TestPostgres.Execute(url, "CREATE EXTENSION IF NOT EXISTS amcheck");
        Assert.Empty(await database.CheckStructureAsync(Token));
    }

    private static PostgresDatabase Open(string url) => PostgresDatabase.Open(PostgresAddress.Parse(url, out _)!, TimeProvider.System);

    private static ValueTask<long> Count(DbSession session) => session.QueryFirstAsync("SELECT COUNT(*) FROM settings", static r => r.GetInt64(0));

    private async Task Write(string sql) => await database.WriteAsync(Durability.Synced, s => s.ExecuteAsync(sql), Token);

    private async Task Put(string name, byte value) => await database.WriteAsync(
        Durability.Relaxed, s => s.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@n, @v)", ("@n", name), ("@v", new[] { value })), Token);

    private async Task<int> Get(string name)
    {
        var value = await database.ReadAsync(s => s.QueryFirstAsync("SELECT value FROM settings WHERE name = @n", static r => r.GetBytes(0), ("@n", name)), Token);
        return value is null ? -1 : value[0];
    }
}
