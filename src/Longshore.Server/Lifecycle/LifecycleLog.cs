namespace Longshore.Server.Lifecycle;

/// <summary>Log messages of lifecycle policies: 4000 to 4099.</summary>
internal static partial class LifecycleLog
{
    [LoggerMessage(4000, LogLevel.Information, "Lifecycle of {Repository} in {Registry}: {Done} images done, {NotDone} kept as they had changed, {Vetoed} kept by protection or use; plan {Plan}.")]
    public static partial void Applied(this ILogger logger, string repository, string registry, long done, long notDone, long vetoed, string plan);

    [LoggerMessage(4001, LogLevel.Error, "Plan {Plan} could not be made.")]
    public static partial void PlanFailed(this ILogger logger, Exception exception, string plan);

    [LoggerMessage(4002, LogLevel.Warning, "Lifecycle runs stand still: {Reason}")]
    public static partial void ClockRefused(this ILogger logger, string reason);
}
