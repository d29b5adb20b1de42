using System.Data.Common;
using System.Threading.Channels;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting.Jobs;

/// <summary>A job that this server runs: its row, and the token that says so.</summary>
internal sealed record JobClaim(long Id, string Kind, string Name, string Token, long Attempts, string? Progress);

/// <summary>A job that is due, and since when as its row has it.</summary>
internal readonly record struct DueJob(long Id, long DueAt);

/// <summary>Somebody's lease on a job, as it stands in the row.</summary>
internal readonly record struct JobLease(long Id, string Token, long RenewedTo);

/// <summary>A job as an observer sees it.</summary>
/// <param name="Kind">Which handler.</param>
/// <param name="Name">What it is about.</param>
/// <param name="DueAt">When it runs next; null while it runs and nobody asked for another run.</param>
/// <param name="Running">Whether a server runs it.</param>
/// <param name="Attempts">Failures in a row.</param>
/// <param name="Progress">The handler's own JSON.</param>
/// <param name="LastError">Why the last run failed; null when it did not.</param>
/// <param name="StartedAt">When the last run began.</param>
/// <param name="FinishedAt">When a run last succeeded.</param>
internal sealed record JobState(
    string Kind, string Name, DateTimeOffset? DueAt, bool Running, long Attempts, string? Progress, string? LastError, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt);

/// <summary>
/// The rows of background work. A row is claimed by compare-and-set and runs under a token: every later change of its run names the
/// token, so a run that has lost its row changes nothing any more.
/// </summary>
/// <remarks>
/// While a job runs, its due time is <see cref="Running"/>; a trigger puts a time there, and so is not lost when the run ends.
/// Whether a lease is over is never asked of the wall clock, which jumps: <see cref="LeaseWatch"/> measures how long a lease goes without renewal.
/// </remarks>
internal sealed class JobStore(IDatabase database, TimeProvider time)
{
    /// <summary>Due time of a job that runs: the last microsecond of the year 9999.</summary>
    private const long Running = 253_402_300_799_999_999;

    /// <summary>Longest text kept of a failure.</summary>
    private const int MaxError = 500;

    private const string StateColumns = "kind, name, due_at, lease_token, attempts, progress, last_error, started_at, finished_at";

    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(1);

    /// <summary>The time by which jobs are due.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Sees to it that there is a job; one that is there stays as it is.</summary>
    public ValueTask<bool> EnsureAsync(string kind, string name, DateTimeOffset dueAt, CancellationToken cancellationToken) =>
        database.WriteBesideAsync(Durability.Synced, session => EnsureAsync(session, kind, name, dueAt), cancellationToken);

    /// <summary>The same in the caller's transaction. True when the job is new.</summary>
    public static async ValueTask<bool> EnsureAsync(DbSession session, string kind, string name, DateTimeOffset dueAt) => await session.ExecuteAsync(
        "INSERT INTO jobs (kind, name, due_at, attempts) VALUES (@kind, @name, @due, 0) ON CONFLICT (kind, name) DO NOTHING",
        ("@kind", kind),
        ("@name", name),
        ("@due", dueAt.ToDatabase())) == 1;

    /// <summary>Makes a job due now, and makes it when there is none. One that runs at this moment runs once more afterwards.</summary>
    public async ValueTask TriggerAsync(string kind, string name, CancellationToken cancellationToken)
    {
        await database.WriteBesideAsync(Durability.Synced, session => TriggerAsync(session, kind, name), cancellationToken);
        Wake();
    }

    /// <summary>The same in the caller's transaction; call <see cref="Wake"/> after the commit, or the job begins up to a poll later.</summary>
    public ValueTask<int> TriggerAsync(DbSession session, string kind, string name) => session.ExecuteAsync(
        """
        INSERT INTO jobs (kind, name, due_at, attempts) VALUES (@kind, @name, @now, 0)
        ON CONFLICT (kind, name) DO UPDATE SET due_at = CASE WHEN jobs.due_at < excluded.due_at THEN jobs.due_at ELSE excluded.due_at END
        """,
        ("@kind", kind),
        ("@name", name),
        ("@now", time.GetUtcNow().ToDatabase()));

    /// <summary>Removes a job. A run of it is told to stop at its next renewal.</summary>
    public ValueTask<int> RemoveAsync(string kind, string name, CancellationToken cancellationToken) =>
        database.WriteBesideAsync(Durability.Synced, session => RemoveAsync(session, kind, name), cancellationToken);

    /// <summary>The same in the caller's transaction.</summary>
    public static ValueTask<int> RemoveAsync(DbSession session, string kind, string name) =>
        session.ExecuteAsync("DELETE FROM jobs WHERE kind = @kind AND name = @name", ("@kind", kind), ("@name", name));

    /// <summary>One job, or null.</summary>
    public ValueTask<JobState?> FindAsync(string kind, string name, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstAsync($"SELECT {StateColumns} FROM jobs WHERE kind = @kind AND name = @name", ReadState, ("@kind", kind), ("@name", name)),
        cancellationToken);

    /// <summary>Jobs of a kind in byte order of their names, those after <paramref name="after"/> (null: from the first); at most <paramref name="limit"/>.</summary>
    public ValueTask<List<JobState>> ListAsync(string kind, string? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => after is null
            ? session.QueryAsync($"SELECT {StateColumns} FROM jobs WHERE kind = @kind ORDER BY name LIMIT @limit", ReadState, ("@kind", kind), ("@limit", (long)limit))
            : session.QueryAsync(
                $"SELECT {StateColumns} FROM jobs WHERE kind = @kind AND name > @after ORDER BY name LIMIT @limit",
                ReadState,
                ("@kind", kind),
                ("@after", after),
                ("@limit", (long)limit)),
        cancellationToken);

    /// <summary>Lets the runner of this process look at once.</summary>
    public void Wake() => wake.Writer.TryWrite(true);

    /// <summary>Waits until somebody calls <see cref="Wake"/>, or the time is over.</summary>
    internal async Task WaitAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var woken = wake.Reader.WaitToReadAsync(ended.Token).AsTask();
        await Task.WhenAny(woken, Task.Delay(atMost, time, ended.Token));
        await ended.CancelAsync();
        try
        {
            await woken;
            wake.Reader.TryRead(out _);
        }
        catch (OperationCanceledException)
        {
            // The time was over, or the server stops: the caller looks which.
        }
    }

    /// <summary>Jobs of a kind that nobody runs and that are due, or due so far ahead that a wrong clock set it.</summary>
    internal async ValueTask<List<DueJob>> ListDueAsync(string kind, TimeSpan maxDelay, int limit, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return await database.ReadAsync(
            async session =>
            {
                var due = await session.QueryAsync(
                    "SELECT id, due_at FROM jobs WHERE kind = @kind AND due_at <= @now AND lease_token IS NULL ORDER BY due_at LIMIT @limit",
                    static row => new DueJob(row.GetInt64(0), row.GetInt64(1)),
                    ("@kind", kind),
                    ("@now", now.ToDatabase()),
                    ("@limit", (long)limit));
                if (due.Count == limit) return due;
                due.AddRange(await session.QueryAsync(
                    "SELECT id, due_at FROM jobs WHERE kind = @kind AND due_at > @far AND lease_token IS NULL ORDER BY due_at LIMIT @limit",
                    static row => new DueJob(row.GetInt64(0), row.GetInt64(1)),
                    ("@kind", kind),
                    ("@far", now.ToDatabase() + (2 * (long)maxDelay.TotalMicroseconds)),
                    ("@limit", (long)(limit - due.Count))));
                return due;
            },
            cancellationToken);
    }

    /// <summary>The leases of a kind's running jobs.</summary>
    internal ValueTask<List<JobLease>> ListLeasesAsync(string kind, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            "SELECT id, lease_token, leased_until FROM jobs WHERE kind = @kind AND lease_token IS NOT NULL ORDER BY id LIMIT 1000",
            static row => new JobLease(row.GetInt64(0), row.GetString(1), row.GetInt64(2)),
            ("@kind", kind)),
        cancellationToken);

    /// <summary>Takes a job that nobody runs; null when somebody was faster, also one who has run it to its end already.</summary>
    internal ValueTask<JobClaim?> TryClaimAsync(DueJob due, TimeSpan lease, CancellationToken cancellationToken)
    {
        var (token, now) = (Guid.NewGuid().ToString("N"), time.GetUtcNow());
        // Relaxed: a claim that a power cut takes back belonged to a process that the power cut ended.
        return database.WriteBesideAsync(
            Durability.Relaxed,
            session => session.QueryFirstAsync(
                """
                UPDATE jobs SET lease_token = @mine, leased_until = @new, started_at = @now, due_at = @running
                WHERE id = @id AND lease_token IS NULL AND due_at = @due
                RETURNING id, kind, name, attempts, progress
                """,
                row => ReadClaim(row, token),
                ("@mine", token),
                ("@new", (now + lease).ToDatabase()),
                ("@now", now.ToDatabase()),
                ("@running", Running),
                ("@id", due.Id),
                ("@due", due.DueAt)),
            cancellationToken);
    }

    /// <summary>Takes a job whose lease was not renewed; null when it was, or somebody was faster.</summary>
    internal ValueTask<JobClaim?> TryTakeOverAsync(JobLease dead, TimeSpan lease, CancellationToken cancellationToken)
    {
        var (token, now) = (Guid.NewGuid().ToString("N"), time.GetUtcNow());
        return database.WriteBesideAsync(
            Durability.Relaxed,
            session => session.QueryFirstAsync(
                """
                UPDATE jobs SET lease_token = @mine, leased_until = @new, started_at = @now, due_at = @running
                WHERE id = @id AND lease_token = @token AND leased_until = @until
                RETURNING id, kind, name, attempts, progress
                """,
                row => ReadClaim(row, token),
                ("@mine", token),
                ("@new", (now + lease).ToDatabase()),
                ("@now", now.ToDatabase()),
                ("@running", Running),
                ("@id", dead.Id),
                ("@token", dead.Token),
                ("@until", dead.RenewedTo)),
            cancellationToken);
    }

    /// <summary>Ends the leases of all jobs: of a process that died, when no other server can use the database.</summary>
    internal ValueTask<int> ReleaseAllAsync(CancellationToken cancellationToken) => database.WriteBesideAsync(
        Durability.Synced,
        session => session.ExecuteAsync(
            "UPDATE jobs SET lease_token = NULL, leased_until = NULL, due_at = @now WHERE lease_token IS NOT NULL",
            ("@now", time.GetUtcNow().ToDatabase())),
        cancellationToken);

    /// <summary>Renews a lease; false when the row is somebody else's, or gone.</summary>
    internal ValueTask<bool> RenewAsync(JobClaim claim, TimeSpan lease, CancellationToken cancellationToken) => database.WriteBesideAsync(
        Durability.Relaxed,
        async session => await session.ExecuteAsync(
            // Always another value, also when the clock went back: that it changed is what the others go by.
            "UPDATE jobs SET leased_until = CASE WHEN leased_until >= @until THEN leased_until + 1 ELSE @until END WHERE id = @id AND lease_token = @token",
            ("@until", (time.GetUtcNow() + lease).ToDatabase()),
            ("@id", claim.Id),
            ("@token", claim.Token)) == 1,
        cancellationToken);

    /// <summary>Keeps a run's progress; false when the run has lost its row.</summary>
    internal static async ValueTask<bool> SaveProgressAsync(DbSession session, JobClaim claim, string? progress) => await session.ExecuteAsync(
        "UPDATE jobs SET progress = @progress WHERE id = @id AND lease_token = @token",
        ("@progress", progress),
        ("@id", claim.Id),
        ("@token", claim.Token)) == 1;

    /// <summary>Ends a run that succeeded. Null removes the row, unless another run was asked for meanwhile.</summary>
    internal ValueTask<bool> CompleteAsync(JobClaim claim, DateTimeOffset? nextDue, CancellationToken cancellationToken) => database.WriteBesideAsync(
        Durability.Synced,
        async session =>
        {
            if (nextDue is null && await session.ExecuteAsync(
                "DELETE FROM jobs WHERE id = @id AND lease_token = @token AND due_at = @running",
                ("@id", claim.Id),
                ("@token", claim.Token),
                ("@running", Running)) == 1)
                return true;
            var now = time.GetUtcNow();
            return await session.ExecuteAsync(
                """
                UPDATE jobs SET lease_token = NULL, leased_until = NULL, attempts = 0, last_error = NULL, finished_at = @now,
                    due_at = CASE WHEN due_at = @running THEN @next ELSE due_at END
                WHERE id = @id AND lease_token = @token
                """,
                ("@now", now.ToDatabase()),
                ("@running", Running),
                ("@next", (nextDue ?? now).ToDatabase()),
                ("@id", claim.Id),
                ("@token", claim.Token)) == 1;
        },
        cancellationToken);

    /// <summary>Ends a run that failed.</summary>
    internal ValueTask<bool> FailAsync(JobClaim claim, string error, DateTimeOffset nextDue, CancellationToken cancellationToken) => database.WriteBesideAsync(
        Durability.Synced,
        async session => await session.ExecuteAsync(
            """
            UPDATE jobs SET lease_token = NULL, leased_until = NULL, attempts = attempts + 1, last_error = @error,
                due_at = CASE WHEN due_at = @running THEN @next ELSE due_at END
            WHERE id = @id AND lease_token = @token
            """,
            ("@error", error.Length > MaxError ? error[..MaxError] : error),
            ("@running", Running),
            ("@next", nextDue.ToDatabase()),
            ("@id", claim.Id),
            ("@token", claim.Token)) == 1,
        cancellationToken);

    /// <summary>Gives a job back that was interrupted: it is due at once.</summary>
    internal ValueTask<bool> ReleaseAsync(JobClaim claim, CancellationToken cancellationToken) => database.WriteBesideAsync(
        Durability.Relaxed,
        async session => await session.ExecuteAsync(
            "UPDATE jobs SET lease_token = NULL, leased_until = NULL, due_at = @now WHERE id = @id AND lease_token = @token",
            ("@now", time.GetUtcNow().ToDatabase()),
            ("@id", claim.Id),
            ("@token", claim.Token)) == 1,
        cancellationToken);

    private static JobClaim ReadClaim(DbDataReader row, string token) =>
        new(row.GetInt64(0), row.GetString(1), row.GetString(2), token, row.GetInt64(3), row.GetStringOrNull(4));

    private static JobState ReadState(DbDataReader row) => new(
        row.GetString(0),
        row.GetString(1),
        row.GetInt64(2) == Running ? null : row.GetTime(2),
        !row.IsDBNull(3),
        row.GetInt64(4),
        row.GetStringOrNull(5),
        row.GetStringOrNull(6),
        row.GetTimeOrNull(7),
        row.GetTimeOrNull(8));
}
