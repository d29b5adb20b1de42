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
