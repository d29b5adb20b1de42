using System.Data.Common;
using System.Text.Json;
using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Core.Oci;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Content.Events;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>How images stand in the database: the statements that more than one operation needs.</summary>
internal static class ImageRows
{
    private const string SummaryColumns = "m.id, m.digest, m.media_type, m.artifact_type, m.subject, m.size, m.image_size, m.pushed_at, m.last_pulled_at, a.state, a.archived_at, a.activated_at";
    private const string Archive = "LEFT JOIN archived_images a ON a.manifest_id = m.id";

    /// <summary>An image by digest, tag or both, with its tags; null when there is none.</summary>
    public static async ValueTask<ImageSummary?> FindAsync(DbSession session, long repositoryId, ImageId image)
    {
        var summary = image switch
        {
            { Digest: { } digest } => await session.QueryFirstAsync(
                $"SELECT {SummaryColumns} FROM manifests m {Archive} WHERE m.repository_id = @repository AND m.digest = @digest",
                ReadSummary,
                ("@repository", repositoryId),
                ("@digest", digest.Value)),
            { Tag: { } tag } => await session.QueryFirstAsync(
                $"SELECT {SummaryColumns} FROM tags t JOIN manifests m ON m.id = t.manifest_id {Archive} WHERE t.repository_id = @repository AND t.name = @tag",
                ReadSummary,
                ("@repository", repositoryId),
                ("@tag", tag.Value)),
            _ => throw new ArgumentException("An image is named by digest, by tag, or by both.", nameof(image)),
        };
        return summary is null ? null : await WithTagsAsync(session, summary);
    }

    /// <summary>Row and nature of an image by digest, tag or both; null when there is none. Reads none of its tags: it may have very many.</summary>
    public static async ValueTask<FoundImage?> FindIdAsync(DbSession session, long repositoryId, ImageId image) => image switch
    {
        { Digest: { } digest } => await session.QueryFirstAsync(
            "SELECT id, digest, media_type, artifact_type, subject IS NOT NULL FROM manifests WHERE repository_id = @repository AND digest = @digest",
            ReadFound,
            ("@repository", repositoryId),
            ("@digest", digest.Value)),
        { Tag: { } tag } => await session.QueryFirstAsync(
            """
            SELECT m.id, m.digest, m.media_type, m.artifact_type, m.subject IS NOT NULL
            FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = @repository AND t.name = @tag
            """,
            ReadFound,
            ("@repository", repositoryId),
            ("@tag", tag.Value)),
        _ => throw new ArgumentException("An image is named by digest, by tag, or by both.", nameof(image)),
    };

    /// <summary>What events tell of an image, by its row; null when it is gone.</summary>
    public static ValueTask<EventImage?> FindNatureAsync(DbSession session, long manifestId) => session.QueryFirstAsync<EventImage?>(
        "SELECT digest, media_type, artifact_type, subject IS NOT NULL FROM manifests WHERE id = @id",
        static row => new EventImage(DigestAt(row, 0), row.GetString(1), row.GetStringOrNull(2), row.GetBoolean(3)),
        ("@id", manifestId));

    /// <summary>Digest and tags of an image by its row; null when it is gone.</summary>
    public static async ValueTask<RemovalCandidate?> FindCandidateAsync(DbSession session, long repositoryId, long manifestId)
    {
        var digest = await session.QueryFirstAsync<Digest?>(
            "SELECT digest FROM manifests WHERE id = @manifest AND repository_id = @repository",
            static row => DigestAt(row, 0),
            ("@manifest", manifestId),
            ("@repository", repositoryId));
        return digest is { } found ? new RemovalCandidate(manifestId, found, await TagsAsync(session, manifestId)) : null;
    }

    /// <summary>Whether an image has this tag.</summary>
    public static async ValueTask<bool> HasTagAsync(DbSession session, long manifestId, TagName tag) => await session.QueryFirstAsync(
        "SELECT 1 FROM tags WHERE manifest_id = @manifest AND name = @tag",
        static row => row.GetInt64(0),
        ("@manifest", manifestId),
        ("@tag", tag.Value)) == 1;

    /// <summary>Whether an image has a tag besides this one.</summary>
    public static async ValueTask<bool> HasOtherTagAsync(DbSession session, long manifestId, TagName tag) => await session.QueryFirstAsync(
        "SELECT 1 FROM tags WHERE manifest_id = @manifest AND name <> @tag LIMIT 1",
        static row => row.GetInt64(0),
        ("@manifest", manifestId),
        ("@tag", tag.Value)) == 1;

    /// <summary>Images in order of their digests, with their tags.</summary>
    public static async ValueTask<List<ImageSummary>> ListAsync(DbSession session, long repositoryId, TagStatus status, StatusChoice choice, string? after, int limit)
    {
        const string Tagged = "EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)";
        var filter = status switch
        {
            TagStatus.Tagged => $" AND {Tagged}",
            TagStatus.Untagged => $" AND NOT {Tagged}",
            _ => "",
        };
        var images = await session.QueryAsync(
            $"SELECT {SummaryColumns} FROM manifests m {Archive} WHERE m.repository_id = @repository AND m.digest > @after{filter}{ArchiveRows.And(choice)} ORDER BY m.digest LIMIT @limit",
            ReadSummary,
            ("@repository", repositoryId),
            ("@after", after ?? ""),
            ("@limit", (long)limit));
        if (images.Count == 0 || status == TagStatus.Untagged) return images;
        // All at once, by the stretch of digests that the page covers: a statement an image would be a round trip each.
        var tags = await session.QueryAsync(
            $"""
            SELECT t.manifest_id, t.name FROM manifests m JOIN tags t ON t.manifest_id = m.id
            WHERE m.repository_id = @repository AND m.digest > @after AND m.digest <= @last{ArchiveRows.And(choice)} ORDER BY m.digest, t.name
            """,
            static row => (Image: row.GetInt64(0), Name: row.GetString(1)),
            ("@repository", repositoryId),
            ("@after", after ?? ""),
            ("@last", images[^1].Digest.Value));
        var at = 0;
        for (var i = 0; i < images.Count; i++)
        {
            var names = new List<string>();
            for (; at < tags.Count && tags[at].Image == images[i].Id; at++) names.Add(tags[at].Name);
            images[i] = images[i] with { Tags = names };
        }

        return images;
    }

    /// <summary>The tags of an image in byte order.</summary>
    public static ValueTask<List<string>> TagsAsync(DbSession session, long manifestId) => session.QueryAsync(
        "SELECT name FROM tags WHERE manifest_id = @manifest ORDER BY name",
        static row => row.GetString(0),
        ("@manifest", manifestId));

    /// <summary>Some of the indexes that list an image.</summary>
    public static ValueTask<List<Digest>> ParentsAsync(DbSession session, long manifestId) => session.QueryAsync(
        "SELECT p.digest FROM manifest_children c JOIN manifests p ON p.id = c.manifest_id WHERE c.child_id = @manifest LIMIT 10",
        static row => DigestAt(row, 0),
        ("@manifest", manifestId));

    /// <summary>Writes the row of a manifest with its links; the references have been looked up before.</summary>
    public static async ValueTask<long> InsertAsync(
        DbSession session,
        long repositoryId,
        Digest digest,
        ManifestDocument document,
        ReadOnlyMemory<byte> bytes,
        ManifestReferences references,
        DateTimeOffset now)
    {
        var id = await session.QueryFirstAsync(
            """
            INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, annotations, size, image_size, pushed_at, last_pulled_at, bytes)
            VALUES (@repository, @digest, @mediaType, @artifactType, @subject, @annotations, @size, @imageSize, @now, NULL, @bytes)
            RETURNING id
            """,
            static row => row.GetInt64(0),
            ("@repository", repositoryId),
            ("@digest", digest.Value),
            ("@mediaType", document.MediaType),
            ("@artifactType", document.ArtifactType),
            ("@subject", document.Subject?.Digest.Value),
            ("@annotations", document.Annotations.Count == 0 || document.Subject is null ? null : AnnotationsJson.Write(document.Annotations)),
            ("@size", (long)bytes.Length),
            ("@imageSize", references.ImageSize),
            ("@now", now.ToDatabase()),
            ("@bytes", bytes.ToArray()));
        foreach (var blob in references.Blobs)
        {
            await session.ExecuteAsync(
                "INSERT INTO manifest_blobs (manifest_id, blob_id, repository_id) VALUES (@manifest, @blob, @repository)",
                ("@manifest", id),
                ("@blob", blob),
                ("@repository", repositoryId));
        }

        // An image holds them now: their links need no lease. A base layer of an earlier image has none, and costs nothing here.
        if (references.Blobs.Count > 0)
        {
            await session.ExecuteAsync(
                """
                UPDATE repository_blobs SET leased_until = NULL
                WHERE repository_id = @repository AND leased_until IS NOT NULL AND blob_id IN (SELECT blob_id FROM manifest_blobs WHERE manifest_id = @manifest)
                """,
                ("@repository", repositoryId),
                ("@manifest", id));
        }

        foreach (var child in references.Children)
            await session.ExecuteAsync("INSERT INTO manifest_children (manifest_id, child_id) VALUES (@manifest, @child)", ("@manifest", id), ("@child", child));
        return id;
    }

    /// <summary>A digest that the database keeps.</summary>
    public static Digest DigestAt(DbDataReader row, int ordinal) =>
        Digest.TryParse(row.GetString(ordinal), out var digest) ? digest : throw new InvalidDataException($"Stored digest '{row.GetString(ordinal)}' is malformed.");

    private static async ValueTask<ImageSummary> WithTagsAsync(DbSession session, ImageSummary image) => image with { Tags = await TagsAsync(session, image.Id) };

    private static FoundImage ReadFound(DbDataReader row) =>
        new(row.GetInt64(0), new EventImage(DigestAt(row, 1), row.GetString(2), row.GetStringOrNull(3), row.GetBoolean(4)));

    private static ImageSummary ReadSummary(DbDataReader row) => new(
        row.GetInt64(0),
        DigestAt(row, 1),
        row.GetString(2),
        row.GetStringOrNull(3),
        row.IsDBNull(4) ? null : DigestAt(row, 4),
        row.GetInt64(5),
        row.GetInt64(6),
        row.GetTime(7),
        row.GetTimeOrNull(8),
        [],
        (ImageStatus)(row.GetInt64OrNull(9) ?? 0),
        row.GetTimeOrNull(10),
        row.GetTimeOrNull(11));
}

/// <summary>An image's row, and what events tell of it.</summary>
internal sealed record FoundImage(long Id, EventImage Nature)
{
    /// <summary>Its digest.</summary>
    public Digest Digest => Nature.Digest;
}

/// <summary>What a manifest names, found in its repository.</summary>
/// <param name="Blobs">Rows of its bodies, each once.</param>
/// <param name="Children">Rows of the manifests it lists, each once.</param>
/// <param name="ImageSize">ECR's imageSizeInBytes.</param>
internal sealed record ManifestReferences(IReadOnlyList<long> Blobs, IReadOnlyList<long> Children, long ImageSize);

/// <summary>Annotations as the column keeps them: a JSON object.</summary>
internal static class AnnotationsJson
{
    public static string Write(IReadOnlyDictionary<string, string> annotations)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            foreach (var (key, value) in annotations) writer.WriteString(key, value);
            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    public static IReadOnlyDictionary<string, string>? Read(string? json)
    {
        if (json is null) return null;
        using var document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!, StringComparer.Ordinal);
    }
}
