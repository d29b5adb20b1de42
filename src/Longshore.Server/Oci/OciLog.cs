namespace Longshore.Server.Oci;

/// <summary>Messages of the distribution API: event ids 3000 to 3099.</summary>
internal static partial class OciLog
{
    [LoggerMessage(3000, LogLevel.Error, "The body of {Digest} ended at {Position} of {Length} bytes while it was served. Run longshore verify.")]
    public static partial void BodyEndedEarly(this ILogger logger, string digest, long position, long length);

    [LoggerMessage(3001, LogLevel.Error, "The stored body of {Digest} has {Found} bytes instead of {Length}. It is not served. Run longshore verify.")]
    public static partial void BodyHasWrongLength(this ILogger logger, string digest, long found, long length);

    [LoggerMessage(3002, LogLevel.Information, "Repository {Repository} of {Registry} was created on push by {Principal}.")]
    public static partial void CreatedOnPush(this ILogger logger, string repository, string registry, string principal);
}
