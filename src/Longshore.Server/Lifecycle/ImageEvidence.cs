using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>A body that an image names.</summary>
internal sealed record EvidenceBlob(string Digest, long Size);

/// <summary>An image with everything that a policy and its bytes depend on.</summary>
/// <param name="Image">As the evaluation sees it.</param>
/// <param name="Size">ECR imageSizeInBytes.</param>
/// <param name="Children">Digests of the manifests it lists.</param>
/// <param name="Blobs">The bodies it names.</param>
internal sealed record ImageEvidence(LifecycleImage Image, long Size, IReadOnlyList<string> Children, IReadOnlyList<EvidenceBlob> Blobs);

/// <summary>Reads what policies decide by, for tools that evaluate elsewhere. Unlike BatchGetImage it is no pull.</summary>
internal sealed class ImageEvidenceReader(IDatabase database, PullRecorder pulls)
{
    /// <summary>Images in order of their digests, those after <paramref name="after"/>. RepositoryNotFound.</summary>
    public async ValueTask<Outcome<List<ImageEvidence>>> ListAsync(RegistryId registry, RepositoryName name, string? after, int limit, CancellationToken cancellationToken)
    {
        await pulls.FlushAsync(cancellationToken);
        return await database.ReadSnapshotAsync<Outcome<List<ImageEvidence>>>(
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                var rows = await session.QueryAsync(
                    """
                    SELECT m.id, m.digest, m.subject, m.image_size, m.pushed_at, m.last_pulled_at, a.state, a.archived_at, a.activated_at
                    FROM manifests m LEFT JOIN archived_images a ON a.manifest_id = m.id
                    WHERE m.repository_id = @repository AND m.digest > @after ORDER BY m.digest LIMIT @limit
                    """,
                    static row => (
                        Id: row.GetInt64(0), Digest: row.GetString(1), Subject: row.GetStringOrNull(2), Size: row.GetInt64(3), PushedAt: row.GetTime(4),
                        LastPulledAt: row.GetTimeOrNull(5), State: row.GetInt64OrNull(6), ArchivedAt: row.GetTimeOrNull(7), ActivatedAt: row.GetTimeOrNull(8)),
                    ("@repository", repository),
                    ("@after", after ?? ""),
                    ("@limit", (long)limit));
                var images = new List<ImageEvidence>(rows.Count);
                foreach (var row in rows)
                {
                    var image = new LifecycleImage
                    {
                        Id = row.Id,
                        Digest = row.Digest,
                        Tags = await ImageRows.TagsAsync(session, row.Id),
                        Subject = row.Subject,
                        PushedAt = row.PushedAt,
                        LastPulledAt = row.LastPulledAt,
                        Status = (ImageStatus)(row.State ?? 0),
                        LastArchivedAt = row.ArchivedAt,
                        LastActivatedAt = row.ActivatedAt,
                        ReferencedBy = await DigestsAsync(session, "SELECT p.digest FROM manifest_children c JOIN manifests p ON p.id = c.manifest_id WHERE c.child_id = @id ORDER BY p.digest", row.Id),
                    };
                    var children = await DigestsAsync(session, "SELECT p.digest FROM manifest_children c JOIN manifests p ON p.id = c.child_id WHERE c.manifest_id = @id ORDER BY p.digest", row.Id);
                    var blobs = await session.QueryAsync(
                        "SELECT b.digest, b.size FROM manifest_blobs mb JOIN blobs b ON b.id = mb.blob_id WHERE mb.manifest_id = @id",
                        static blob => new EvidenceBlob(blob.GetString(0), blob.GetInt64(1)),
                        ("@id", row.Id));
                    images.Add(new ImageEvidence(image, row.Size, children, blobs));
                }

                return images;
            },
            cancellationToken);
    }

    private static ValueTask<List<string>> DigestsAsync(DbSession session, string sql, long id) => session.QueryAsync(sql, static row => row.GetString(0), ("@id", id));
}
