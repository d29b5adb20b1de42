namespace Longshore.Server.Oci;

/// <summary>Messages of the distribution API: event ids 3000 to 3099.</summary>
internal static partial class OciLog
{
    [LoggerMessage(3002, LogLevel.Information, "Repository {Repository} of {Registry} was created on push by {Principal}.")]
    public static partial void CreatedOnPush(this ILogger logger, string repository, string registry, string principal);
}
