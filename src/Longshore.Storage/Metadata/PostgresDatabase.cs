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

    // Another start is another server process: after a failure, or behind an address that leads elsewhere now.
    private const string WhoAreYou = "SELECT EXTRACT(EPOCH FROM pg_postmaster_start_time())::text";

    /// <summary>How connections of copies introduce themselves: they are not those of servers.</summary>
    private const string CopyingName = "longshore-migrate";

    private static readonly string Alone = Begin("pg_advisory_xact_lock");
    private static readonly string Beside = Begin("pg_advisory_xact_lock_shared");

    /// <summary>How long a server that stands in line for a connection waits, and how long connecting may take, in seconds.</summary>
    internal const int ConnectLimit = 15;

    /// <summary>How long a statement may take, in seconds, waiting for locks included. The database ends it; the client's own limit comes later.</summary>
    private const int StatementLimit = 60;

    /// <summary>How long work waits for a database that has no connection left.</summary>
    private static readonly TimeSpan FullLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long work goes on with the next connection when one was cut.</summary>
    private static readonly TimeSpan CutLimit = TimeSpan.FromSeconds(2);

    private readonly PostgresAddress address;
    private readonly TimeProvider time;
    private readonly bool readOnly;
    private readonly bool copying;
    private readonly NpgsqlDataSource probing;
    private readonly PostgresWatch watch;
    private volatile NpgsqlDataSource source;

    private PostgresDatabase(PostgresAddress address, TimeProvider time, bool readOnly, Action<NpgsqlConnection> prepare, bool copying = false)
    {
        this.copying = copying;
        this.address = address;
        this.time = time;
        this.readOnly = readOnly;
        // One connection at a time, for what comes before and beside the work: it has no limits that would end a migration.
        probing = Build(pooling: false);
        var connected = false;
        try
        {
            string identity;
            using (var connection = probing.OpenConnection())
            {
                connected = true;
                prepare(connection);
                using var command = new NpgsqlCommand(WhoAreYou, connection);
                identity = (string)command.ExecuteScalar()!;
            }

            source = Build(pooling: true);
            watch = new PostgresWatch(ProbeAsync, ReplacePool, identity, time);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            probing.Dispose();
            throw PostgresErrors.Translate(e, address, connected);
        }
        catch
        {
            probing.Dispose();
            throw;
        }
    }

    /// <summary>Connects and brings the schema up to date.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="time">Measures the pause between two attempts.</param>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="DatabaseAwayException">It does not answer.</exception>
    public static PostgresDatabase Open(PostgresAddress address, TimeProvider time) => new(address, time, readOnly: false, PostgresSchema.Migrate);

    /// <summary>Connects beside the servers that own it; nothing is migrated and nothing may be written.</summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="InvalidOperationException">An older Longshore has written it, and must migrate it first; or none has.</exception>
    /// <exception cref="DatabaseAwayException">It does not answer.</exception>
    public static PostgresDatabase OpenForReading(PostgresAddress address, TimeProvider time) =>
        new(address, time, readOnly: true, PostgresSchema.RequireCurrent);

    /// <summary>Connects to a database that a registry is copied into or away from: marks of a copy are no hindrance.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="time">Measures the pause between two attempts.</param>
    /// <param name="create">Whether a schema is made or brought up to date; else one that is not this version's is refused.</param>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this database.</exception>
    /// <exception cref="InvalidOperationException">It is not to be created, and an older Longshore has written it, or none has.</exception>
    /// <exception cref="DatabaseAwayException">It does not answer.</exception>
    public static PostgresDatabase OpenForCopying(PostgresAddress address, TimeProvider time, bool create) =>
        new(address, time, readOnly: false, create ? PostgresSchema.MigrateForCopying : PostgresSchema.RequireCurrentForCopying, copying: true);

    /// <inheritdoc/>
    public bool IsShared => true;

    /// <inheritdoc/>
    public ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => RunReadAsync(work, null, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask CheckAnswersAsync(CancellationToken cancellationToken)
    {
        if (await ReadAsync(session => session.QueryFirstAsync("SELECT pg_is_in_recovery()", static row => row.GetBoolean(0)), cancellationToken))
            throw new DatabaseAwayException($"The database {address} is a standby: it takes no writes.", "it is a standby");
    }

    /// <inheritdoc/>
    public ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        RunReadAsync(work, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", cancellationToken);

    /// <inheritdoc/>
    public ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        RunWriteAsync(durability, Alone, work, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<T> WriteBesideAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        RunWriteAsync(durability, Beside, work, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<string?> FindSchemaFaultAsync(CancellationToken cancellationToken)
    {
        var (newest, oldest) = await ReadAsync(
            static session => session.QueryFirstAsync(
                "SELECT COALESCE(MAX(number), 0), COALESCE(MAX(oldest), 0) FROM schema_migrations", static row => (row.GetInt64(0), row.GetInt64(1))),
            cancellationToken);
        var known = Migrations.ForPostgres[^1].Number;
        if (oldest > known) return $"the database's schema {newest} takes servers of schema {oldest} and newer, and this one knows {known}";
        return newest < known ? $"the database has schema {newest}, and this version needs {known}: an older database was put in its place" : null;
    }

    /// <inheritdoc/>
    public async ValueTask<DateTimeOffset?> ReadClockAsync(CancellationToken cancellationToken) => DbTime.FromDatabase(await ReadAsync(
        static session => session.QueryFirstAsync("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint", static row => row.GetInt64(0)), cancellationToken));

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

    /// <summary>Whose other connections there are to this database, those of servers that run, of commands, and of people who look; null when there are none.</summary>
    public async ValueTask<string?> FindOthersAsync(CancellationToken cancellationToken)
    {
        // Of other users' connections PostgreSQL does not say what kind they are, but only clients' have a user.
        var others = await ReadAsync(
            session => session.QueryAsync(
                """
                SELECT DISTINCT COALESCE(NULLIF(application_name, ''), 'unnamed') || ' of ' || usename || COALESCE(' at ' || host(client_addr), '') FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL AND COALESCE(backend_type, 'client backend') = 'client backend' AND application_name <> @copying
                ORDER BY 1 LIMIT 6
                """,
                static row => row.GetString(0),
                ("@copying", CopyingName)),
            cancellationToken);
        return others.Count == 0 ? null : string.Join(", ", others.Take(5)) + (others.Count > 5 ? ", …" : "");
    }

    /// <summary>Closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await watch.DisposeAsync();
        await source.DisposeAsync();
        await probing.DisposeAsync();
    }

    // One statement after BEGIN, sent together with it.
    private static string Begin(string function) => FormattableString.Invariant($"SELECT set_config('synchronous_commit', $1, true), {function}({WriteLock})");

    private NpgsqlDataSource Build(bool pooling)
    {
        var settings = new NpgsqlConnectionStringBuilder(address.ConnectionString)
        {
            Pooling = pooling,
            Timeout = ConnectLimit,
            // Looking at the foreign keys of a whole registry takes its time.
            CommandTimeout = pooling && !readOnly && !copying ? StatementLimit + 10 : 0,
            CancellationTimeout = 2000,
            MaxAutoPrepare = 600,
            AutoPrepareMinUsages = 2,
            // Nothing that outlives a transaction is ever set on a connection, but when it is new.
            NoResetOnClose = true,
            TcpKeepAlive = true,
            KeepAlive = 0,
            ApplicationName = copying ? CopyingName : new NpgsqlConnectionStringBuilder(address.ConnectionString).ApplicationName,
            PersistSecurityInfo = false,
            IncludeErrorDetail = false,
        };
        if (address.HasManyHosts) settings.HostRecheckSeconds = 2;
        // What stands in between forgets connections that rest; and one that was forgotten is noticed before it is used.
        if (!address.IsUnixSocket) (settings.TcpKeepAliveTime, settings.TcpKeepAliveInterval) = (30, 10);
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        if (pooling)
        {
            // A transaction is ended by the database when its server is silent for too long: a paused one would keep all others from writing.
            // The third name is new in version 14: then a statement ends when its server has gone. And no statement here gains from being compiled.
            var limits = FormattableString.Invariant(
                $"""
                SELECT set_config(name, CASE name WHEN 'statement_timeout' THEN '{(readOnly || copying ? 0 : StatementLimit)}s' WHEN 'client_connection_check_interval' THEN '5s' WHEN 'jit' THEN 'off' ELSE '{IdleLimit}' END, false)
                FROM pg_settings WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'client_connection_check_interval', 'jit')
                """);
            builder.UsePhysicalConnectionInitializer(
                connection =>
                {
                    using var command = new NpgsqlCommand(limits, connection);
                    command.ExecuteNonQuery();
                },
                async connection => await RunAsync(connection, limits));
        }

        // Reads too are the primary's alone: what a standby knows of access may be old.
        return address.HasManyHosts ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.Primary) : builder.Build();
    }

    private async Task<string> ProbeAsync(CancellationToken cancellationToken)
    {
        await using var connection = await probing.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(WhoAreYou, connection);
        // The watch waits for as long as it likes and then leaves this to itself: to cancel a statement takes a database that answers.
        return (string)(await command.ExecuteScalarAsync(CancellationToken.None))!;
    }

    // Connections in use go when they come back, which may be never.
    private void ReplacePool()
    {
        var former = Interlocked.Exchange(ref source, Build(pooling: true));
        _ = Task.Run(async () =>
        {
            former.Clear();
            // Some are about to ask it for a connection, or stand in line for one.
            await Task.Delay(TimeSpan.FromSeconds(2 * ConnectLimit), time, CancellationToken.None);
            await former.DisposeAsync();
        });
    }

    private async ValueTask<T> RunReadAsync<T>(Func<DbSession, ValueTask<T>> work, string? begin, CancellationToken cancellationToken)
    {
        var attempts = new Attempts(this);
        while (true)
        {
            var turn = attempts.Begin(cancellationToken);
            try
            {
                var result = await ReadOnceAsync(work, begin, attempts, turn.Ended, cancellationToken).AsTask().WaitAsync(turn.Ended);
                watch.Answered();
                return result;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && attempts.MayRepeatRead(e))
            {
                // A connection that was closed while it rested in the pool says so when it is used: the next one is fresh.
            }
            catch (Exception e) when (attempts.Explain(e, turn) is { } explained)
            {
                throw explained;
            }
            finally
            {
                turn.Leave();
            }

            await attempts.PauseAsync();
        }
    }

    private async ValueTask<T> ReadOnceAsync<T>(Func<DbSession, ValueTask<T>> work, string? begin, Attempts attempts, CancellationToken ended, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        attempts.Connected = true;
        if (begin is null) return await work(new PostgresSession(connection, ended));
        await RunAsync(connection, begin);
        var result = await work(new PostgresSession(connection, ended));
        await RunAsync(connection, "COMMIT");
        return result;
    }

    private async ValueTask<T> RunWriteAsync<T>(Durability durability, string begin, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        if (readOnly) throw new InvalidOperationException("The database was opened for reading.");
        var attempts = new Attempts(this);
        while (true)
        {
            var turn = attempts.Begin(cancellationToken);
            try
            {
                var result = await WriteOnceAsync(durability, begin, work, attempts, turn.Ended, cancellationToken).AsTask().WaitAsync(turn.Ended);
                watch.Answered();
                return result;
            }
            catch (Exception e) when (attempts.MayRepeatWrite(e) && !(cancellationToken.IsCancellationRequested && !PostgresErrors.IsConflict(e)))
            {
                // The database's own word that nothing was kept, or the commit was not sent.
            }
            catch (Exception e) when (attempts.Explain(e, turn) is { } explained)
            {
                throw explained;
            }
            finally
            {
                turn.Leave();
            }

            await attempts.PauseAsync();
        }
    }

    private async ValueTask<T> WriteOnceAsync<T>(
        Durability durability, string begin, Func<DbSession, ValueTask<T>> work, Attempts attempts, CancellationToken ended, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        attempts.Connected = true;
        // From here on the work is finished, whatever the caller's token says. Closing the connection undoes what was not committed.
        var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
        await using (var first = new NpgsqlCommand(begin, connection) { Parameters = { new NpgsqlParameter<string> { TypedValue = durability == Durability.Synced ? "on" : "off" } } })
            await first.ExecuteNonQueryAsync(CancellationToken.None);
        var result = await work(new PostgresSession(connection, ended));
        // Who was told that the database is away must not find the write done by a connection that came back.
        ended.ThrowIfCancellationRequested();
        attempts.Committing = true;
        await transaction.CommitAsync(CancellationToken.None);
        return result;
    }

    private static async ValueTask RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    /// <summary>What one caller's work has come to so far, and whether it may be tried again.</summary>
    private sealed class Attempts(PostgresDatabase database)
    {
        private readonly long began = database.time.GetTimestamp();
        private int count;
        private int broken;
        private TimeSpan pause;

        /// <summary>Whether this attempt has a connection.</summary>
        public bool Connected { get; set; }

        /// <summary>Whether the commit may have been sent: nobody knows whether what was written is kept.</summary>
        public bool Committing { get; set; }

        public PostgresWatch.Turn Begin(CancellationToken cancellationToken)
        {
            // A connection that rests in the pool is given out without a look at the token.
            cancellationToken.ThrowIfCancellationRequested();
            (Connected, Committing) = (false, false);
            count++;
            return database.watch.Away is { } away ? throw PostgresErrors.Translate(away, database.address, connected: false) : database.watch.Enter();
        }

        public bool MayRepeatRead(Exception error) => MayWaitForConnection(error) || MayTakeAnother(error);

        public bool MayRepeatWrite(Exception error)
        {
            if (!PostgresErrors.IsConflict(error)) return !Committing && (MayWaitForConnection(error) || MayTakeAnother(error));
            pause = TimeSpan.FromMilliseconds(5 << Math.Min(count, 6));
            return count < MaxAttempts;
        }

        /// <summary>What the caller is told; null when the error is none of the database's.</summary>
        public Exception? Explain(Exception error, PostgresWatch.Turn turn)
        {
            if (error is OperationCanceledException && turn.Ended.IsCancellationRequested)
                return new DatabaseAwayException($"The database {database.address} stopped answering, or became another one, in the middle of work.", "it does not answer", error);
            if (error is not (NpgsqlException or TimeoutException)) return null;
            if (PostgresErrors.IsAway(error)) database.watch.Suspect();
            return PostgresErrors.Translate(error, database.address, Connected);
        }

        public Task PauseAsync() => pause > TimeSpan.Zero ? Task.Delay(pause, database.time, CancellationToken.None) : Task.CompletedTask;

        private bool MayTakeAnother(Exception error)
        {
            if (!PostgresErrors.IsBroken(error)) return false;
            // What was cut while it rested in the pool was not cut alone, and while one thread empties the pool others are still given what is left in
            // it: each of them finds one, at once, so there is an end. A standby, connecting anew and what takes its time fail for other reasons.
            var limit = Connected && !PostgresErrors.IsStandby(error) && database.time.GetElapsedTime(began) < CutLimit ? database.address.Connections : 1;
            if (broken >= limit) return false;
            broken++;
            pause = TimeSpan.Zero;
            database.watch.Suspect();
            if (PostgresErrors.IsStandby(error)) database.ReplacePool();
            return true;
        }

        private bool MayWaitForConnection(Exception error)
        {
            pause = TimeSpan.FromMilliseconds(Math.Min(50 * count, 500));
            return PostgresErrors.IsFull(error) && database.time.GetElapsedTime(began) < FullLimit;
        }
    }
}
