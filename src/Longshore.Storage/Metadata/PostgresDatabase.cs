using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>The metadata database of several servers: PostgreSQL 13 or newer.</summary>
/// <remarks>
/// Writes run in READ COMMITTED. Each takes an advisory lock first, in the same round trip that begins its transaction: a work of
/// <see cref="WriteAsync"/> alone, as on SQLite, so that what it reads stands until its commit; works of
/// <see cref="WriteBesideAsync"/> together, since those take the row locks that they need. A server that stops in the middle of a
/// transaction without closing its connection loses it after <see cref="IdleLimit"/>. docs/decisions/0016-writes-on-postgresql.md.
/// </remarks>
public sealed class PostgresDatabase : IDatabase
{
    /// <summary>How often a write that others got in the way of is run in all.</summary>
    private const int MaxAttempts = 8;

    /// <summary>The advisory lock of writes.</summary>
    private const long WriteLock = 0x4C6F6E6773686F73;

    /// <summary>How long a transaction may wait for its own server, in milliseconds.</summary>
    private const int IdleLimit = 10_000;

    private static readonly string Alone = Begin("pg_advisory_xact_lock");
    private static readonly string Beside = Begin("pg_advisory_xact_lock_shared");

    private readonly PostgresAddress address;
    private readonly NpgsqlDataSource source;
    private readonly TimeProvider time;
    private readonly bool readOnly;

    private PostgresDatabase(PostgresAddress address, TimeProvider time, bool readOnly)
    {
        this.address = address;
        this.time = time;
        this.readOnly = readOnly;
        var settings = new NpgsqlConnectionStringBuilder(address.ConnectionString)
        {
            Timeout = 15,
            CommandTimeout = 60,
            CancellationTimeout = 2000,
            MaxAutoPrepare = 600,
            AutoPrepareMinUsages = 2,
            // Nothing that outlives a transaction is ever set on a connection.
            NoResetOnClose = true,
            TcpKeepAlive = true,
            KeepAlive = 0,
            PersistSecurityInfo = false,
            IncludeErrorDetail = false,
        };
        source = new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
    }

    /// <summary>Connects and brings the schema up to date.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="time">Measures the pause between two attempts.</param>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="DatabaseAwayException">It does not answer.</exception>
    public static PostgresDatabase Open(PostgresAddress address, TimeProvider time) => Open(new PostgresDatabase(address, time, readOnly: false), PostgresSchema.Migrate);

    /// <summary>Connects beside the servers that own it; nothing is migrated and nothing may be written.</summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="InvalidOperationException">An older Longshore has written it, and must migrate it first; or none has.</exception>
    /// <exception cref="DatabaseAwayException">It does not answer.</exception>
    public static PostgresDatabase OpenForReading(PostgresAddress address, TimeProvider time) =>
        Open(new PostgresDatabase(address, time, readOnly: true), PostgresSchema.RequireCurrent);

    /// <inheritdoc/>
    public bool IsShared => true;

    /// <inheritdoc/>
    public ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => RunReadAsync(work, null, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        RunReadAsync(work, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", cancellationToken);

    /// <inheritdoc/>
    public ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        RunWriteAsync(durability, Alone, work, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<T> WriteBesideAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        RunWriteAsync(durability, Beside, work, cancellationToken);

    /// <summary>
    /// Has the extension amcheck compare each index with its table, where it is installed. Foreign keys need no look: PostgreSQL enforces them, and
    /// a constraint that was never validated is named.
    /// </summary>
    public async ValueTask<IReadOnlyList<string>> CheckStructureAsync(CancellationToken cancellationToken)
    {
        var problems = await ReadAsync(
            session => session.QueryAsync(
                """
                SELECT conname::text, conrelid::regclass::text FROM pg_constraint
                WHERE NOT convalidated AND connamespace = current_schema()::regnamespace ORDER BY 2, 1 LIMIT 100
                """,
                static row => $"The constraint {row.GetString(0)} of {row.GetString(1)} was never validated."),
            cancellationToken);
        var hasCheck = await ReadAsync(session => session.QueryFirstAsync("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'", static row => row.GetInt64(0)), cancellationToken) == 1;
        if (!hasCheck) return problems;
        var indexes = await ReadAsync(
            session => session.QueryAsync(
                """
                SELECT i.oid::bigint, i.relname::text, x.indisvalid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                WHERE i.relnamespace = current_schema()::regnamespace AND a.amname = 'btree' ORDER BY 2
                """,
                static row => (Id: row.GetInt64(0), Name: row.GetString(1), Valid: row.GetBoolean(2))),
            cancellationToken);
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        foreach (var index in indexes)
        {
            if (!index.Valid)
            {
                problems.Add($"The index {index.Name} is not valid: it was never finished.");
                continue;
            }

            try
            {
                await using var check = new NpgsqlCommand("SELECT bt_index_check($1::bigint::oid::regclass, true)", connection) { CommandTimeout = 0, Parameters = { new NpgsqlParameter<long> { TypedValue = index.Id } } };
                await check.ExecuteNonQueryAsync(cancellationToken);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.IndexCorrupted or PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.InternalError)
            {
                problems.Add($"The index {index.Name} is damaged: {e.MessageText}");
            }
        }

        return problems;
    }

    /// <summary>How many other connections there are to this database: servers that run, commands, and people who look.</summary>
    public ValueTask<long> CountOthersAsync(CancellationToken cancellationToken) => ReadAsync(
        session => session.QueryFirstAsync(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            static row => row.GetInt64(0)),
        cancellationToken);

    /// <summary>Closes the connections.</summary>
    public ValueTask DisposeAsync() => source.DisposeAsync();

    // One statement after BEGIN, sent together with it. A transaction is ended by the database when its server is silent for too long:
    // a paused one would keep all others from writing.
    private static string Begin(string function) => FormattableString.Invariant(
        $"SELECT set_config('idle_in_transaction_session_timeout', '{IdleLimit}', true), set_config('synchronous_commit', $1, true), {function}({WriteLock})");

    private static PostgresDatabase Open(PostgresDatabase database, Action<NpgsqlConnection> prepare)
    {
        try
        {
            using var connection = database.source.OpenConnection();
            prepare(connection);
            return database;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            database.source.Dispose();
            if (e is SchemaTooNewException or InvalidOperationException) throw;
            throw PostgresErrors.Translate(e, database.address, connected: false);
        }
    }

    private async ValueTask<T> RunReadAsync<T>(Func<DbSession, ValueTask<T>> work, string? begin, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var connected = false;
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellationToken);
                connected = true;
                if (begin is null) return await work(new PostgresSession(connection));
                await RunAsync(connection, begin);
                var result = await work(new PostgresSession(connection));
                await RunAsync(connection, "COMMIT");
                return result;
            }
            catch (Exception e) when (attempt == 1 && PostgresErrors.IsBroken(e) && !cancellationToken.IsCancellationRequested)
            {
                // A connection that was closed while it rested in the pool says so when it is used: the next one is fresh.
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                throw PostgresErrors.Translate(e, address, connected);
            }
        }
    }

    private async ValueTask<T> RunWriteAsync<T>(Durability durability, string begin, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        if (readOnly) throw new InvalidOperationException("The database was opened for reading.");
        var broken = false;
        for (var attempt = 1; ; attempt++)
        {
            var (connected, committing) = (false, false);
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellationToken);
                connected = true;
                // From here on the work is finished, whatever the caller's token says. Closing the connection undoes what was not committed.
                var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
                await using (var first = new NpgsqlCommand(begin, connection) { Parameters = { new NpgsqlParameter<string> { TypedValue = durability == Durability.Synced ? "on" : "off" } } })
                    await first.ExecuteNonQueryAsync(CancellationToken.None);
                var result = await work(new PostgresSession(connection));
                committing = true;
                await transaction.CommitAsync(CancellationToken.None);
                return result;
            }
            catch (Exception e) when (PostgresErrors.IsConflict(e) && attempt < MaxAttempts)
            {
                // The database's own word: nothing of it was kept.
            }
            catch (Exception e) when (!committing && !broken && PostgresErrors.IsBroken(e) && !cancellationToken.IsCancellationRequested)
            {
                // Once: the commit was not sent, so nothing was kept.
                broken = true;
                continue;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                throw PostgresErrors.Translate(e, address, connected);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5 << Math.Min(attempt, 6)), time, CancellationToken.None);
        }
    }

    private static async ValueTask RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }
}
