namespace Longshore.Server.Iam;

/// <summary>Log events of IAM: ids 2200 to 2249, never reused. No secret is ever logged.</summary>
internal static partial class IamLog
{
    [LoggerMessage(2200, LogLevel.Information, "Bootstrap changed: {What}")]
    public static partial void BootstrapChanged(this ILogger logger, string what);

    [LoggerMessage(2201, LogLevel.Information, "Bootstrap file {File} applied: {Changes} changes")]
    public static partial void BootstrapApplied(this ILogger logger, string file, int changes);
}
