using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>
/// Bodies in the store that no row of <c>blobs</c> names (table <c>loose_bodies</c>): orphans that the scrub noted, and collected bodies between the end
/// of their row and their unlink.
/// </summary>
internal static class LooseBodies
{
    /// <summary>
    /// To be called in the transaction that gives a freshly written body its row. Throws when the scrub has taken the body for an orphan and is unlinking
    /// it: then the bytes must be sent again. Locks a note of the scrub until the commit, so that it cannot begin to.
    /// </summary>
    public static async ValueTask RequireNotDoomedAsync(DbSession session, string location)
    {
        var doomed = await session.QueryFirstAsync(
            "SELECT doomed_at FROM loose_bodies WHERE location = @location /*lock FOR KEY SHARE*/",
            static row => row.GetInt64OrNull(0),
            ("@location", location));
        // Only a publish that took longer than the scrub waits (Collector.OrphanAge) comes here.
        if (doomed is not null) throw new IOException($"The body {location} waited too long for its row and is being removed as an orphan.");
    }
}
