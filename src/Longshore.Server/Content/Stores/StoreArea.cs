using System.Text;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Stores;

/// <summary>One of the two areas of bodies, as the database knows it: the id of its store, and bodies that should be in it.</summary>
/// <param name="Option">The option that names its place.</param>
/// <param name="Setting">The row of <c>settings</c> with the id of its store: 32 hexadecimal digits.</param>
/// <param name="Prefix">What locations of its bodies begin with in the database; empty: all that do not begin with the archive's.</param>
internal sealed record StoreArea(string Option, string Setting, string Prefix)
{
    private const int End = 10;

    /// <summary>Where bodies are published.</summary>
    public static StoreArea Standard { get; } = new("--blobs", "store.id", "");

    /// <summary>Where those of archived images go.</summary>
    public static StoreArea Archive { get; } = new("--archive", "store.archive-id", TieredBlobStore.ArchivePrefix);

    /// <summary>Both.</summary>
    public static IReadOnlyList<StoreArea> All { get; } = [Standard, Archive];

    // As the index blobs_in_archive has it.
    private string Condition => Prefix.Length == 0 ? "substr(location, 1, 8) <> 'archive/'" : "substr(location, 1, 8) = 'archive/'";

    /// <summary>The id of the store that the database belongs to; null when it names none.</summary>
    public async ValueTask<string?> FindIdAsync(DbSession session) => await session.QueryFirstAsync(
        "SELECT value FROM settings WHERE name = @name", static row => row.GetBytes(0), ("@name", Setting)) is { } bytes ? Encoding.ASCII.GetString(bytes) : null;

    /// <summary>Names another store in the database; false when somebody else was faster, and nothing is changed.</summary>
    /// <param name="session">In a transaction.</param>
    /// <param name="former">What the database named before, null for none.</param>
    /// <param name="id">The new id.</param>
    public async ValueTask<bool> TrySetIdAsync(DbSession session, string? former, string id)
    {
        var value = Encoding.ASCII.GetBytes(id);
        return 1 == (former is null
            ? await session.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value) ON CONFLICT (name) DO NOTHING", ("@name", Setting), ("@value", value))
            : await session.ExecuteAsync(
                "UPDATE settings SET value = @value WHERE name = @name AND value = @former", ("@name", Setting), ("@value", value), ("@former", Encoding.ASCII.GetBytes(former))));
    }

    /// <summary>Where some bodies should be, the oldest and the newest of them, in the store's own words. Empty when the area has none.</summary>
    public async ValueTask<List<string>> SampleAsync(DbSession session)
    {
        var sample = new List<string>(2 * End);
        foreach (var order in new[] { "DESC", "ASC" })
        {
            sample.AddRange(await session.QueryAsync(
                $"SELECT location FROM blobs WHERE {Condition} AND state IN (0, 1) ORDER BY id {order} LIMIT @limit",
                row => row.GetString(0)[Prefix.Length..],
                ("@limit", (long)End)));
        }

        return [.. sample.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Takes the ids out of a copy of the database whose bodies are in another place: the first server there gives it new ones.</summary>
    public static async ValueTask<int> ForgetAsync(DbSession session)
    {
        var gone = 0;
        foreach (var area in All) gone += await session.ExecuteAsync("DELETE FROM settings WHERE name = @name", ("@name", area.Setting));
        return gone;
    }
}
