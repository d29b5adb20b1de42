using Longshore.Core;
using Longshore.Server.Content.Archiving;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// ECR ListImages: first an entry per tag in byte order, then an entry per untagged image in order of digests. A position is
/// <c>t:</c> and the last tag, or <c>u:</c> and the last digest.
/// </summary>
internal static class ImageIdLister
{
    private const string TagPhase = "t:";
    private const string UntaggedPhase = "u:";

    /// <summary>Reads a position; false when no page of this list can have given it.</summary>
    public static bool TryParse(string? position, TagStatus status, out (bool Untagged, string After) from)
    {
        from = (status == TagStatus.Untagged, "");
        if (position is null) return true;
        from = (position.StartsWith(UntaggedPhase, StringComparison.Ordinal), position.Length < 2 ? "" : position[2..]);
        return from.Untagged
            ? status != TagStatus.Tagged && (from.After.Length == 0 || Digest.TryParse(from.After, out _))
            : status != TagStatus.Untagged && position.StartsWith(TagPhase, StringComparison.Ordinal) && TagName.TryParse(from.After, out _);
    }

    /// <summary>A page of at most <paramref name="limit"/> entries.</summary>
    public static async ValueTask<ImageIdPage> ListAsync(DbSession session, long repository, TagStatus status, StatusChoice choice, (bool Untagged, string After) from, int limit)
    {
        var images = new List<(Digest Digest, string? Tag)>();
        if (!from.Untagged)
        {
            images = await session.QueryAsync(
                $"""
                SELECT m.digest, t.name FROM tags t JOIN manifests m ON m.id = t.manifest_id
                WHERE t.repository_id = @repository AND t.name > @after{ArchiveRows.And(choice)} ORDER BY t.name LIMIT @limit
                """,
                static row => (ImageRows.DigestAt(row, 0), row.GetStringOrNull(1)),
                ("@repository", repository),
                ("@after", from.After),
                ("@limit", (long)limit + 1));
            if (images.Count > limit) return Cut(images, limit);
            if (status == TagStatus.Tagged) return new ImageIdPage(images, null);
            from = (true, "");
            if (images.Count == limit) return new ImageIdPage(images, UntaggedPhase);
        }

        images.AddRange(await session.QueryAsync(
            $"""
            SELECT m.digest, NULL FROM manifests m
            WHERE m.repository_id = @repository AND m.digest > @after AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id){ArchiveRows.And(choice)}
            ORDER BY m.digest LIMIT @limit
            """,
            static row => (ImageRows.DigestAt(row, 0), row.GetStringOrNull(1)),
            ("@repository", repository),
            ("@after", from.After),
            ("@limit", (long)(limit - images.Count) + 1)));
        return images.Count > limit ? Cut(images, limit) : new ImageIdPage(images, null);
    }

    private static ImageIdPage Cut(List<(Digest Digest, string? Tag)> images, int limit)
    {
        images.RemoveRange(limit, images.Count - limit);
        var (digest, tag) = images[^1];
        return new ImageIdPage(images, tag is null ? UntaggedPhase + digest.Value : TagPhase + tag);
    }
}
