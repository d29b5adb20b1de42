using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>Learns what collection frees of what a plan let go of (table <c>released_blobs</c>): the receipt's other half.</summary>
internal interface IFreedBytes
{
    /// <summary>Counts bodies whose rows end in this transaction. It stands or falls with it, so every body is counted once.</summary>
    /// <param name="session">The collector's transaction.</param>
    /// <param name="planId">The plan that let go of them last; it need not exist any more.</param>
    /// <param name="bodies">How many.</param>
    /// <param name="bytes">Their bytes on disk.</param>
    ValueTask AddAsync(DbSession session, string planId, long bodies, long bytes);
}
