using System.Data.Common;
using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>The database does not answer: it is away, starting, stopping, or out of connections. What was asked may be asked again later.</summary>
public sealed class DatabaseAwayException(string message, string reason, Exception? inner = null) : DbException(message, inner)
{
    /// <inheritdoc/>
    public override bool IsTransient => true;

    /// <summary>What is wrong, in a few words that name no host and no user.</summary>
    public string Reason => reason;
}

/// <summary>What PostgreSQL's errors mean here.</summary>
internal static class PostgresErrors
{
    private const string IdleInTransaction = "25P03";

    /// <summary>The database undid the transaction because of another one: it may run again.</summary>
    public static bool IsConflict(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    /// <summary>The database has no connection left for this server; nothing was begun.</summary>
    public static bool IsFull(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.TooManyConnections };

    /// <summary>The connection leads to a standby: to the former primary, when the primary is another one since.</summary>
    public static bool IsStandby(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction };

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
    public static bool IsBroken(Exception error) =>
        IsStandby(error) || (IsAway(error) && !IsFull(error) && error is not TimeoutException and not NpgsqlException { InnerException: TimeoutException });

    /// <summary>The error in the words of this project.</summary>
    /// <param name="error">What Npgsql threw.</param>
    /// <param name="address">Which database.</param>
    /// <param name="connected">Whether there was a connection: without one, whatever the reason, the database is away.</param>
    public static Exception Translate(Exception error, PostgresAddress address, bool connected)
    {
        return error switch
        {
            PostgresException { SqlState: PostgresErrorCodes.DiskFull } full => new Blobs.StorageFullException("The metadata database has no room left.", full),
            PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => Away("a statement took too long", "It was cancelled after the time that statements have."),
            PostgresException { SqlState: Copying.ChangeLog.MovedState } moved => Away("the registry has moved away from it", moved.MessageText + "."),
            _ when IsStandby(error) => Away("it is a standby", "It takes no writes. Name the primary in --database, or all of them: postgres://USER@HOST1,HOST2/DATABASE"),
            _ when IsFull(error) => Away(
                "it has no connection left", "The connections of all servers together (24 each, unless --database …?connections=N says otherwise) must stay below its max_connections."),
            NpgsqlException { InnerException: TimeoutException } when !connected && error.Message.Contains("pool", StringComparison.OrdinalIgnoreCase) => Away(
                "all connections of this server are in use",
                FormattableString.Invariant($"All {address.Connections} were for {PostgresDatabase.ConnectLimit} seconds; --database …?connections=N gives it more.")),
            PostgresException { SqlState: PostgresErrorCodes.CannotConnectNow } => Away("it is starting or stopping", error.Message),
            _ when !connected || IsAway(error) => Away("it does not answer", error.Message),
            _ => error,
        };

        DatabaseAwayException Away(string reason, string more) => new($"The database {address} cannot be used: {reason}. {more}", reason, error);
    }
}
