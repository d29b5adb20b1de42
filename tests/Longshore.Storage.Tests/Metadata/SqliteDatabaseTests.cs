using Longshore.Storage.Metadata;

namespace Longshore.Storage.Tests.Metadata;

public sealed class SqliteDatabaseTests : IAsyncLifetime
{
    private readonly string directory = Directory.CreateTempSubdirectory("longshore-db-").FullName;
    private SqliteDatabase database = null!;

    public ValueTask InitializeAsync()
    {
        database = SqliteDatabase.Open(Path.Combine(directory, "longshore.db"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        Directory.Delete(directory, true);
    }

    [Fact]
    public async Task What_was_written_is_read_also_after_reopening()
    {
        await Put("a", 1, Durability.Synced);
        await database.DisposeAsync();
        database = SqliteDatabase.Open(Path.Combine(directory, "longshore.db"));
        Assert.Equal(1, await Get("a"));
    }

    [Fact]
    public async Task A_failing_work_rolls_back_alone_and_leaves_its_neighbours_committed()
    {
        var works = Enumerable.Range(0, 200).Select(i => Task.Run(async () =>
        {
            try
            {
                await database.WriteAsync(i % 3 == 0 ? Durability.Synced : Durability.Relaxed, async s =>
                {
                    await s.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@n, @v)", ("@n", $"k{i}"), ("@v", new[] { (byte)i }));
                    return i % 7 == 0 ? throw new InvalidOperationException("no") : 0;
                }, TestContext.Current.CancellationToken);
                return true;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        })).ToArray();
        var results = await Task.WhenAll(works);
        for (var i = 0; i < results.Length; i++)
        {
            Assert.Equal(i % 7 != 0, results[i]);
            Assert.Equal(i % 7 == 0 ? -1 : i, await Get($"k{i}"));
        }
    }

    [Fact]
    public async Task Foreign_keys_hold()
    {
        await Assert.ThrowsAnyAsync<Exception>(async () => await database.WriteAsync(
            Durability.Synced,
            s => s.ExecuteAsync("INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES (1, 'x', 1, 0)"),
            TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_schema_of_a_newer_version_is_refused()
    {
        await database.WriteAsync(Durability.Synced, s => s.ExecuteAsync("INSERT INTO schema_migrations (number, name) VALUES (9999, 'future')"), TestContext.Current.CancellationToken);
        Assert.Throws<SchemaTooNewException>(() => SqliteDatabase.Open(Path.Combine(directory, "longshore.db")));
    }

    [Fact]
    public async Task Every_synced_write_is_synced_whatever_came_before_it()
    {
        foreach (var durability in new[] { Durability.Synced, Durability.Relaxed, Durability.Synced, Durability.Synced, Durability.Relaxed, Durability.Relaxed, Durability.Synced })
        {
            var level = await database.WriteAsync(durability, s => s.QueryFirstAsync("PRAGMA synchronous", static r => r.GetInt64(0)), TestContext.Current.CancellationToken);
            Assert.Equal(durability == Durability.Synced ? 2 : 1, level);
        }
    }

    [Fact]
    public async Task Closing_does_not_wait_for_a_verification_that_reads_beside_it()
    {
        await Put("a", 1, Durability.Synced);
        await using var beside = SqliteDatabase.OpenForReading(Path.Combine(directory, "longshore.db"));
        using var reading = new ManualResetEventSlim();
        using var closed = new ManualResetEventSlim();
        var read = Task.Run(() => beside.ReadSnapshotAsync(
            async s =>
            {
                var found = await s.QueryFirstAsync("SELECT COUNT(*) FROM settings", static r => r.GetInt64(0));
                reading.Set();
                closed.Wait(TimeSpan.FromMinutes(1));
                return found;
            },
            TestContext.Current.CancellationToken).AsTask());
        reading.Wait(TestContext.Current.CancellationToken);
        await Put("b", 2, Durability.Relaxed);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await database.DisposeAsync();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"Closing took {clock.Elapsed}.");
        closed.Set();
        Assert.Equal(1, await read);
        database = SqliteDatabase.Open(Path.Combine(directory, "longshore.db"));
        Assert.Equal(2, await Get("b"));
    }

    [Fact]
    public async Task A_read_that_throws_leaves_its_connection_usable_and_without_a_snapshot()
    {
        for (var i = 0; i < 20; i++)
        {
            await Assert.ThrowsAsync<InvalidDataException>(async () => await database.ReadSnapshotAsync(
                async s => await s.QueryFirstAsync<int>("SELECT 1 UNION SELECT 2", static _ => throw new InvalidDataException()),
                TestContext.Current.CancellationToken));
            await Put($"k{i}", (byte)i, Durability.Relaxed);
            Assert.Equal(i, await Get($"k{i}"));
        }
    }

    [Fact]
    public async Task A_commit_that_fails_fails_the_guilty_work_alone()
    {
        // The deferred foreign key is looked at when the whole transaction commits.
        await database.WriteAsync(Durability.Synced, s => s.ExecuteAsync("CREATE TABLE child (parent INTEGER REFERENCES repositories (id) DEFERRABLE INITIALLY DEFERRED)"), TestContext.Current.CancellationToken);
        var works = Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            try
            {
                await database.WriteAsync(
                    Durability.Relaxed,
                    s => i % 10 == 3
                        ? s.ExecuteAsync("INSERT INTO child (parent) VALUES (77)")
                        : s.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@n, @v)", ("@n", $"d{i}"), ("@v", new[] { (byte)i })),
                    TestContext.Current.CancellationToken);
                return true;
            }
            catch (Microsoft.Data.Sqlite.SqliteException)
            {
                return false;
            }
        })).ToArray();
        var results = await Task.WhenAll(works);
        for (var i = 0; i < results.Length; i++)
        {
            Assert.Equal(i % 10 != 3, results[i]);
            if (i % 10 != 3) Assert.Equal(i, await Get($"d{i}"));
        }
    }

    private async Task Put(string name, byte value, Durability durability) => await database.WriteAsync(
        durability,
        s => s.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@n, @v)", ("@n", name), ("@v", new[] { value })),
        TestContext.Current.CancellationToken);

    private async Task<int> Get(string name)
    {
        var value = await database.ReadAsync(s => s.QueryFirstAsync("SELECT value FROM settings WHERE name = @n", r => r.GetBytes(0), ("@n", name)), TestContext.Current.CancellationToken);
        return value is null ? -1 : value[0];
    }
}
