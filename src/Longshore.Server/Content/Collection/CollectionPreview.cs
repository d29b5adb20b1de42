using System.Globalization;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Collection;

/// <summary>A body that collection would remove if nothing changes.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Size">Bytes.</param>
/// <param name="NotBefore">The earliest time at which it goes: when its grace period is over, which begins with the next collection if it is not condemned yet.</param>
internal sealed record CollectableBody(Digest Digest, long Size, DateTimeOffset NotBefore);

/// <summary>A page of the dry run.</summary>
/// <param name="Bodies">Bodies that would go.</param>
/// <param name="Next">Where the next page begins; null after the last.</param>
internal sealed record CollectablePage(IReadOnlyList<CollectableBody> Bodies, string? Next);

/// <summary>The dry run of collection: exactly which bodies and bytes would go. Reads only.</summary>
/// <remarks>
/// First the condemned bodies, then those whose links all have leases that are over and no image. Each page is read by itself: memory does not grow, and
/// pushes go on meanwhile.
/// </remarks>
internal sealed class CollectionPreview(IDatabase database, TimeProvider time, ContentOptions content)
{
    private const int Page = 500;

    /// <summary>Every body that the next collection would free or condemn.</summary>
    public async IAsyncEnumerable<CollectableBody> ListAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? position = null;
        do
        {
            // No page gives a position that the next does not take.
            var page = (await PageAsync(position, Page, cancellationToken)).Value;
            foreach (var body in page.Bodies) yield return body;
            position = page.Next;
        }
        while (position is not null);
    }

    /// <summary>How many bodies and bytes would go in all.</summary>
    public async ValueTask<(long Bodies, long Bytes)> SumAsync(CancellationToken cancellationToken)
    {
        var (bodies, bytes) = (0L, 0L);
        await foreach (var body in ListAsync(cancellationToken))
        {
            bodies++;
            bytes += body.Size;
        }

        return (bodies, bytes);
    }

    /// <summary>
    /// One page: at most so many bodies, and fewer, or none, without being the last when links were looked at whose bodies stay. InvalidParameter for a position that
    /// no page gave.
    /// </summary>
    /// <param name="position">A former page's Next; null for the first.</param>
    /// <param name="limit">1 and up.</param>
    /// <param name="cancellationToken">Withdraws the read.</param>
    public async ValueTask<Outcome<CollectablePage>> PageAsync(string? position, int limit, CancellationToken cancellationToken)
    {
        if (!TryParse(position, out var from)) return new RegistryError(ErrorCode.InvalidParameter, "The nextToken is not one that this operation gave.");
        if (from.Length == 2)
        {
            var condemned = await CondemnedAsync(from[0], from[1], limit, cancellationToken);
            var next = condemned.Count < limit ? "-1.0.0" : Join(condemned[^1].Key.Item1, condemned[^1].Key.Item2);
            return new CollectablePage([.. condemned.Select(row => row.Body)], next);
        }

        var overdue = await OverdueAsync((from[0], from[1], from[2]), limit, time.GetUtcNow(), cancellationToken);
        return new CollectablePage(
            [.. overdue.Where(row => row.Body is not null).Select(row => row.Body!)],
            overdue.Count < limit ? null : Join(overdue[^1].Key.Item1, overdue[^1].Key.Item2, overdue[^1].Key.Item3));
    }

    // Two numbers: after this condemned body. Three: after this link.
    private static bool TryParse(string? position, out long[] numbers)
    {
        numbers = [-1, 0];
        if (position is null) return true;
        var parts = position.Split('.');
        numbers = new long[parts.Length];
        if (parts.Length is not (2 or 3)) return false;
        for (var i = 0; i < parts.Length; i++)
            if (!long.TryParse(parts[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out numbers[i])) return false;
        return true;
    }

    private static string Join(params ReadOnlySpan<long> numbers)
    {
        var text = new System.Text.StringBuilder();
        foreach (var number in numbers) text.Append(text.Length == 0 ? "" : ".").Append(CultureInfo.InvariantCulture, $"{number}");
        return text.ToString();
    }

    private ValueTask<List<((long, long) Key, CollectableBody Body)>> CondemnedAsync(long since, long id, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            """
            SELECT condemned_at, id, digest, size FROM blobs
            WHERE state = 1 AND condemned_at IS NOT NULL AND (condemned_at, id) > (@since, @id) ORDER BY condemned_at, id LIMIT @limit
            """,
            row => ((row.GetInt64(0), row.GetInt64(1)), new CollectableBody(ImageRows.DigestAt(row, 2), row.GetInt64(3), row.GetTime(0) + content.CollectionGrace)),
            ("@since", since),
            ("@id", id),
            ("@limit", (long)limit)),
        cancellationToken);

    // A link stays when an image backs it, or when it has a lease that is not over, or none (only the sweep leads to those). The first
    // link of a body, by repository, stands for all of them.
    private ValueTask<List<((long, long, long) Key, CollectableBody? Body)>> OverdueAsync(
        (long Until, long Repository, long Blob) after, int limit, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.ReadAsync(
            session => session.QueryAsync(
                """
                SELECT l.leased_until, l.repository_id, l.blob_id, b.digest, b.size, CASE WHEN b.state = 0
                    AND NOT EXISTS (SELECT 1 FROM repository_blobs f WHERE f.blob_id = l.blob_id AND f.repository_id < l.repository_id)
                    AND NOT EXISTS (
                        SELECT 1 FROM repository_blobs s WHERE s.blob_id = l.blob_id AND (s.leased_until IS NULL OR s.leased_until > @now
                            OR EXISTS (SELECT 1 FROM manifest_blobs mb WHERE mb.blob_id = s.blob_id AND mb.repository_id = s.repository_id)))
                    AND NOT EXISTS (SELECT 1 FROM recycled_blobs r WHERE r.blob_id = l.blob_id) THEN 1 ELSE 0 END
                FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id
                WHERE l.leased_until <= @now AND (l.leased_until, l.repository_id, l.blob_id) > (@until, @repository, @blob)
                ORDER BY l.leased_until, l.repository_id, l.blob_id LIMIT @limit
                """,
                row => ((row.GetInt64(0), row.GetInt64(1), row.GetInt64(2)),
                    row.GetInt64(5) != 0 ? new CollectableBody(ImageRows.DigestAt(row, 3), row.GetInt64(4), now + content.CollectionGrace) : null),
                ("@now", now.ToDatabase()),
                ("@until", after.Until),
                ("@repository", after.Repository),
                ("@blob", after.Blob),
                ("@limit", (long)limit)),
            cancellationToken);
}
