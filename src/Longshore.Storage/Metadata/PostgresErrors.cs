using System.Data.Common;
using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>The database does not answer: it is away, starting, stopping, or out of connections. What was asked may be asked again later.</summary>
public sealed class DatabaseAwayException(string message, Exception inner) : DbException(message, inner)
{
    /// <inheritdoc/>
    public override bool IsTransient => true;
}

/// <summary>What PostgreSQL's errors mean here.</summary>
internal static class PostgresErrors
{
    /// <summary>The database undid the transaction because of another one: it may run again.</summary>
    public static bool IsConflict(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    /// <summary>The connection is no more, or could not be had.</summary>
    public static bool IsAway(Exception error) => error switch
    {
        // 57: stopped or starting, or it ended this session; 08: connection; 53300: too many connections. 57014 is a cancelled statement.
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => false,
        PostgresException postgres => postgres.SqlState.StartsWith("57P", StringComparison.Ordinal) || postgres.SqlState.StartsWith("08", StringComparison.Ordinal)
            || postgres.SqlState is PostgresErrorCodes.TooManyConnections or IdleInTransaction,
        NpgsqlException { InnerException: TimeoutException or IOException or System.Net.Sockets.SocketException } => true,
        NpgsqlException npgsql => npgsql.IsTransient,
        TimeoutException => true,
        _ => false,
    };

    /// <summary>The connection was ended while it was idle or at work, and a fresh one may do; a statement that timed out is not that.</summary>
    public static bool IsBroken(Exception error) => IsAway(error) && error is not TimeoutException and not NpgsqlException { InnerException: TimeoutException };

    /// <summary>The error in the words of this project.</summary>
    /// <param name="error">What Npgsql threw.</param>
    /// <param name="address">Which database.</param>
    /// <param name="connected">Whether there was a connection: without one, whatever the reason, the database is away.</param>
    public static Exception Translate(Exception error, PostgresAddress address, bool connected) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } full => new Blobs.StorageFullException("The metadata database has no room left.", full),
        _ when !connected || IsAway(error) => new DatabaseAwayException($"The database {address} does not answer: {error.Message}", error),
        _ => error,
    };

    private const string IdleInTransaction = "25P03";
}
