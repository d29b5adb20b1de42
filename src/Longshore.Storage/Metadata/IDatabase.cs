namespace Longshore.Storage.Metadata;

/// <summary>
/// The relational store behind everything that is not a body. One text of SQL serves both databases; what differs sits
/// behind <see cref="DbSession"/> and the migrations.
/// </summary>
public interface IDatabase : IAsyncDisposable
{
    /// <summary>Whether other servers may use the same database at the same time.</summary>
    bool IsShared => false;

    /// <summary>
    /// Runs a read on one connection. Each statement sees what was committed when it began; several statements that
    /// must agree belong in <see cref="ReadSnapshotAsync"/>. The work may be run again after its connection broke, so it must have no effect but its result.
    /// </summary>
    ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken);

    /// <summary>Runs a read in one snapshot: no statement sees a commit that another one does not.</summary>
    ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken);

    /// <summary>
    /// Runs a write in a transaction of its own meaning: all of it is committed when the task completes, or nothing.
    /// Writes see each other in commit order. The work may be run again after a rollback that was not its fault, so it
    /// must have no effect but on the session.
    /// </summary>
    /// <param name="durability">Whether the caller waits for the bytes to be on disk.</param>
    /// <param name="work">The statements. Throwing rolls back this work alone.</param>
    /// <param name="cancellationToken">Withdraws work that has not begun; work that has begun is finished.</param>
    ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken);

    /// <summary>
    /// As <see cref="WriteAsync"/>, for works on hot paths that stay right beside each other: they lock the rows that they decide from
    /// (<see cref="DbSession"/>'s lock comments), or decide in the statement that writes. A work of <see cref="WriteAsync"/> never runs
    /// beside any other. Which ones: docs/decisions/0016-writes-on-postgresql.md. On SQLite, whose writer is one, the same as <see cref="WriteAsync"/>.
    /// </summary>
    ValueTask<T> WriteBesideAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) =>
        WriteAsync(durability, work, cancellationToken);

    /// <summary>Whether it answers, and would take a write.</summary>
    /// <exception cref="DatabaseAwayException">It does not.</exception>
    async ValueTask CheckAnswersAsync(CancellationToken cancellationToken) =>
        await ReadAsync(static session => session.QueryFirstAsync("SELECT 1", static row => row.GetInt64(0)), cancellationToken);

    /// <summary>Asks whether the database's schema is still one that this version works on: null, or why not. For probes: it is cheap.</summary>
    ValueTask<string?> FindSchemaFaultAsync(CancellationToken cancellationToken) => ValueTask.FromResult<string?>(null);

    /// <summary>What the database's own clock says at this moment; null when it has none but this machine's.</summary>
    ValueTask<DateTimeOffset?> ReadClockAsync(CancellationToken cancellationToken) => ValueTask.FromResult<DateTimeOffset?>(null);

    /// <summary>
    /// Has the database check its own structure: pages, indexes, foreign keys. What is wrong, one sentence each; empty
    /// when nothing is. Reads everything once.
    /// </summary>
    ValueTask<IReadOnlyList<string>> CheckStructureAsync(CancellationToken cancellationToken);
}

/// <summary>What a completed write promises.</summary>
public enum Durability
{
    /// <summary>Committed and synced: survives power loss. For everything that is acknowledged to a client.</summary>
    Synced,

    /// <summary>
    /// Committed, synced by the next synced write or checkpoint: survives a killed process, and may be lost with the
    /// machine. For upload sessions, pull times and leases.
    /// </summary>
    Relaxed,
}
