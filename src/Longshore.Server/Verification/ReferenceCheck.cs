using Longshore.Storage.Metadata;

namespace Longshore.Server.Verification;

/// <summary>
/// Checks what keeps bodies: condemned ones must have no reference, and links without an image must have a lease.
/// </summary>
internal static class ReferenceCheck
{
    private const int Page = 500;

    /// <summary>Condemned bodies that something references: nobody sees them, and collection brings them back instead of removing them.</summary>
    public static async Task CondemnedAsync(IDatabase database, bool repair, Action<Finding> report, CancellationToken cancellationToken)
    {
        var after = 0L;
        while (true)
        {
            var rows = await database.ReadAsync(
                s => s.QueryAsync(
                    """
                    SELECT b.id, b.digest, CASE WHEN EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = b.id)
                        OR EXISTS (SELECT 1 FROM recycled_blobs WHERE blob_id = b.id) THEN 1 ELSE 0 END
                    FROM blobs b WHERE b.state = 1 AND b.id > @after ORDER BY b.id LIMIT @limit
                    """,
                    static r => (Id: r.GetInt64(0), Digest: r.GetString(1), Used: r.GetInt64(2) != 0),
                    ("@after", after),
                    ("@limit", (long)Page)),
                cancellationToken);
            foreach (var row in rows.Where(row => row.Used))
            {
                string? done = null;
                if (repair)
                {
                    await database.WriteAsync(
                        Durability.Synced,
                        s => s.ExecuteAsync("UPDATE blobs SET state = 0, condemned_at = NULL WHERE id = @id AND state = 1", ("@id", row.Id)),
                        cancellationToken);
                    done = "put back into service";
                }

                report(new Finding(FindingKind.CondemnedInUse, row.Digest, $"The body of {row.Digest} is condemned although a repository or the recycle bin references it.", [], done));
            }

            if (rows.Count < Page) return;
            after = rows[^1].Id;
        }
    }

    /// <summary>Links that no image backs and that have no lease: only the collection's weekly sweep leads to them.</summary>
    public static async Task LinksAsync(IDatabase database, bool repair, Action<Finding> report, CancellationToken cancellationToken)
    {
        var (repository, blob) = (0L, 0L);
        while (true)
        {
            var rows = await database.ReadAsync(
                s => s.QueryAsync(
                    """
                    SELECT l.repository_id, l.blob_id, CASE WHEN l.leased_until IS NULL AND NOT EXISTS (
                        SELECT 1 FROM manifest_blobs mb WHERE mb.blob_id = l.blob_id AND mb.repository_id = l.repository_id) THEN 1 ELSE 0 END
                    FROM repository_blobs l WHERE (l.repository_id, l.blob_id) > (@repository, @blob) ORDER BY l.repository_id, l.blob_id LIMIT @limit
                    """,
                    static r => (Repository: r.GetInt64(0), Blob: r.GetInt64(1), Lost: r.GetInt64(2) != 0),
                    ("@repository", repository),
                    ("@blob", blob),
                    ("@limit", (long)Page)),
                cancellationToken);
            foreach (var row in rows.Where(row => row.Lost))
            {
                var names = await database.ReadAsync(
                    s => s.QueryFirstAsync(
                        "SELECT r.account, r.region, r.name, b.digest FROM repositories r JOIN blobs b ON b.id = @blob WHERE r.id = @repository",
                        static r => (Repository: $"{r.GetString(0)}/{r.GetString(1)}/{r.GetString(2)}", Digest: r.GetString(3)),
                        ("@blob", row.Blob),
                        ("@repository", row.Repository)),
                    cancellationToken);
                string? done = null;
                if (repair)
                {
                    await database.WriteAsync(
                        Durability.Synced,
                        s => s.ExecuteAsync(
                            "UPDATE repository_blobs SET leased_until = 0 WHERE repository_id = @repository AND blob_id = @blob AND leased_until IS NULL",
                            ("@repository", row.Repository),
                            ("@blob", row.Blob)),
                        cancellationToken);
                    done = "left to the next collection";
                }

                report(new Finding(FindingKind.LinkWithoutImage, names.Digest ?? "", $"The repository {names.Repository} holds {names.Digest}, which none of its images names, without a lease.", [], done));
            }

            if (rows.Count < Page) return;
            (repository, blob) = (rows[^1].Repository, rows[^1].Blob);
        }
    }
}
