using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// How many tags an image has, for the limit alone. Few are counted when asked; from <see cref="Counted"/> on a row keeps count, or a
/// hundred thousand pushes of a tag each would count five thousand million rows.
/// </summary>
internal static class TagCounts
{
    /// <summary>Tags from which on a row of <c>tag_counts</c> keeps count: it is there exactly while the image has at least as many.</summary>
    public const int Counted = 200;

    /// <summary>To be called before an image gets a tag that it does not have: false when it has <paramref name="limit"/> already.</summary>
    public static async ValueTask<bool> TryAddAsync(DbSession session, long manifestId, long limit)
    {
        var few = await session.QueryFirstAsync(
            "SELECT COUNT(*) FROM (SELECT 1 FROM tags WHERE manifest_id = @manifest LIMIT @counted) AS counted",
            static row => row.GetInt64(0),
            ("@manifest", manifestId),
            ("@counted", (long)Counted));
        if (few < Counted - 1) return true;
        var counted = await session.QueryFirstAsync<long?>("SELECT tags FROM tag_counts WHERE manifest_id = @manifest", static row => row.GetInt64(0), ("@manifest", manifestId));
        counted ??= await session.QueryFirstAsync("SELECT COUNT(*) FROM tags WHERE manifest_id = @manifest", static row => row.GetInt64(0), ("@manifest", manifestId));
        if (counted >= limit) return false;
        await SetAsync(session, manifestId, counted.Value + 1);
        return true;
    }

    /// <summary>To be called when an image has lost a tag and stays.</summary>
    public static async ValueTask RemovedAsync(DbSession session, long manifestId)
    {
        if (await session.ExecuteAsync("UPDATE tag_counts SET tags = tags - 1 WHERE manifest_id = @manifest", ("@manifest", manifestId)) == 0) return;
        await session.ExecuteAsync("DELETE FROM tag_counts WHERE manifest_id = @manifest AND tags < @counted", ("@manifest", manifestId), ("@counted", (long)Counted));
    }

    /// <summary>To be called when a new image has got so many tags at once.</summary>
    public static async ValueTask SetAsync(DbSession session, long manifestId, long tags)
    {
        if (tags < Counted) return;
        await session.ExecuteAsync(
            "INSERT INTO tag_counts (manifest_id, tags) VALUES (@manifest, @tags) ON CONFLICT (manifest_id) DO UPDATE SET tags = excluded.tags",
            ("@manifest", manifestId),
            ("@tags", tags));
    }
}
