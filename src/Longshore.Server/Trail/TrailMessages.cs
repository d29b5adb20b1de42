namespace Longshore.Server.Trail;

/// <summary>Messages of the trail: event ids 9000 to 9099.</summary>
internal static partial class TrailMessages
{
    [LoggerMessage(9000, LogLevel.Error, "The trail cannot be written; calls that change something are refused until it can.")]
    public static partial void TrailNotWritten(this ILogger logger, Exception exception);

    [LoggerMessage(9001, LogLevel.Warning, "The trail {State}.")]
    public static partial void TrailRoomChanged(this ILogger logger, string state);

    [LoggerMessage(9002, LogLevel.Warning, "The trail's end is not as it was written: {What}. It goes on in a new segment; longshore trail verify tells more.")]
    public static partial void TrailTorn(this ILogger logger, string what);

    [LoggerMessage(9003, LogLevel.Warning, "{Count} calls had begun when the server died; their records say that their outcome is not known.")]
    public static partial void OutcomesUnknown(this ILogger logger, int count);

    [LoggerMessage(9004, LogLevel.Warning, "A segment of the trail could not be compressed or removed; tried again later.")]
    public static partial void TrailNotTidied(this ILogger logger, Exception exception);

    [LoggerMessage(9005, LogLevel.Warning, "No calls are recorded: this server was started to measure what recording costs.")]
    public static partial void TrailOff(this ILogger logger);

    [LoggerMessage(9006, LogLevel.Information, "Trail segments up to {Segment} removed: {Reason}.")]
    public static partial void SegmentsRemoved(this ILogger logger, long segment, string reason);

    [LoggerMessage(9007, LogLevel.Error, "The record of request {RequestId} could not be made.")]
    public static partial void RecordNotMade(this ILogger logger, Exception exception, string requestId);
}
