namespace Longshore.Server.Hosting.Jobs;

/// <summary>Messages of jobs: event ids 1050 to 1069 of hosting's.</summary>
internal static partial class JobLog
{
    [LoggerMessage(1050, LogLevel.Error, "Job {Kind} '{Name}' failed for the {Attempts}. time in a row; it is tried again at {Next:u}.")]
    public static partial void JobFailed(this ILogger logger, Exception exception, string kind, string name, long attempts, DateTimeOffset next);

    [LoggerMessage(1051, LogLevel.Warning, "Job {Kind} '{Name}' was taken over by another server, or removed, while it ran here.")]
    public static partial void JobLost(this ILogger logger, string kind, string name);

    [LoggerMessage(1052, LogLevel.Warning, "Job {Kind} '{Name}' is taken over: the server that ran it has not renewed its lease.")]
    public static partial void JobTakenOver(this ILogger logger, string kind, string name);

    [LoggerMessage(1053, LogLevel.Error, "Jobs could not be looked for; it is tried again.")]
    public static partial void PollFailed(this ILogger logger, Exception exception);

    [LoggerMessage(1054, LogLevel.Error, "The end of job {Kind} '{Name}' could not be written; it will be run again.")]
    public static partial void EndNotKept(this ILogger logger, Exception exception, string kind, string name);
}
