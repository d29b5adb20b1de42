using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>All images of one repository as policies see them. Memory: some 500 bytes an image.</summary>
/// <param name="Images">In the order of their pushes, the oldest first; <see cref="LifecycleImage.Id"/> is the row of the manifest.</param>
/// <param name="Sizes">ECR imageSizeInBytes of each.</param>
internal sealed record RepositorySnapshot(IReadOnlyList<LifecycleImage> Images, IReadOnlyList<long> Sizes)
{
    /// <summary>Reads the images, in the caller's snapshot.</summary>
    public static async ValueTask<RepositorySnapshot> LoadAsync(DbSession session, long repositoryId)
    {
        var tags = new Dictionary<long, List<string>>();
        await session.QueryAsync(
            "SELECT manifest_id, name FROM tags WHERE repository_id = @repository ORDER BY name",
            row =>
            {
                ref var list = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(tags, row.GetInt64(0), out _);
                (list ??= new(1)).Add(row.GetString(1));
                return false;
            },
            ("@repository", repositoryId));
        var lists = new Dictionary<long, List<string>>();
        await session.QueryAsync(
            "SELECT c.child_id, p.digest FROM manifests p JOIN manifest_children c ON c.manifest_id = p.id WHERE p.repository_id = @repository",
            row =>
            {
                ref var list = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(lists, row.GetInt64(0), out _);
                (list ??= new(1)).Add(row.GetString(1));
                return false;
            },
            ("@repository", repositoryId));
        var sizes = new List<long>();
        var images = await session.QueryAsync(
            """
            SELECT m.id, m.digest, m.subject, m.image_size, m.pushed_at, m.last_pulled_at, a.state, a.archived_at, a.activated_at
            FROM manifests m LEFT JOIN archived_images a ON a.manifest_id = m.id
            WHERE m.repository_id = @repository ORDER BY m.pushed_at, m.id
            """,
            row =>
            {
                var id = row.GetInt64(0);
                sizes.Add(row.GetInt64(3));
                return new LifecycleImage
                {
                    Id = id,
                    Digest = row.GetString(1),
                    Subject = row.GetStringOrNull(2),
                    PushedAt = row.GetTime(4),
                    LastPulledAt = row.GetTimeOrNull(5),
                    Status = (ImageStatus)(row.GetInt64OrNull(6) ?? 0),
                    LastArchivedAt = row.GetTimeOrNull(7),
                    LastActivatedAt = row.GetTimeOrNull(8),
                    Tags = tags.GetValueOrDefault(id) ?? (IReadOnlyList<string>)[],
                    ReferencedBy = lists.GetValueOrDefault(id) ?? (IReadOnlyList<string>)[],
                };
            },
            ("@repository", repositoryId));
        return new RepositorySnapshot(images, sizes);
    }
}
