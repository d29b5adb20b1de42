using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content.Archiving;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>Who refers to a digest (OCI distribution 1.1, "listing referrers"; ECR ListImageReferrers).</summary>
internal static class ReferrerRows
{
    /// <summary>Rows looked at in one statement while filtering.</summary>
    private const int Stride = 200;

    /// <summary>Referrers in order of their digests; of one of the artifact types when any are given.</summary>
    public static async ValueTask<List<Referrer>> ListAsync(DbSession session, long repository, Digest subject, IReadOnlyList<string> artifactTypes, StatusChoice choice, string? after, int limit)
    {
        var found = new List<Referrer>();
        var position = after ?? "";
        while (found.Count < limit)
        {
            var rows = await session.QueryAsync(
                $"""
                SELECT m.digest, m.media_type, m.artifact_type, m.size, m.annotations, (SELECT a.state FROM archived_images a WHERE a.manifest_id = m.id) FROM manifests m
                WHERE m.repository_id = @repository AND m.subject = @subject AND m.digest > @after{ArchiveRows.And(choice)} ORDER BY m.digest LIMIT @limit
                """,
                static row => (
                    Digest: ImageRows.DigestAt(row, 0), MediaType: row.GetString(1), Type: row.GetStringOrNull(2), Size: row.GetInt64(3), Annotations: row.GetStringOrNull(4),
                    Status: (ImageStatus)(row.GetInt64OrNull(5) ?? 0)),
                ("@repository", repository),
                ("@subject", subject.Value),
                ("@after", position),
                ("@limit", (long)Stride));
            foreach (var row in rows)
            {
                if (found.Count == limit) break;
                if (artifactTypes.Count > 0 && (row.Type is null || !artifactTypes.Contains(row.Type))) continue;
                found.Add(new Referrer(row.Digest, row.MediaType, row.Type, row.Size, AnnotationsJson.Read(row.Annotations), row.Status));
            }

            if (rows.Count < Stride) break;
            position = rows[^1].Digest.Value;
        }

        return found;
    }
}
