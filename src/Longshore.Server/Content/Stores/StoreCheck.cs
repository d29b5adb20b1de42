using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Stores;

/// <summary>
/// Compares the id that a store of bodies has with the one that the database names: whether they belong together. The first start makes both: (1) a mark is
/// put into the store, called new; (2) the database takes its id, unless it has one; (3) the mark is called taken. Of servers that start at the same
/// moment one puts the mark, and one gives the database its id: all that use the same store find it right, and none of the others does.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="place">Where it is, for people; without secrets.</param>
/// <param name="store">The store.</param>
/// <param name="area">Which of its areas it is to be.</param>
/// <param name="findOthers">Says who else uses the database; null when nobody does.</param>
/// <param name="logger">Told what was changed.</param>
internal sealed class StoreCheck(IDatabase database, string place, IMarkedStore store, StoreArea area, Func<CancellationToken, ValueTask<string?>> findOthers, ILogger logger)
{
    // Each round either ends or finds that another server has just changed something.
    private const int Rounds = 10;

    private const string WayOut = "If its blobs were put there on purpose: longshore store adopt.";

    /// <summary>The store.</summary>
    public IMarkedStore Store => store;

    /// <summary>Which area it is.</summary>
    public StoreArea Area => area;

    private string What => $"{area.Option} {store.Place}";

    /// <summary>Compares.</summary>
    /// <param name="adopt">Whether what has no id yet gets one, where nobody can be mistaken; else nothing is changed.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null when they belong together; else a sentence for the operator that says why not, and what to do.</returns>
    /// <exception cref="IOException">The store does not answer.</exception>
    public async ValueTask<string?> FindFaultAsync(bool adopt, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var known = await database.ReadAsync(area.FindIdAsync, cancellationToken);
            var text = await store.ReadMarkAsync(cancellationToken);
            var mark = text is null ? null : StoreMark.TryParse(text);
            if (text is not null && mark is null)
                return $"the file {IMarkedStore.MarkName} of {What} is damaged, or of a newer version: nobody can tell whose store it is. If it is the right one: longshore store adopt.";
            if (mark?.Id == known && mark is { } own)
            {
                if (own.IsNew && adopt) await store.ReplaceMarkAsync((own with { IsNew = false }).ToString(), cancellationToken);
                return null;
            }

            if (mark is { IsNew: false } taken) return Foreign(taken.Id, known);
            if (await FindDoubtAsync(known, cancellationToken) is { } doubt) return doubt;
            if (!adopt || !await AdoptAsync(known, mark, cancellationToken)) return null;
        }

        return $"{What} is given one id after another: is it used by servers of several databases?";
    }

    /// <summary>Gives the store a new id, and the database the same. Nobody else may use either.</summary>
    public async ValueTask<string> AdoptAsync(CancellationToken cancellationToken)
    {
        var mark = StoreMark.Make() with { IsNew = false };
        await store.ReplaceMarkAsync(mark.ToString(), cancellationToken);
        await database.WriteAsync(
            Durability.Synced, async session => await area.TrySetIdAsync(session, await area.FindIdAsync(session), mark.Id), cancellationToken);
        return mark.Id;
    }

    /// <summary>Looks for some of the bodies that should be there.</summary>
    /// <returns>How many were looked for, and how many are there.</returns>
    public async ValueTask<(int Sought, int Found)> SampleAsync(bool untilFound, CancellationToken cancellationToken)
    {
        var sample = await database.ReadAsync(area.SampleAsync, cancellationToken);
        var found = 0;
        foreach (var location in sample)
        {
            if (await HasAsync(location, cancellationToken)) found++;
            if (untilFound && found > 0) break;
        }

        return (sample.Count, found);
    }

    private async ValueTask<bool> HasAsync(string location, CancellationToken cancellationToken)
    {
        try
        {
            await using var reader = await store.OpenReadAsync(location, cancellationToken);
            return reader is not null;
        }
        catch (ArgumentException)
        {
            // A store of another kind made the location.
            return false;
        }
    }

    /// <summary>Why a store without an id is not to be taken for that of the database; null when it may be.</summary>
    private async ValueTask<string?> FindDoubtAsync(string? known, CancellationToken cancellationToken)
    {
        var (sought, found) = await SampleAsync(untilFound: true, cancellationToken);
        if (known is not null && sought > 0)
            return $"{What} has no id, and the database {place} has blobs in the store {known}: it is not mounted, empty, or another place. Mount it, or name the right one. {WayOut}";
        if (sought > 0 && found == 0)
            return $"the blobs of the database {place} are not in {What}: it is not mounted, empty, or another place. Mount it, or name the right one. {WayOut}";
        return known is not null && await findOthers(cancellationToken) is not null
            ? $"{What} has no id, and others use the database {place} with the store {known}. Give all its servers the same {area.Option}. {WayOut}"
            : null;
    }

    /// <summary>One step on the way; false when the store cannot be marked and is used without.</summary>
    private async ValueTask<bool> AdoptAsync(string? known, StoreMark? mark, CancellationToken cancellationToken)
    {
        try
        {
            if (mark is null) await store.TryAddMarkAsync(StoreMark.Make().ToString(), cancellationToken);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not StorageUnavailableException)
        {
            // A full or read-only store serves pulls still: the next start tries again.
            logger.StoreNotMarked(e, store.Place);
            return false;
        }

        if (mark is not { } added) return true;
        var set = await database.WriteAsync(
            Durability.Synced,
            // Once more where no other write is: between two looks somebody may have pushed.
            async session => (known is null || (await area.SampleAsync(session)).Count == 0) && await area.TrySetIdAsync(session, known, added.Id),
            cancellationToken);
        if (set) logger.StoreTaken(store.Place, added.Id);
        return true;
    }

    private string Foreign(string found, string? known) => known is null
        ? $"{What} is the store {found} of another database, and {place} names none: what the other one keeps there would be removed as nobody's. Name a place of its own. {WayOut}"
        : $"{What} is the store {found}, and the database {place} belongs to the store {known}. Give all servers of a database the same {area.Option}. {WayOut}";
}
