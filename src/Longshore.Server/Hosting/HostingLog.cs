namespace Longshore.Server.Hosting;

/// <summary>Messages of hosting: event ids 1000 to 1099.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(1000, LogLevel.Error, "Request {RequestId} {Method} {Path} failed unexpectedly.")]
    public static partial void RequestFailed(this ILogger logger, Exception exception, string requestId, string method, string path);

    [LoggerMessage(1001, LogLevel.Error, "Request {RequestId} {Method} {Path}: the store is full: {Reason}")]
    public static partial void StorageFull(this ILogger logger, string requestId, string method, string path, string reason);

    [LoggerMessage(1009, LogLevel.Warning, "Request {RequestId} {Method} {Path}: the store does not answer: {Reason}")]
    public static partial void StorageUnavailable(this ILogger logger, string requestId, string method, string path, string reason);

    [LoggerMessage(1002, LogLevel.Debug, "Request {RequestId} {Method} {Path}: the client went away or broke the protocol: {Reason}")]
    public static partial void ClientBroke(this ILogger logger, string requestId, string method, string path, string reason);

    [LoggerMessage(1003, LogLevel.Information, "The certificate {Path} was replaced; the new one is valid until {NotAfter:u}.")]
    public static partial void CertificateReplaced(this ILogger logger, string path, DateTime notAfter);

    [LoggerMessage(1004, LogLevel.Error, "The new certificate {Path} cannot be used, the old one stays: {Problem}")]
    public static partial void CertificateKept(this ILogger logger, string path, string problem);

    [LoggerMessage(1005, LogLevel.Information, "Stopping: requests that run have {Seconds} s to finish.")]
    public static partial void Stopping(this ILogger logger, double seconds);

    [LoggerMessage(1053, LogLevel.Information, "Draining: not ready any more; stops accepting in {Seconds} s.")]
    public static partial void Draining(this ILogger logger, double seconds);

    [LoggerMessage(1054, LogLevel.Warning, "Not ready: {Reason}.")]
    public static partial void SchemaNotReady(this ILogger logger, string reason);

    [LoggerMessage(1006, LogLevel.Information, "Stopped.")]
    public static partial void Stopped(this ILogger logger);

    [LoggerMessage(1007, LogLevel.Warning, "Not ready: the {Part} does not answer.")]
    public static partial void NotReady(this ILogger logger, Exception exception, string part);

    [LoggerMessage(1008, LogLevel.Error, "The body of {Digest} ended at {Position} of {Length} bytes while it was served. Run longshore verify.")]
    public static partial void BodyEndedEarly(this ILogger logger, string digest, long position, long length);

    [LoggerMessage(1009, LogLevel.Error, "The stored body of {Digest} has {Found} bytes instead of {Length}. It is not served. Run longshore verify.")]
    public static partial void BodyHasWrongLength(this ILogger logger, string digest, long found, long length);

    [LoggerMessage(1052, LogLevel.Error, "Request {RequestId} ({Method} {Path}) failed: {Reason}")]
    public static partial void DatabaseAway(this ILogger logger, string requestId, string method, string path, string reason);

    [LoggerMessage(1050, LogLevel.Warning, "Request {RequestId} ({Method} {Path}) refused: the bodies of other requests take all the memory that there is for them.")]
    public static partial void NoMemoryForBodies(this ILogger logger, string requestId, string method, string path);

    [LoggerMessage(1051, LogLevel.Debug, "Connection from {Address} closed: it has {Count} open.")]
    public static partial void TooManyConnections(this ILogger logger, System.Net.IPAddress address, int count);

    [LoggerMessage(1055, LogLevel.Warning, "The clock of this server is {Seconds} s {Direction} the database's. Set both by NTP: ages, leases of blobs and times of expiry are counted by the servers' clocks.")]
    public static partial void ClocksDiffer(this ILogger logger, double seconds, string direction);

    [LoggerMessage(1056, LogLevel.Information, "The clocks of this server and the database agree again.")]
    public static partial void ClocksAgree(this ILogger logger);

    [LoggerMessage(1057, LogLevel.Debug, "{Place} could not be compared with the database.")]
    public static partial void StoreNotCompared(this ILogger logger, Exception exception, string place);

    [LoggerMessage(1058, LogLevel.Warning, "Store and clock could not be compared with the database: the next minute tries again.")]
    public static partial void LookFailed(this ILogger logger, Exception exception);
}
