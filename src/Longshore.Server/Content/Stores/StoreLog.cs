namespace Longshore.Server.Content.Stores;

/// <summary>Messages about whose store it is: event ids 1080 to 1089.</summary>
internal static partial class StoreLog
{
    [LoggerMessage(1080, LogLevel.Information, "{Place} is the store {Id} of this database from now on.")]
    public static partial void StoreTaken(this ILogger logger, string place, string id);

    [LoggerMessage(1081, LogLevel.Warning, "{Place} cannot be given an id and is used without: servers that name another place are not noticed.")]
    public static partial void StoreNotMarked(this ILogger logger, Exception exception, string place);

    [LoggerMessage(1082, LogLevel.Error, "No body is read or written: {Fault}")]
    public static partial void StoreRefused(this ILogger logger, string fault);

    [LoggerMessage(1083, LogLevel.Warning, "{Place} does not answer: whether it is the store of this database is asked again with the next request. {Reason}")]
    public static partial void StoreUnknown(this ILogger logger, string place, string reason);

    [LoggerMessage(1084, LogLevel.Information, "{Place} is the store of this database.")]
    public static partial void StoreKnown(this ILogger logger, string place);
}
