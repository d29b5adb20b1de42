using System.Collections.Concurrent;
using System.Globalization;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata.Copying;
using Microsoft.Data.Sqlite;

namespace Longshore.Storage.Metadata;

/// <summary>
/// The embedded metadata database: SQLite in WAL mode, any number of readers and one writer.
/// </summary>
/// <remarks>
/// All writes go through one thread that commits what has queued up in one transaction (group commit), each work in a
/// savepoint of its own: eight pushes that end at the same time cost one fsync. A batch is synced when any of its works
/// asks for it.
/// </remarks>
public sealed class SqliteDatabase : IDatabase
{
    /// <summary>Works in one commit at the most: bounds how long the first one waits for the last.</summary>
    private const int MaxBatch = 256;

    /// <summary>Reader connections kept open; more may be in use for a moment.</summary>
    private const int MaxIdleReaders = 8;

    private readonly string connectionString;
    private readonly ConcurrentBag<SqliteSession> idleReaders = [];
    private readonly BlockingCollection<IWork> queue = new(new ConcurrentQueue<IWork>());
    private readonly SqliteSession writer;
    private readonly Thread writerThread;
    private bool synced = true;
    private int disposed;

    private readonly bool readOnly;
    private readonly bool copying;

    private SqliteDatabase(string path, bool readOnly, bool copying = false, bool create = true)
    {
        this.readOnly = readOnly;
        this.copying = copying;
        connectionString = new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 30 }.ToString();
        writer = Connect(cacheKib: 16 * 1024);
        if (readOnly || !create) RequireCurrentSchema();
        else Migrate();
        writerThread = new Thread(WriteLoop) { IsBackground = true, Name = "longshore-writer" };
        writerThread.Start();
    }

    /// <summary>Opens or creates the database file and brings its schema up to date.</summary>
    /// <param name="path">The file; SQLite keeps its log beside it.</param>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this file.</exception>
    public static SqliteDatabase Open(string path)
    {
        NativeSqlite.EnsureLoaded();
        return new SqliteDatabase(path, readOnly: false);
    }

    /// <summary>Opens a database file beside the server that owns it; nothing is migrated and nothing may be written.</summary>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this file.</exception>
    /// <exception cref="InvalidOperationException">An older Longshore has written it, and must migrate it first.</exception>
    public static SqliteDatabase OpenForReading(string path)
    {
        NativeSqlite.EnsureLoaded();
        return new SqliteDatabase(path, readOnly: true);
    }

    /// <summary>
    /// Opens or creates a database file that a registry is copied into or away from: marks of a copy are no hindrance, and foreign keys are not looked
    /// at, since the rows of a half copy do not fit together yet.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="create">Whether the file is made or brought up to date; else one that is not this version's is refused.</param>
    /// <exception cref="SchemaTooNewException">A newer Longshore has written this file.</exception>
    /// <exception cref="InvalidOperationException">It is not to be created, and an older Longshore has written it.</exception>
    public static SqliteDatabase OpenForCopying(string path, bool create)
    {
        NativeSqlite.EnsureLoaded();
        return new SqliteDatabase(path, readOnly: false, copying: true, create);
    }

    /// <inheritdoc/>
    public ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => Read(work, snapshot: false, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => Read(work, snapshot: true, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed != 0, this);
        if (readOnly) throw new InvalidOperationException("The database was opened for reading.");
        cancellationToken.ThrowIfCancellationRequested();
        var item = new Work<T>(durability, work, cancellationToken);
        queue.Add(item, CancellationToken.None);
        return await item.Task;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> CheckStructureAsync(CancellationToken cancellationToken) => Read<IReadOnlyList<string>>(
        async session =>
        {
            var problems = await session.QueryAsync("PRAGMA integrity_check(100)", static row => row.GetString(0));
            problems.RemoveAll(static problem => problem == "ok");
            problems.AddRange(await session.QueryAsync(
                "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 100",
                static row => $"A row of {row.GetString(0)} (rowid {row.GetInt64OrNull(1)}) names a row of {row.GetString(2)} that is not there."));
            return problems;
        },
        snapshot: true,
        cancellationToken);

    /// <summary>
    /// Writes a copy of the database, as of this moment, to a file that does not exist yet: whole, without a log beside it, and durable. Readers and
    /// the writer, of this process or another, go on meanwhile.
    /// </summary>
    /// <exception cref="StorageFullException">There is no room for it.</exception>
    public void CopyTo(string path)
    {
        ObjectDisposedException.ThrowIf(disposed != 0, this);
        using (var session = Connect(cacheKib: 4 * 1024)) session.Run("VACUUM INTO @path", ("@path", path));
        // SQLite syncs the copy only as the log of the original would have it.
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Finishes what is queued and closes the file; the last one to close it folds its log into it.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0) return ValueTask.CompletedTask;
        queue.CompleteAdding();
        writerThread.Join();
        while (idleReaders.TryTake(out var reader)) reader.Dispose();
        // The last connection's close folds the log into the file. No checkpoint is asked for by name: that one would wait for
        // a verification that reads beside the server, and fail on a full disk, where the log simply stays for the next start.
        writer.Dispose();
        queue.Dispose();
        return ValueTask.CompletedTask;
    }

    // Reads run on the caller's thread: SQLite answers from memory or the page cache, a hop would cost more than the query.
    private ValueTask<T> Read<T>(Func<DbSession, ValueTask<T>> work, bool snapshot, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (!idleReaders.TryTake(out var session)) session = Connect(cacheKib: 4 * 1024);
        try
        {
            if (snapshot) session.Run("BEGIN");
            var task = work(session);
            if (!task.IsCompleted) throw new InvalidOperationException("Database work must not wait for anything but its session.");
            return new(task.GetAwaiter().GetResult());
        }
        finally
        {
            if (IsReusable(session) && disposed == 0 && idleReaders.Count < MaxIdleReaders) idleReaders.Add(session);
            else session.Dispose();
        }
    }

    // Must not throw: what the read itself has to say comes first.
    private static bool IsReusable(SqliteSession session)
    {
        try
        {
            if (!session.InAutoCommit) session.Run("ROLLBACK");
            return true;
        }
        catch (Exception e) when (e is SqliteException or IOException)
        {
            return false;
        }
    }

    private SqliteSession Connect(int cacheKib)
    {
        var connection = new SqliteConnection(connectionString);
        try
        {
            connection.Open();
            var session = new SqliteSession(connection);
            // Checkpoints of 16 MiB: a page that changes often is written to the file once for many commits.
            foreach (var pragma in new[] { "journal_mode=WAL", "synchronous=FULL", copying ? "foreign_keys=OFF" : "foreign_keys=ON", "busy_timeout=30000", "wal_autocheckpoint=4096", "temp_store=MEMORY", "secure_delete=FAST", string.Create(CultureInfo.InvariantCulture, $"cache_size=-{cacheKib}") })
            {
                using var command = connection.CreateCommand();
                command.CommandText = "PRAGMA " + pragma;
                command.ExecuteNonQuery();
            }

            return session;
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw SqliteErrors.Translate(e);
        }
    }

    private void RequireCurrentSchema()
    {
        var found = FindSchema();
        var known = Migrations.ForSqlite[^1].Number;
        if (found > known) throw new SchemaTooNewException(found, known);
        if (found < known) throw new InvalidOperationException($"The database has schema {found} and this version of Longshore needs {known}: start the server once, it brings the database up to date.");
    }

    private void Migrate()
    {
        writer.Run("CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)");
        var done = FindSchema();
        var migrations = Migrations.ForSqlite;
        if (done > migrations[^1].Number) throw new SchemaTooNewException(done, migrations[^1].Number);
        foreach (var migration in migrations.Where(m => m.Number > done))
        {
            writer.Run("BEGIN IMMEDIATE");
            writer.Run(migration.Sql);
            writer.Run(
                "INSERT INTO schema_migrations (number, name) VALUES (@number, @name)",
                ("@number", (long)migration.Number),
                ("@name", migration.Name));
            writer.Run("COMMIT");
        }
    }

    private long FindSchema()
    {
        if (copying) return writer.First("SELECT COALESCE(MAX(number), 0) FROM schema_migrations WHERE number < @mark", r => r.GetInt64(0), ("@mark", CopyMarks.Unfinished));
        var found = writer.First("SELECT COALESCE(MAX(number), 0) FROM schema_migrations", r => r.GetInt64(0));
        CopyMarks.Refuse(found);
        return found;
    }

    private void WriteLoop()
    {
        var batch = new List<IWork>(MaxBatch);
        foreach (var first in queue.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < MaxBatch && queue.TryTake(out var next)) batch.Add(next);
            batch.RemoveAll(work => work.Withdrawn());
            if (batch.Count > 1 && !TryCommit(batch))
            {
                // Something failed that takes a whole transaction down. One by one, only the guilty fail.
                foreach (var work in batch) TryCommit([work]);
            }
            else if (batch.Count == 1)
            {
                TryCommit(batch);
            }

            batch.Clear();
        }
    }

    /// <summary>Runs the works in one transaction. False, with nobody told, when the transaction as a whole failed and there is more than one.</summary>
    private bool TryCommit(List<IWork> batch)
    {
        var alone = batch.Count == 1;
        try
        {
            // Left by a rollback that failed: without a new try, no transaction could ever begin again.
            if (!writer.InAutoCommit) writer.Run("ROLLBACK");
            Sync(batch.Exists(work => work.Durability == Durability.Synced));
            writer.Run("BEGIN IMMEDIATE");
            foreach (var work in batch)
            {
                if (!alone) writer.Run("SAVEPOINT work");
                if (work.Run(writer))
                {
                    if (!alone) writer.Run("RELEASE work");
                    continue;
                }

                if (writer.InAutoCommit || alone) throw work.Failure!;
                writer.Run("ROLLBACK TO work");
                writer.Run("RELEASE work");
            }

            writer.Run("COMMIT");
        }
        catch (Exception e)
        {
            RollBack();
            if (!alone) return false;
            batch[0].Fail(e);
            return true;
        }

        foreach (var work in batch) work.Complete();
        return true;
    }

    private void RollBack()
    {
        try
        {
            if (!writer.InAutoCommit) writer.Run("ROLLBACK");
        }
        catch (Exception e) when (e is SqliteException or IOException)
        {
            // SQLite rolled back by itself between the question and the command, or could not: the next transaction tries
            // again. Nothing may leave the writer's thread, as it would end the process.
        }
    }

    private void Sync(bool wanted)
    {
        if (synced == wanted) return;
        writer.Run(wanted ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
        synced = wanted;
    }

    private interface IWork
    {
        Durability Durability { get; }

        Exception? Failure { get; }

        /// <summary>Runs the statements; false and <see cref="Failure"/> when they threw.</summary>
        bool Run(SqliteSession session);

        /// <summary>Cancelled before it began: its caller has been told.</summary>
        bool Withdrawn();

        void Complete();

        void Fail(Exception error);
    }

    private sealed class Work<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) : IWork
    {
        // Callers go on elsewhere: the writer thread never runs their code.
        private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? result;

        public Durability Durability => durability;

        public Exception? Failure { get; private set; }

        public Task<T> Task => completion.Task;

        public bool Run(SqliteSession session)
        {
            try
            {
                Failure = null;
                var task = work(session);
                if (!task.IsCompleted) throw new InvalidOperationException("Database work must not wait for anything but its session.");
                result = task.GetAwaiter().GetResult();
                return true;
            }
            catch (Exception e)
            {
                Failure = e;
                return false;
            }
        }

        public bool Withdrawn() => cancellationToken.IsCancellationRequested && completion.TrySetCanceled(cancellationToken);

        public void Complete()
        {
            if (Failure is null) completion.TrySetResult(result!);
            else completion.TrySetException(Failure);
        }

        public void Fail(Exception error) => completion.TrySetException(error);
    }
}

/// <summary>The database was written by a newer version of Longshore.</summary>
public sealed class SchemaTooNewException(long found, long known)
    : InvalidOperationException($"The database has schema {found}; this version of Longshore knows up to {known}. Run the newer version, or restore a backup.");
