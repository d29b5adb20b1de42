using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Archiving;

/// <summary>Which images of a list are wanted, by their status.</summary>
internal enum StatusChoice
{
    /// <summary>Those ready to be pulled; ECR's default.</summary>
    Active,

    /// <summary>Those in the archive.</summary>
    Archived,

    /// <summary>Those on their way back.</summary>
    Activating,

    /// <summary>All.</summary>
    Any,
}

/// <summary>Statements about the storage class of images. Only images that were archived at some time have a row of it.</summary>
internal static class ArchiveRows
{
    /// <summary>A condition for statements over <c>manifests m</c>: the image is ready to be pulled.</summary>
    public const string IsActive = "NOT EXISTS (SELECT 1 FROM archived_images z WHERE z.manifest_id = m.id AND z.state <> 0)";

    /// <summary>The condition of a choice, with its AND; empty for all.</summary>
    public static string And(StatusChoice choice) => choice switch
    {
        StatusChoice.Active => " AND " + IsActive,
        StatusChoice.Archived => " AND EXISTS (SELECT 1 FROM archived_images z WHERE z.manifest_id = m.id AND z.state = 1)",
        StatusChoice.Activating => " AND EXISTS (SELECT 1 FROM archived_images z WHERE z.manifest_id = m.id AND z.state = 2)",
        _ => "",
    };

    /// <summary>The status of an image; Active when it has none, or is gone.</summary>
    public static async ValueTask<ImageStatus> StatusAsync(DbSession session, long manifestId) => (ImageStatus)await session.QueryFirstAsync(
        "SELECT state FROM archived_images WHERE manifest_id = @manifest", static row => row.GetInt64(0), ("@manifest", manifestId));

    /// <summary>Whether an index that lists the image is ready to be pulled: then so must the image be.</summary>
    public static async ValueTask<bool> HasActiveParentAsync(DbSession session, long manifestId) => await session.QueryFirstAsync(
        $"SELECT 1 FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id WHERE c.child_id = @manifest AND {IsActive} LIMIT 1",
        static row => row.GetInt64(0),
        ("@manifest", manifestId)) == 1;

    /// <summary>Sets the status. The bodies are looked at anew by the job.</summary>
    public static async ValueTask SetAsync(DbSession session, long manifestId, ImageStatus status, DateTimeOffset now) => await session.ExecuteAsync(
        """
        INSERT INTO archived_images (manifest_id, state, archived_at, activated_at, moved_at) VALUES (@manifest, @state, @now, NULL, NULL)
        ON CONFLICT (manifest_id) DO UPDATE SET state = excluded.state, moved_at = NULL,
            archived_at = CASE WHEN excluded.state = 1 THEN excluded.archived_at ELSE archived_images.archived_at END,
            activated_at = CASE WHEN excluded.state = 0 THEN excluded.archived_at ELSE archived_images.activated_at END
        """,
        ("@manifest", manifestId),
        ("@state", (long)status),
        ("@now", now.ToDatabase()));

    /// <summary>Referrers of an image in its repository: their rows.</summary>
    public static ValueTask<List<long>> ReferrersAsync(DbSession session, long repositoryId, Digest subject) => session.QueryAsync(
        "SELECT id FROM manifests WHERE repository_id = @repository AND subject = @subject ORDER BY digest LIMIT 10000",
        static row => row.GetInt64(0),
        ("@repository", repositoryId),
        ("@subject", subject.Value));

    /// <summary>Manifests that an image lists.</summary>
    public static ValueTask<List<long>> ChildrenAsync(DbSession session, long manifestId) => session.QueryAsync(
        "SELECT child_id FROM manifest_children WHERE manifest_id = @manifest", static row => row.GetInt64(0), ("@manifest", manifestId));
}
