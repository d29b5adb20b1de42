using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;

namespace Longshore.Storage.Tests.Metadata;

/// <summary>What is said when connections run out, on this side and on the database's; and that a write whose commit nobody answered is not repeated.</summary>
public sealed class PostgresLimitTests : IDisposable
{
    private readonly string url = TestPostgres.CreateDatabase();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Name => url[(url.LastIndexOf('/') + 1)..];

    public void Dispose() => TestPostgres.DropDatabase(url);

    [Fact]
    public async Task Work_waits_for_a_connection_of_its_server_and_is_then_told_which_number_is_too_small()
    {
        await using var database = Open(url + "?connections=4");
        var hold = new TaskCompletionSource();
        var holders = await HoldAsync(database, 4, hold.Task);
        var refused = await Assert.ThrowsAsync<DatabaseAwayException>(async () => await AskAsync(database));
        Assert.Equal("all connections of this server are in use", refused.Reason);
        Assert.Contains("All 4 were for 15 seconds", refused.Message, StringComparison.Ordinal);
        hold.SetResult();
        await Task.WhenAll(holders);
        Assert.Equal(1, await AskAsync(database));
    }

    [Fact]
    public async Task Work_waits_for_a_connection_of_the_database_and_is_then_told_of_max_connections()
    {
        var role = "limited_" + Name;
        TestPostgres.Execute(url, $"CREATE ROLE {role} LOGIN CONNECTION LIMIT 3; GRANT pg_read_all_data TO {role}");
        try
        {
            await using var first = Open(url.Replace("longshore@", role + "@", StringComparison.Ordinal));
            await using var second = Open(url.Replace("longshore@", role + "@", StringComparison.Ordinal));
            var hold = new TaskCompletionSource();
            var holders = await HoldAsync(first, 3, hold.Task);
            var waiting = AskAsync(second).AsTask();
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token);
            Assert.False(waiting.IsCompleted);
            TestPostgres.Execute(url, $"ALTER ROLE {role} CONNECTION LIMIT 4");
            Assert.Equal(1, await waiting);
            var refused = Assert.Throws<DatabaseAwayException>(() => Open(url.Replace("longshore@", role + "@", StringComparison.Ordinal)));
            Assert.Equal("it has no connection left", refused.Reason);
            Assert.Contains("max_connections", refused.Message, StringComparison.Ordinal);
            hold.SetResult();
            await Task.WhenAll(holders);
        }
        finally
        {
            TestPostgres.Execute(url, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'; DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task A_write_whose_commit_got_no_answer_is_not_repeated()
    {
        await using var database = Open(url);
        // The constraint trigger runs when the commit was sent, and then cuts the connection: to the server that is a commit of unknown outcome.
        TestPostgres.Execute(
            url,
            """
            CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();
            """);
        var runs = 0;
        await Assert.ThrowsAsync<DatabaseAwayException>(async () => await database.WriteAsync(
            Durability.Synced,
            s =>
            {
                runs++;
                return s.ExecuteAsync("INSERT INTO settings (name, value) VALUES ('once', @v)", ("@v", new byte[] { 1 }));
            },
            Token));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task A_statement_that_takes_too_long_elsewhere_is_said_to_and_text_that_PostgreSQL_refuses_is_taken()
    {
        await using var database = Open(url);
        var away = await Assert.ThrowsAsync<DatabaseAwayException>(async () => await database.WriteAsync(
            Durability.Synced,
            async s =>
            {
                await s.ExecuteAsync("SET LOCAL statement_timeout = 100");
                return await s.ExecuteAsync("SELECT pg_sleep(10)");
            },
            Token));
        Assert.Equal("a statement took too long", away.Reason);
        Assert.Equal("1min", await database.ReadAsync(s => s.QueryFirstAsync("SELECT current_setting('statement_timeout')", static row => row.GetString(0)), Token));
        Assert.Equal("a\u0001b\uFFFD", await database.ReadAsync(s => s.QueryFirstAsync("SELECT @t", static row => row.GetString(0), ("@t", "a\0b\uD800")), Token));
    }

    [Fact]
    public async Task A_database_that_is_read_only_is_said_to_be_a_standby()
    {
        TestPostgres.Execute(url, $"ALTER DATABASE {Name} SET default_transaction_read_only = on");
        await using var database = Open(url);
        Assert.Equal(1, await AskAsync(database));
        var away = await Assert.ThrowsAsync<DatabaseAwayException>(async () => await database.WriteAsync(
            Durability.Synced, s => s.ExecuteAsync("DELETE FROM settings WHERE name = 'none'"), Token));
        Assert.Equal("it is a standby", away.Reason);
        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"ALTER DATABASE {Name} RESET default_transaction_read_only");
        // The pool was replaced: its connections are those of the primary.
        await database.WriteAsync(Durability.Synced, s => s.ExecuteAsync("DELETE FROM settings WHERE name = 'none'"), Token);
    }

    // Returns when all have their connection.
    private static async Task<List<Task<long>>> HoldAsync(PostgresDatabase database, int count, Task until)
    {
        var holders = new List<Task<long>>();
        for (var i = 0; i < count; i++)
        {
            var has = new TaskCompletionSource();
            holders.Add(database.ReadAsync(
                async s =>
                {
                    var one = await s.QueryFirstAsync("SELECT 1", static row => row.GetInt64(0));
                    has.SetResult();
                    await until;
                    return one;
                },
                Token).AsTask());
            await has.Task;
        }

        return holders;
    }

    private static ValueTask<long> AskAsync(PostgresDatabase database) => database.ReadAsync(s => s.QueryFirstAsync("SELECT 1", static row => row.GetInt64(0)), Token);

    private static PostgresDatabase Open(string text) => PostgresDatabase.Open(PostgresAddress.Parse(text, out _)!, TimeProvider.System);
}
