namespace Longshore.Server.Content;

/// <summary>Log messages of content. Event ids 1100 to 1199; never reused.</summary>
internal static partial class ContentLog
{
    [LoggerMessage(1100, LogLevel.Information, "Ended {Count} abandoned uploads")]
    public static partial void UploadsExpired(ILogger logger, int count);

    [LoggerMessage(1103, LogLevel.Error, "The body {Digest} was not moved between storage and archive")]
    public static partial void BodyNotMoved(this ILogger logger, Exception exception, string digest);

    [LoggerMessage(1102, LogLevel.Error, "Pull times could not be written; it is tried again")]
    public static partial void PullTimesNotKept(ILogger logger, Exception exception);
}
