using Longshore.Core;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Recycling;

/// <summary>How images stand in the recycle bin: what more than one operation needs.</summary>
internal static class RecycledRows
{
    /// <summary>Copies an image into the bin, before its row goes: all that it takes to bring it back, and a reference to each of its bodies.</summary>
    public static async ValueTask InsertAsync(DbSession session, long manifestId, IReadOnlyList<string> tags, RemovalContext context)
    {
        var children = await session.QueryAsync(
            "SELECT m.digest FROM manifest_children c JOIN manifests m ON m.id = c.child_id WHERE c.manifest_id = @manifest ORDER BY m.digest",
            static row => row.GetString(0),
            ("@manifest", manifestId));
        var entry = await session.QueryFirstAsync(
            """
            INSERT INTO recycled_images (repository_id, digest, media_type, artifact_type, subject, annotations, size, image_size, pushed_at, last_pulled_at,
                tags, children, removed_at, removed_by, plan_id, expires_at, bytes, archive_state, archived_at, activated_at)
            SELECT m.repository_id, m.digest, m.media_type, m.artifact_type, m.subject, m.annotations, m.size, m.image_size, m.pushed_at, m.last_pulled_at,
                @tags, @children, @now, @by, @plan, @expires, m.bytes, a.state, a.archived_at, a.activated_at
            FROM manifests m LEFT JOIN archived_images a ON a.manifest_id = m.id
            WHERE m.id = @manifest
            RETURNING id
            """,
            static row => row.GetInt64(0),
            ("@tags", string.Join('\n', tags)),
            ("@children", string.Join('\n', children)),
            ("@now", context.Now.ToDatabase()),
            ("@by", context.By),
            ("@plan", context.PlanId),
            ("@expires", (context.Now + context.Retention).ToDatabase()),
            ("@manifest", manifestId));
        await session.ExecuteAsync(
            "INSERT INTO recycled_blobs (image_id, blob_id) SELECT @entry, blob_id FROM manifest_blobs WHERE manifest_id = @manifest",
            ("@entry", entry),
            ("@manifest", manifestId));
    }

    /// <summary>The row of an image in the bin, or null. Locked until the commit: nobody else restores or drops it.</summary>
    public static async ValueTask<long?> FindAsync(DbSession session, long repositoryId, Digest digest) => await session.QueryFirstAsync<long?>(
        "SELECT id FROM recycled_images WHERE repository_id = @repository AND digest = @digest /*lock FOR UPDATE*/",
        static row => row.GetInt64(0),
        ("@repository", repositoryId),
        ("@digest", digest.Value));

    /// <summary>
    /// Takes an image out of the bin for good. Bodies that nothing else references are condemned, on the account of the plan that removed the image. The
    /// number of bodies that it named.
    /// </summary>
    /// <param name="session">The transaction.</param>
    /// <param name="entry">Its row.</param>
    /// <param name="now">When.</param>
    /// <param name="takenOver">Whether the image is there again, pushed anew: then no plan frees anything.</param>
    public static async ValueTask<int> DropAsync(DbSession session, long entry, DateTimeOffset now, bool takenOver = false)
    {
        // One image names some thousand bodies at the most: its manifest has 4 MiB.
        var blobs = await session.QueryAsync("SELECT blob_id FROM recycled_blobs WHERE image_id = @entry", static row => row.GetInt64(0), ("@entry", entry));
        // Also for bodies that other references still hold: who lets go last counts the bytes, and whoever does writes this anew.
        await session.ExecuteAsync("DELETE FROM released_blobs WHERE blob_id IN (SELECT blob_id FROM recycled_blobs WHERE image_id = @entry)", ("@entry", entry));
        if (!takenOver)
        {
            await session.ExecuteAsync(
                """
                INSERT INTO released_blobs (blob_id, plan_id)
                SELECT b.blob_id, i.plan_id FROM recycled_blobs b JOIN recycled_images i ON i.id = b.image_id WHERE b.image_id = @entry AND i.plan_id IS NOT NULL
                """,
                ("@entry", entry));
        }

        await session.ExecuteAsync("DELETE FROM recycled_images WHERE id = @entry", ("@entry", entry));
        await BlobReferences.CondemnUnreferencedAsync(session, blobs, now);
        return blobs.Count;
    }

    /// <summary>A column that keeps one a line.</summary>
    public static IReadOnlyList<string> Lines(string text) => text.Length == 0 ? [] : text.Split('\n');
}
