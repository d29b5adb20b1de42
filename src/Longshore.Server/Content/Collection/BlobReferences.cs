using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>
/// What keeps a body: links of repositories (<c>repository_blobs</c>) and images in the recycle bin (<c>recycled_blobs</c>). Whoever takes the
/// last one away condemns the body in the same transaction; whoever adds one makes it live again.
/// </summary>
/// <remarks>
/// Right under SQLite's serial writers and under PostgreSQL's READ COMMITTED: a condition on references is asked after the body's row is locked
/// against new ones, and who adds one locks the row against that first.
/// </remarks>
internal static class BlobReferences
{
    /// <summary>
    /// To be called before the row of an image goes: its links get a lease, so that the collector looks at them again when that is over.
    /// </summary>
    /// <param name="session">The transaction that deletes the image.</param>
    /// <param name="manifestId">The image.</param>
    /// <param name="until">Until when the bodies stay even if nothing else names them: now + <see cref="ContentOptions.CollectionGrace"/>. A longer lease stays.</param>
    /// <param name="planId">The plan that removes the image: what collection frees of it is counted there; null when no plan does.</param>
    public static async ValueTask LeaseLinksOfAsync(DbSession session, long manifestId, DateTimeOffset until, string? planId = null)
    {
        await session.ExecuteAsync(
            """
            UPDATE repository_blobs SET leased_until = @until
            WHERE repository_id = (SELECT repository_id FROM manifests WHERE id = @manifest)
              AND blob_id IN (SELECT blob_id FROM manifest_blobs WHERE manifest_id = @manifest)
              AND (leased_until IS NULL OR leased_until < @until)
            """,
            ("@until", until.ToDatabase()),
            ("@manifest", manifestId));
        await ReleaseAsync(session, manifestId, planId);
    }

    /// <summary>
    /// To be called after links or rows of <c>recycled_blobs</c> went: condemns those of the bodies that nothing references any more. How many.
    /// </summary>
    public static async ValueTask<int> CondemnUnreferencedAsync(DbSession session, IEnumerable<long> blobIds, DateTimeOffset now)
    {
        var condemned = 0;
        // In one order everywhere, or two of us could wait for each other.
        foreach (var id in blobIds.Distinct().Order())
        {
            var live = await session.QueryFirstAsync("SELECT id FROM blobs WHERE id = @id AND state = 0 /*lock FOR UPDATE*/", static row => row.GetInt64(0), ("@id", id));
            if (live == 0) continue;
            condemned += await session.ExecuteAsync(
                """
                UPDATE blobs SET state = 1, condemned_at = @now
                WHERE id = @id AND state = 0
                  AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = @id) AND NOT EXISTS (SELECT 1 FROM recycled_blobs WHERE blob_id = @id)
                """,
                ("@now", now.ToDatabase()),
                ("@id", id));
        }

        return condemned;
    }

    /// <summary>Brings a condemned body back to life, if it is still condemned. The caller has locked its row and adds a reference.</summary>
    public static async ValueTask ReviveAsync(DbSession session, long blobId)
    {
        if (await session.ExecuteAsync("UPDATE blobs SET state = 0, condemned_at = NULL WHERE id = @id AND state = 1", ("@id", blobId)) == 0) return;
        // No plan's bytes any more: it is back.
        await session.ExecuteAsync("DELETE FROM released_blobs WHERE blob_id = @id", ("@id", blobId));
    }

    /// <summary>Takes some links of a repository that has no images away, and condemns what nothing else references. How many links went.</summary>
    public static async ValueTask<int> RemoveLinksAsync(DbSession session, long repositoryId, int limit, DateTimeOffset now)
    {
        var blobs = await session.QueryAsync(
            "SELECT blob_id FROM repository_blobs WHERE repository_id = @id ORDER BY blob_id LIMIT @limit /*lock FOR UPDATE*/",
            static row => row.GetInt64(0),
            ("@id", repositoryId),
            ("@limit", (long)limit));
        foreach (var blob in blobs)
            await session.ExecuteAsync("DELETE FROM repository_blobs WHERE repository_id = @id AND blob_id = @blob", ("@id", repositoryId), ("@blob", blob));
        await CondemnUnreferencedAsync(session, blobs, now);
        return blobs.Count;
    }

    /// <summary>Takes some images of a repository out of the recycle bin for good, and condemns what nothing else references. How many images went.</summary>
    public static async ValueTask<int> RemoveRecycledAsync(DbSession session, long repositoryId, int limit, DateTimeOffset now)
    {
        var images = await session.QueryAsync(
            "SELECT id FROM recycled_images WHERE repository_id = @id ORDER BY digest LIMIT @limit",
            static row => row.GetInt64(0),
            ("@id", repositoryId),
            ("@limit", (long)limit));
        var blobs = new List<long>();
        foreach (var image in images)
        {
            // One image names some thousand bodies at the most: its manifest has 4 MiB.
            blobs.AddRange(await session.QueryAsync("SELECT blob_id FROM recycled_blobs WHERE image_id = @image", static row => row.GetInt64(0), ("@image", image)));
            await session.ExecuteAsync("DELETE FROM recycled_images WHERE id = @image", ("@image", image));
        }

        await CondemnUnreferencedAsync(session, blobs, now);
        return images.Count;
    }

    // Who lets go of a body last counts its bytes; without a plan nobody does.
    private static ValueTask<int> ReleaseAsync(DbSession session, long manifestId, string? planId) => planId is null
        ? session.ExecuteAsync(
            "DELETE FROM released_blobs WHERE blob_id IN (SELECT blob_id FROM manifest_blobs WHERE manifest_id = @manifest)",
            ("@manifest", manifestId))
        : session.ExecuteAsync(
            """
            INSERT INTO released_blobs (blob_id, plan_id) SELECT blob_id, @plan FROM manifest_blobs WHERE manifest_id = @manifest
            ON CONFLICT (blob_id) DO UPDATE SET plan_id = excluded.plan_id
            """,
            ("@plan", planId),
            ("@manifest", manifestId));
}
