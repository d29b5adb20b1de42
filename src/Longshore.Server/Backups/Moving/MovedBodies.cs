using System.Collections.Concurrent;
using Longshore.Core;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.Storage.Metadata.Copying;

namespace Longshore.Server.Backups.Moving;

/// <summary>One area of bodies, standard or archive, on its way.</summary>
/// <param name="To">Where its bodies go.</param>
/// <param name="Stays">Whether it is the same place before and after: then nothing is copied, and nothing removed.</param>
internal sealed record MovedArea(IBlobStore To, bool Stays);

/// <summary>
/// Copies bodies ahead of their rows, hashing them on their way, and gives the rows the places that the new store chose. Rows of settings that are about a
/// server's own trail get the name that they have at the target.
/// </summary>
/// <param name="source">The database that names them.</param>
/// <param name="from">Where they are.</param>
/// <param name="standard">Where they go.</param>
/// <param name="archive">Where archived ones go.</param>
/// <param name="rename">The new name of a row of settings; null: it stays behind.</param>
/// <param name="copied">Told after each body: its size, and whether it had to be copied. On any thread.</param>
internal sealed class MovedBodies(
    IDatabase source, IBlobStore from, MovedArea standard, MovedArea archive, Func<string, string?> rename, Action<long, bool> copied) : IRowCompanion
{
    /// <summary>What keys of uploads begin with that a copy makes.</summary>
    private const string KeyPrefix = "migrate-";

    private const int Parallel = 6;
    private const int MostDamaged = 1000;
    private const long DamagedState = 2;

    /// <summary>Digests of bodies that are missing or damaged at the source; the first thousand.</summary>
    public ConcurrentQueue<string> Damaged { get; } = new();

    /// <summary>Removes what a killed copy left half written.</summary>
    public async Task RemoveUploadsAsync(CancellationToken cancellationToken)
    {
        foreach (var area in new[] { standard, archive })
        {
            await foreach (var upload in area.To.ListUploadsAsync(cancellationToken))
                if (upload.UploadKey.StartsWith(KeyPrefix, StringComparison.Ordinal)) await area.To.DeleteUploadAsync(upload.UploadKey, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TableRow>> PrepareAsync(TableShape shape, IReadOnlyList<TableRow> rows, IReadOnlyDictionary<long, TableRow> there, CancellationToken cancellationToken)
    {
        if (shape.Name == "settings") return RenameSettings(rows);
        if (shape.Name != CopiedTables.Blobs) return rows;
        var kept = new bool[rows.Count];
        await System.Threading.Tasks.Parallel.ForAsync(
            0,
            rows.Count,
            new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
            async (i, token) =>
            {
                if (await PlaceAsync(rows[i], there.GetValueOrDefault((long)rows[i]["id"]!), token) is not { } location) return;
                rows[i]["location"] = location;
                kept[i] = true;
            });
        return [.. rows.Where((_, i) => kept[i])];
    }

    /// <inheritdoc/>
    public async ValueTask ReplacedAsync(IReadOnlyList<TableRow> gone, CancellationToken cancellationToken)
    {
        foreach (var row in gone)
        {
            var (area, location) = Route((string)row["location"]!);
            if (!area.Stays) await area.To.DeleteAsync(location, cancellationToken);
        }
    }

    private List<TableRow> RenameSettings(IReadOnlyList<TableRow> rows)
    {
        var kept = new List<TableRow>(rows.Count);
        foreach (var row in rows)
        {
            if (rename((string)row["name"]!) is not { } name) continue;
            row["name"] = name;
            kept.Add(row);
        }

        return kept;
    }

    /// <summary>The place of a row's body at the target, where it is when this returns. Null when the row is gone meanwhile.</summary>
    private async ValueTask<string?> PlaceAsync(TableRow row, TableRow? there, CancellationToken cancellationToken)
    {
        var location = (string)row["location"]!;
        var size = (long)row["size"]!;
        var generation = (long)row["generation"]!;
        var (area, _) = Route(location);
        if (area.Stays || (there is not null && Equals(there["generation"], generation) && Equals(there["digest"], row["digest"])))
        {
            copied(size, false);
            return area.Stays ? location : (string)there!["location"]!;
        }

        var digest = Digest.TryParse((string)row["digest"]!, out var parsed) ? parsed : throw new BackupException($"The database has a body with the digest {row["digest"]}.");
        var prefix = TieredBlobStore.IsArchived(location) ? TieredBlobStore.ArchivePrefix : "";
        var own = BlobLocations.Of(area.To, digest, generation, size);
        if (!Equals(row["state"], DamagedState))
        {
            if (await IsThereAsync(area.To, own, size, cancellationToken))
            {
                copied(size, false);
                return prefix + own;
            }

            if (await CopyAsync(location, area.To, digest, generation, size, cancellationToken) is { } published)
            {
                copied(size, true);
                return prefix + published;
            }

            if (!await IsCurrentAsync((long)row["id"]!, generation, location, cancellationToken)) return null;
            if (Damaged.Count < MostDamaged) Damaged.Enqueue(digest.Value);
        }

        copied(size, false);
        return prefix + own;
    }

    private static async ValueTask<bool> IsThereAsync(IBlobStore store, string location, long size, CancellationToken cancellationToken)
    {
        // A bucket's locations are new each time: what a killed run left there is found by the daily scrub.
        if (store is not FileSystemBlobStore) return false;
        await using (var reader = await store.OpenReadAsync(location, cancellationToken))
            if (reader is null || reader.Length == size) return reader is not null;
        await store.DeleteAsync(location, cancellationToken);
        return false;
    }

    /// <returns>Where the copy is; null when there is no whole body to be copied.</returns>
    private async ValueTask<string?> CopyAsync(string location, IBlobStore to, Digest digest, long generation, long size, CancellationToken cancellationToken)
    {
        await using var reader = await from.OpenReadAsync(location, cancellationToken);
        if (reader is null || reader.Length != size) return null;
        return await BodyTransfer.CopyAsync(reader, to, KeyPrefix + Guid.NewGuid().ToString("N"), digest, generation, cancellationToken);
    }

    private async ValueTask<bool> IsCurrentAsync(long id, long generation, string location, CancellationToken cancellationToken) => await source.ReadAsync(
        session => session.QueryFirstAsync(
            "SELECT 1 FROM blobs WHERE id = @id AND generation = @generation AND location = @location",
            static row => Convert.ToInt64(row.GetValue(0), System.Globalization.CultureInfo.InvariantCulture),
            ("@id", id),
            ("@generation", generation),
            ("@location", location)),
        cancellationToken) == 1;

    private (MovedArea Area, string Location) Route(string location) =>
        TieredBlobStore.IsArchived(location) ? (archive, location[TieredBlobStore.ArchivePrefix.Length..]) : (standard, location);
}
