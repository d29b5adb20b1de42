using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>Brings a PostgreSQL database's schema up to date, one server at a time.</summary>
internal static class PostgresSchema
{
    /// <summary>The advisory lock of migrations. Any number that nothing else in the database uses.</summary>
    private const long MigrationLock = 0x4C6F6E6773686F72;

    /// <summary>How long a migration waits for the lock of a table.</summary>
    private const int LockSeconds = 3;

    private const int MaxAttempts = 30;

    /// <summary>Applies what is missing. Of servers that start at once, the others wait and find nothing to do.</summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    public static void Migrate(NpgsqlConnection connection)
    {
        // The first look takes no lock: a rolling upgrade must not wait for a server that migrates nothing.
        var migrations = Migrations.ForPostgres;
        if (Find(connection) is { } present && Check(present) == migrations[^1].Number) return;
        Run(connection, $"SELECT pg_advisory_lock({MigrationLock})");
        try
        {
            var done = Find(connection);
            if (done is null) Run(connection, "CREATE TABLE schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)");
            Check(done ?? 0);
            foreach (var migration in migrations.Where(m => m.Number > (done ?? 0))) Apply(connection, migration);
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open) Run(connection, $"SELECT pg_advisory_unlock({MigrationLock})");
        }
    }

    /// <summary>Refuses a schema that is not exactly this version's.</summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="InvalidOperationException">An older one has, and its server must migrate it first; or none has.</exception>
    public static void RequireCurrent(NpgsqlConnection connection)
    {
        var found = Find(connection) ?? throw new InvalidOperationException("There is no registry in this database: no server was ever started on it.");
        var known = Migrations.ForPostgres[^1].Number;
        if (Check(found) < known) throw new InvalidOperationException($"The database has schema {found} and this version of Longshore needs {known}: start the server once, it brings the database up to date.");
    }

    // Servers of the version before run on: what waits for a table's lock makes all who come later wait, so it gives up soon and tries again.
    private static void Apply(NpgsqlConnection connection, Migration migration)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var transaction = connection.BeginTransaction();
                Run(connection, $"SET LOCAL lock_timeout = '{LockSeconds}s'");
                Run(connection, migration.Sql);
                using var note = new NpgsqlCommand("INSERT INTO schema_migrations (number, name) VALUES ($1, $2)", connection)
                {
                    Parameters = { new NpgsqlParameter<long> { TypedValue = migration.Number }, new NpgsqlParameter<string> { TypedValue = migration.Name } },
                };
                note.ExecuteNonQuery();
                transaction.Commit();
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable && attempt < MaxAttempts)
            {
                Run(connection, "SELECT pg_sleep(1)");
            }
        }
    }

    private static long Check(long found)
    {
        var known = Migrations.ForPostgres[^1].Number;
        return found > known ? throw new SchemaTooNewException(found, known) : found;
    }

    private static long? Find(NpgsqlConnection connection)
    {
        using var table = new NpgsqlCommand("SELECT to_regclass('schema_migrations') IS NOT NULL", connection);
        if (table.ExecuteScalar() is not true) return null;
        using var number = new NpgsqlCommand("SELECT COALESCE(MAX(number), 0) FROM schema_migrations", connection);
        return (long)number.ExecuteScalar()!;
    }

    private static void Run(NpgsqlConnection connection, string sql)
    {
        // A migration of a large table takes its time.
        using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.ExecuteNonQuery();
    }
}
