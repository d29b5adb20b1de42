namespace Longshore.Server.Content.Collection;

/// <summary>Log messages of collection: event ids 1150 to 1169 of content's.</summary>
internal static partial class CollectionLog
{
    [LoggerMessage(1150, LogLevel.Information, "Collection freed {Bodies} bodies with {Bytes} bytes and removed {Orphans} orphans with {OrphanBytes} bytes; {Condemned} more bodies are condemned.")]
    public static partial void Collected(this ILogger logger, long bodies, long bytes, long orphans, long orphanBytes, long condemned);

    [LoggerMessage(1151, LogLevel.Warning, "The body {Location} could not be unlinked; it is tried again.")]
    public static partial void UnlinkFailed(this ILogger logger, Exception exception, string location);

    [LoggerMessage(1152, LogLevel.Information, "The scrub looked at {Looked} bodies and found {Found} that no row names.")]
    public static partial void Scrubbed(this ILogger logger, long looked, long found);

    [LoggerMessage(1153, LogLevel.Warning, "The sweep looked at {Looked} links and rows and condemned {Condemned} bodies that no lease led to.")]
    public static partial void Swept(this ILogger logger, long looked, long condemned);
}
