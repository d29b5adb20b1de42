using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>
/// Bodies in the store that no row of <c>blobs</c> names (table <c>loose_bodies</c>): orphans that the scrub noted, and collected bodies between the end
/// of their row and their unlink.
/// </summary>
internal static class LooseBodies
{
    /// <summary>
    /// To be called in the transaction that gives a freshly written body its row. Throws when the scrub has taken the body for an orphan and is unlinking
    /// it: then the bytes must be sent again. Locks a note of the scrub until the commit, so that it cannot begin to.
    /// </summary>
    public static async ValueTask RequireNotDoomedAsync(DbSession session, string location)
    {
        var doomed = await session.QueryFirstAsync(
            "SELECT doomed_at FROM loose_bodies WHERE location = @location /*lock FOR KEY SHARE*/",
            static row => row.GetInt64OrNull(0),
            ("@location", location));
        // Only a publish that took longer than the scrub waits (Collector.OrphanAge) comes here.
        if (doomed is not null) throw new IOException($"The body {location} waited too long for its row and is being removed as an orphan.");
    }

    /// <summary>Notes a body whose row ends in this transaction: from now on it is only bytes to be unlinked.</summary>
    public static ValueTask<int> DoomAsync(DbSession session, string location, string digest, long size, DateTimeOffset now) => session.ExecuteAsync(
        """
        INSERT INTO loose_bodies (location, digest, size, seen_at, doomed_at) VALUES (@location, @digest, @size, 0, @now)
        ON CONFLICT (location) DO UPDATE SET seen_at = 0, doomed_at = excluded.doomed_at
        """,
        ("@location", location),
        ("@digest", digest),
        ("@size", size),
        ("@now", now.ToDatabase()));

    /// <summary>Notes an orphan that the scrub found; false when it was noted before.</summary>
    public static async ValueTask<bool> NoteAsync(DbSession session, StoredBody body, DateTimeOffset now) => await session.ExecuteAsync(
        "INSERT INTO loose_bodies (location, digest, size, seen_at) VALUES (@location, @digest, @size, @now) ON CONFLICT (location) DO NOTHING",
        ("@location", body.Location),
        ("@digest", body.Digest.Value),
        ("@size", body.Length),
        ("@now", now.ToDatabase())) == 1;

    /// <summary>Doomed bodies and orphans that were noted up to a time; the doomed first.</summary>
    public static ValueTask<List<LooseBody>> ListAsync(DbSession session, DateTimeOffset notedUntil, int limit) => session.QueryAsync(
        "SELECT location, size, seen_at = 0, doomed_at IS NOT NULL FROM loose_bodies WHERE seen_at <= @until ORDER BY seen_at LIMIT @limit",
        static row => new LooseBody(row.GetString(0), row.GetInt64(1), row.GetBoolean(2), row.GetBoolean(3)),
        ("@until", notedUntil.ToDatabase()),
        ("@limit", (long)limit));

    /// <summary>Dooms a noted orphan that still has no row; forgets the note when it has one. Whether it is doomed now.</summary>
    public static async ValueTask<bool> TryDoomAsync(DbSession session, string location, DateTimeOffset now)
    {
        var digest = await session.QueryFirstAsync(
            "SELECT digest FROM loose_bodies WHERE location = @location AND doomed_at IS NULL /*lock FOR UPDATE*/",
            static row => row.GetString(0),
            ("@location", location));
        if (digest is null) return false;
        // After the lock: a publish that came first has its row by now, one that comes later sees that it is doomed.
        var hasRow = await session.QueryFirstAsync(
            "SELECT 1 FROM blobs WHERE digest = @digest AND location = @location",
            static row => row.GetInt64(0),
            ("@digest", digest),
            ("@location", location)) == 1;
        if (hasRow) await ForgetAsync(session, location);
        else await session.ExecuteAsync("UPDATE loose_bodies SET doomed_at = @now WHERE location = @location", ("@now", now.ToDatabase()), ("@location", location));
        return !hasRow;
    }

    /// <summary>Forgets a body that is gone.</summary>
    public static ValueTask<int> ForgetAsync(DbSession session, string location) =>
        session.ExecuteAsync("DELETE FROM loose_bodies WHERE location = @location", ("@location", location));

    /// <summary>Lets a doomed body that cannot be unlinked wait as an orphan that was found now would.</summary>
    public static ValueTask<int> PostponeAsync(DbSession session, string location, DateTimeOffset now) =>
        session.ExecuteAsync("UPDATE loose_bodies SET seen_at = @now WHERE location = @location", ("@now", now.ToDatabase()), ("@location", location));

    /// <summary>Whether a body is noted as one that only waits to be unlinked.</summary>
    public static async ValueTask<bool> IsDoomedAsync(DbSession session, string location) => await session.QueryFirstAsync(
        "SELECT 1 FROM loose_bodies WHERE location = @location AND doomed_at IS NOT NULL",
        static row => row.GetInt64(0),
        ("@location", location)) == 1;

    /// <summary>Whether a row of <c>blobs</c> has its body here, in whatever state.</summary>
    public static async ValueTask<bool> HasRowAsync(DbSession session, StoredBody body) => await session.QueryFirstAsync(
        "SELECT 1 FROM blobs WHERE digest = @digest AND location = @location",
        static row => row.GetInt64(0),
        ("@digest", body.Digest.Value),
        ("@location", body.Location)) == 1;
}

/// <summary>A row of <c>loose_bodies</c>.</summary>
/// <param name="Location">Where it is.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Collected">Whether it had a row that collection ended; else it is an orphan.</param>
/// <param name="Doomed">Whether it may be unlinked without asking anything more.</param>
internal readonly record struct LooseBody(string Location, long Size, bool Collected, bool Doomed);
