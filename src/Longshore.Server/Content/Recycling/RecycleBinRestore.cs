using System.Data.Common;
using Longshore.Core;
using Longshore.Server.Content.Events;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Recycling;

/// <summary>One restore, in one transaction: first everything that comes back is looked up, so that a refusal changes nothing.</summary>
internal sealed class RecycleBinRestore(DbSession session, Repository repository, DateTimeOffset now)
{
    /// <summary>Most images of one restore: an index lists 10,000 at the most, and other writers wait meanwhile.</summary>
    private const int MaxImages = 10_100;

    private readonly List<Entry> entries = [];
    private readonly HashSet<Digest> known = [];
    private readonly List<Digest> missing = [];

    /// <inheritdoc cref="RecycleBin.RestoreAsync"/>
    public async ValueTask<Outcome<IReadOnlyList<RestoredImage>>> RunAsync(Digest digest)
    {
        known.Add(digest);
        if (await FindAsync(digest) is not { } first) return ContentErrors.NotRecycled(repository.Name, digest);
        entries.Add(first);
        // Grows while it runs: lists may list lists, and their images have referrers. No recursion, whose depth a client could choose.
        for (var i = 0; i < entries.Count; i++)
        {
            await AddChildrenAsync(entries[i]);
            await AddReferrersAsync(entries[i]);
            if (entries.Count > MaxImages) return ContentErrors.RestoreTooLarge(digest, MaxImages);
        }

        if (missing.Count > 0) return ContentErrors.RecycledChildrenMissing(repository.Name, digest, missing);
        var restored = new List<RestoredImage>(entries.Count);
        var rows = new List<long>(entries.Count);
        foreach (var entry in entries)
        {
            rows.Add(await InsertAsync(entry));
            restored.Add(await RestoreTagsAsync(entry, rows[^1]));
        }

        for (var i = 0; i < entries.Count; i++)
            foreach (var child in entries[i].Children) await LinkChildAsync(rows[i], child);
        return restored;
    }

    private ValueTask<Entry?> FindAsync(Digest digest) => session.QueryFirstAsync(
        """
        SELECT id, digest, media_type, artifact_type, subject IS NOT NULL, tags, children, plan_id FROM recycled_images
        WHERE repository_id = @repository AND digest = @digest /*lock FOR UPDATE*/
        """,
        Read,
        ("@repository", repository.Id),
        ("@digest", digest.Value));

    private async ValueTask AddChildrenAsync(Entry entry)
    {
        foreach (var child in entry.Children)
        {
            if (!known.Add(child) || await ImageRows.FindIdAsync(session, repository.Id, new ImageId(child, null)) is not null) continue;
            if (await FindAsync(child) is { } found) entries.Add(found);
            else missing.Add(child);
        }
    }

    /// <summary>What the same plan removed together comes back together. Referrers that list what is gone stay in the bin.</summary>
    private async ValueTask AddReferrersAsync(Entry entry)
    {
        if (entry.PlanId is null) return;
        var referrers = await session.QueryAsync(
            """
            SELECT id, digest, media_type, artifact_type, subject IS NOT NULL, tags, children, plan_id FROM recycled_images
            WHERE repository_id = @repository AND subject = @subject AND plan_id = @plan AND children = ''
            ORDER BY digest LIMIT @limit /*lock FOR UPDATE*/
            """,
            Read,
            ("@repository", repository.Id),
            ("@subject", entry.Nature.Digest.Value),
            ("@plan", entry.PlanId),
            ("@limit", (long)MaxImages));
        foreach (var referrer in referrers)
            if (known.Add(referrer.Nature.Digest)) entries.Add(referrer);
    }

    private async ValueTask<long> InsertAsync(Entry entry)
    {
        var manifest = await session.QueryFirstAsync(
            """
            INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, annotations, size, image_size, pushed_at, last_pulled_at, bytes)
            SELECT repository_id, digest, media_type, artifact_type, subject, annotations, size, image_size, pushed_at, last_pulled_at, bytes
            FROM recycled_images WHERE id = @entry
            RETURNING id
            """,
            static row => row.GetInt64(0),
            ("@entry", entry.Id));
        await session.ExecuteAsync(
            """
            INSERT INTO archived_images (manifest_id, state, archived_at, activated_at)
            SELECT @manifest, archive_state, archived_at, activated_at FROM recycled_images WHERE id = @entry AND archive_state IS NOT NULL
            """,
            ("@manifest", manifest),
            ("@entry", entry.Id));
        await session.ExecuteAsync(
            "INSERT INTO manifest_blobs (manifest_id, blob_id, repository_id) SELECT @manifest, blob_id, @repository FROM recycled_blobs WHERE image_id = @entry",
            ("@manifest", manifest),
            ("@repository", repository.Id),
            ("@entry", entry.Id));
        // The collector may have taken the links since: the bin has kept the bodies.
        await session.ExecuteAsync(
            """
            INSERT INTO repository_blobs (repository_id, blob_id, linked_at, leased_until) SELECT @repository, blob_id, @now, NULL FROM recycled_blobs WHERE image_id = @entry
            ON CONFLICT (repository_id, blob_id) DO UPDATE SET leased_until = NULL
            """,
            ("@repository", repository.Id),
            ("@now", now.ToDatabase()),
            ("@entry", entry.Id));
        await session.ExecuteAsync("DELETE FROM released_blobs WHERE blob_id IN (SELECT blob_id FROM recycled_blobs WHERE image_id = @entry)", ("@entry", entry.Id));
        await session.ExecuteAsync("DELETE FROM recycled_images WHERE id = @entry", ("@entry", entry.Id));
        return manifest;
    }

    /// <summary>Only free tags are set, so that a tag of another image never moves: immutable ones included.</summary>
    private async ValueTask<RestoredImage> RestoreTagsAsync(Entry entry, long manifest)
    {
        var tags = new List<string>();
        var taken = new List<string>();
        foreach (var tag in entry.Tags)
        {
            var set = await session.ExecuteAsync(
                "INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES (@repository, @tag, @manifest, @now) ON CONFLICT (repository_id, name) DO NOTHING",
                ("@repository", repository.Id),
                ("@tag", tag),
                ("@manifest", manifest),
                ("@now", now.ToDatabase()));
            (set == 1 ? tags : taken).Add(tag);
        }

        await TagCounts.SetAsync(session, manifest, tags.Count);
        await ImageEvents.RestoredAsync(session, repository, entry.Nature, tags, now);
        return new RestoredImage(entry.Nature.Digest, tags, taken);
    }

    private ValueTask<int> LinkChildAsync(long manifest, Digest child) => session.ExecuteAsync(
        "INSERT INTO manifest_children (manifest_id, child_id) SELECT @manifest, id FROM manifests WHERE repository_id = @repository AND digest = @digest",
        ("@manifest", manifest),
        ("@repository", repository.Id),
        ("@digest", child.Value));

    private static Entry Read(DbDataReader row) => new(
        row.GetInt64(0),
        new EventImage(ImageRows.DigestAt(row, 1), row.GetString(2), row.GetStringOrNull(3), row.GetBoolean(4)),
        RecycledRows.Lines(row.GetString(5)),
        [.. RecycledRows.Lines(row.GetString(6)).Select(ToDigest)],
        row.GetStringOrNull(7));

    private static Digest ToDigest(string text) => Digest.TryParse(text, out var digest) ? digest : throw new InvalidDataException($"Stored digest '{text}' is malformed.");

    private sealed record Entry(long Id, EventImage Nature, IReadOnlyList<string> Tags, IReadOnlyList<Digest> Children, string? PlanId);
}
