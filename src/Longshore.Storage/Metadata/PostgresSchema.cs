using Longshore.Storage.Metadata.Copying;
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

    /// <summary>
    /// Applies what is missing. Of servers that start at once, the others wait and find nothing to do. A schema of a newer version is let be as long as
    /// servers of this one can work on it.
    /// </summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database, and servers of this version cannot work on it.</exception>
    public static void Migrate(NpgsqlConnection connection) => Migrate(connection, Migrations.ForPostgres);

    /// <summary>The same for a database that a registry is copied into or away from: marks of a copy are no hindrance.</summary>
    public static void MigrateForCopying(NpgsqlConnection connection) => Migrate(connection, Migrations.ForPostgres, copying: true);

    /// <summary>The same, of a version that knows these migrations.</summary>
    internal static void Migrate(NpgsqlConnection connection, IReadOnlyList<Migration> migrations, bool copying = false)
    {
        // The first look takes no lock: a rolling upgrade must not wait for a server that migrates nothing.
        if (Find(connection, copying) is { } present && Check(present, migrations) >= migrations[^1].Number) return;
        Run(connection, $"SELECT pg_advisory_lock({MigrationLock})");
        try
        {
            var done = Find(connection, copying);
            if (done is null) Run(connection, "CREATE TABLE schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, oldest BIGINT NOT NULL DEFAULT 0)");
            // Databases of the days before rolling upgrades.
            else if (!done.Value.HasOldest) Run(connection, "ALTER TABLE schema_migrations ADD COLUMN oldest BIGINT NOT NULL DEFAULT 0");
            var newest = done is { } found ? Check(found, migrations) : 0;
            foreach (var migration in migrations.Where(m => m.Number > newest)) Apply(connection, migration);
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open) Run(connection, $"SELECT pg_advisory_unlock({MigrationLock})");
        }
    }

    /// <summary>Refuses a schema that this version cannot read.</summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="InvalidOperationException">An older one has, and its server must migrate it first; or none has.</exception>
    public static void RequireCurrent(NpgsqlConnection connection) => RequireCurrent(connection, copying: false);

    /// <summary>The same for a database that a registry is copied away from.</summary>
    public static void RequireCurrentForCopying(NpgsqlConnection connection) => RequireCurrent(connection, copying: true);

    private static void RequireCurrent(NpgsqlConnection connection, bool copying)
    {
        var found = Find(connection, copying) ?? throw new InvalidOperationException("There is no registry in this database: no server was ever started on it.");
        var known = Migrations.ForPostgres[^1].Number;
        // Servers may work on a newer schema; a copy would leave out what this version does not know.
        if (copying && found.Newest > known) throw new SchemaTooNewException(found.Newest, known);
        if (Check(found, Migrations.ForPostgres) < known)
            throw new InvalidOperationException($"The database has schema {found.Newest} and this version of Longshore needs {known}: start the server once, it brings the database up to date.");
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
                using var note = new NpgsqlCommand("INSERT INTO schema_migrations (number, name, oldest) VALUES ($1, $2, $3)", connection)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<long> { TypedValue = migration.Number },
                        new NpgsqlParameter<string> { TypedValue = migration.Name },
                        new NpgsqlParameter<long> { TypedValue = migration.Oldest },
                    },
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

    private static long Check(State found, IReadOnlyList<Migration> migrations)
    {
        var known = migrations[^1].Number;
        CopyMarks.Refuse(found.Newest);
        return found.Oldest > known ? throw new SchemaTooNewException(found.Newest, known) : found.Newest;
    }

    private static State? Find(NpgsqlConnection connection, bool copying)
    {
        using var columns = new NpgsqlCommand(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations') AND attname IN ('number', 'oldest') AND NOT attisdropped ORDER BY attname DESC", connection);
        var known = new List<string>();
        using (var reader = columns.ExecuteReader())
            while (reader.Read()) known.Add(reader.GetString(0));
        if (known.Count == 0) return null;
        using var numbers = new NpgsqlCommand($"SELECT COALESCE(MAX(number), 0), {(known.Count == 2 ? "COALESCE(MAX(oldest), 0)" : "0::bigint")} FROM schema_migrations WHERE number < $1", connection)
        {
            Parameters = { new NpgsqlParameter<long> { TypedValue = copying ? CopyMarks.Unfinished : long.MaxValue } },
        };
        using var row = numbers.ExecuteReader();
        row.Read();
        return new State(row.GetInt64(0), row.GetInt64(1), known.Count == 2);
    }

    private static void Run(NpgsqlConnection connection, string sql)
    {
        // A migration of a large table takes its time.
        using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.ExecuteNonQuery();
    }

    /// <summary>What a database says of its schema.</summary>
    /// <param name="Newest">Its newest migration.</param>
    /// <param name="Oldest">What a server must know at least.</param>
    /// <param name="HasOldest">Whether it can say so.</param>
    private readonly record struct State(long Newest, long Oldest, bool HasOldest);
}
