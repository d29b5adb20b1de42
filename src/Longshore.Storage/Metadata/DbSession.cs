using System.Data.Common;

namespace Longshore.Storage.Metadata;

/// <summary>A named argument of a statement; the name carries its <c>@</c>.</summary>
public readonly record struct DbArg(string Name, object? Value)
{
    /// <summary>Lets <c>("@repo", id)</c> stand for an argument.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2225", Justification = "The constructor is the named alternative.")]
    public static implicit operator DbArg((string Name, object? Value) pair) => new(pair.Name, pair.Value);
}

/// <summary>
/// One connection in use by one caller, with its prepared statements. The same texts run on SQLite (where the tasks are
/// complete when they are returned) and on PostgreSQL. Arguments are long, string, byte[], bool (kept as 0 and 1), or null.
/// </summary>
/// <remarks>
/// A SELECT whose rows must stand until the commit ends in <c>/*lock FOR KEY SHARE*/</c> (nobody may delete or condemn them) or
/// <c>/*lock FOR UPDATE*/</c> (nobody may reference them either). To SQLite, whose writers are serial, that is a comment; PostgreSQL's
/// session takes it out of the comment. A condition on other tables is asked in a later statement than the lock: only that one
/// sees what was committed while the lock was waited for.
/// </remarks>
public abstract class DbSession
{
    /// <summary>Runs a statement and gives the number of rows changed.</summary>
    public abstract ValueTask<int> ExecuteAsync(string sql, params ReadOnlySpan<DbArg> args);

    /// <summary>The first row as the mapper sees it, or the default when there is none.</summary>
    public abstract ValueTask<T?> QueryFirstAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args);

    /// <summary>All rows. The statement must carry a LIMIT or be bounded by its meaning: memory must not grow with the registry.</summary>
    public abstract ValueTask<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<DbArg> args);
}

/// <summary>Column access by position with the types that the schema uses.</summary>
public static class DbDataReaderExtensions
{
    /// <summary>Text, or null.</summary>
    public static string? GetStringOrNull(this DbDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);

    /// <summary>A 64-bit number, or null.</summary>
    public static long? GetInt64OrNull(this DbDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? null : reader.GetInt64(ordinal);

    /// <summary>A time, kept as microseconds since 1970 UTC.</summary>
    public static DateTimeOffset GetTime(this DbDataReader reader, int ordinal) => DbTime.FromDatabase(reader.GetInt64(ordinal));

    /// <summary>A time or null.</summary>
    public static DateTimeOffset? GetTimeOrNull(this DbDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? null : reader.GetTime(ordinal);

    /// <summary>Bytes.</summary>
    public static byte[] GetBytes(this DbDataReader reader, int ordinal) => reader.GetFieldValue<byte[]>(ordinal);
}

/// <summary>How times are kept: whole microseconds since 1970 UTC, so that both databases order and compare them alike.</summary>
public static class DbTime
{
    /// <summary>To the stored form.</summary>
    public static long ToDatabase(this DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>From the stored form.</summary>
    public static DateTimeOffset FromDatabase(long microseconds) =>
        new(DateTimeOffset.UnixEpoch.Ticks + (microseconds * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
}
