namespace Longshore.Storage.Metadata.Copying;

/// <summary>Sees to what belongs to rows on their way: bodies that must be in the new store before their row is.</summary>
public interface IRowCompanion
{
    /// <summary>Looks at rows before they are written, and may change their values or leave some out.</summary>
    /// <param name="shape">Their table.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="there">Rows of bodies that the target has for the same ids; empty for other tables.</param>
    /// <param name="cancellationToken">Ends it.</param>
    ValueTask<IReadOnlyList<TableRow>> PrepareAsync(TableShape shape, IReadOnlyList<TableRow> rows, IReadOnlyDictionary<long, TableRow> there, CancellationToken cancellationToken);

    /// <summary>The target has let go of these rows of bodies, or has others in their place.</summary>
    ValueTask ReplacedAsync(IReadOnlyList<TableRow> gone, CancellationToken cancellationToken);
}

/// <summary>
/// Copies the rows of a registry from one database to another while it serves: each table once in the order of its key, then what changed since, over
/// and over, until nothing does. Every step is noted in the target in the transaction of its rows, so that a killed copy goes on where it was.
/// </summary>
/// <param name="source">Where from.</param>
/// <param name="target">Where to.</param>
/// <param name="companion">Sees to bodies.</param>
/// <param name="progress">Told the table and the number of rows that were written.</param>
public sealed class RegistryRows(IDatabase source, IDatabase target, IRowCompanion companion, Action<string, long> progress)
{
    private const string Done = "done";
    private const int BodyPage = 64;
    private const int ChangePage = 200;
    private const int CompareAttempts = 20;
    private const long LargeTable = 20_000;

    private static readonly Dictionary<long, TableRow> None = [];

    private readonly RowReader reader = new(source);
    private readonly RowReader targetReader = new(target);
    private readonly ChangeLog log = new(source);
    private readonly CopyTarget copy = new(target);
    private readonly HashSet<string> compared = new(StringComparer.Ordinal);
    private string? id;

    /// <summary>Copies a table, from where the last run ended.</summary>
    public async Task CopyTableAsync(string table, CancellationToken cancellationToken)
    {
        var shape = TableShape.All[table];
        var note = "table " + table;
        var noted = await copy.ReadAsync(note, cancellationToken);
        if (noted == Done) return;
        var after = noted is null ? null : TableRow.KeyFromText(noted);
        var isBlobs = table == CopiedTables.Blobs;
        while (true)
        {
            var rows = await reader.ReadAsync(shape, after, isBlobs ? BodyPage : RowReader.MaxRows, cancellationToken);
            if (rows.Count == 0) break;
            // Before the companion may rename the row.
            var last = rows[^1].KeyText;
            after = TableRow.KeyFromText(last);
            var there = isBlobs ? await copy.FindBlobsAsync(rows.Select(static row => (long)row["id"]!), cancellationToken) : None;
            await copy.PutAsync(shape, await companion.PrepareAsync(shape, rows, there, cancellationToken), note, last, cancellationToken);
            progress(table, rows.Count);
        }

        await copy.PutAsync(shape, [], note, Done, cancellationToken);
    }

    /// <summary>Brings over one batch of changes.</summary>
    /// <returns>How many; 0 when there are none.</returns>
    public async Task<int> CatchUpAsync(CancellationToken cancellationToken) => (await CatchUpOnceAsync(cancellationToken)).Count;

    /// <summary>Brings over changes until few are left: where somebody always writes, there is no moment without any.</summary>
    public async Task CatchUpNearlyAsync(CancellationToken cancellationToken)
    {
        while (!(await CatchUpOnceAsync(cancellationToken)).IsAll)
        {
        }
    }

    private async Task<(int Count, bool IsAll)> CatchUpOnceAsync(CancellationToken cancellationToken)
    {
        id ??= await copy.ReadSourceAsync(cancellationToken);
        var changed = await log.ReadAsync(id, ChangePage, RowReader.MaxBytes, cancellationToken);
        if (changed.Numbers.Count == 0) return (0, true);
        var ids = changed.Rows.Keys.Where(static row => row.Table == CopiedTables.Blobs).Select(static row => (long)TableRow.KeyFromText(row.Key)[0]).ToList();
        var there = ids.Count == 0 ? None : await copy.FindBlobsAsync(ids, cancellationToken);
        var rows = new Dictionary<(string Table, string Key), TableRow?>();
        foreach (var table in changed.Rows.GroupBy(static row => row.Key.Table, StringComparer.Ordinal))
        {
            foreach (var row in table) rows[row.Key] = null;
            var now = table.Where(static row => row.Value is not null).Select(static row => row.Value!).ToList();
            foreach (var row in await companion.PrepareAsync(TableShape.All[table.Key], now, there, cancellationToken)) rows[(table.Key, row.KeyText)] = row;
        }

        await copy.PutAsync(rows, cancellationToken);
        var gone = new List<TableRow>();
        foreach (var old in there.Values)
        {
            // A body that was collected and pushed again may lie where the former one did.
            if (await copy.FindLocationAsync((string)old["digest"]!, cancellationToken) != (string)old["location"]!) gone.Add(old);
        }

        await companion.ReplacedAsync(gone, cancellationToken);
        await log.ForgetAsync(changed.Numbers, cancellationToken);
        progress("changes", changed.Numbers.Count);
        return (changed.Numbers.Count, changed.IsAll);
    }

    /// <summary>
    /// Compares the numbers of rows of large tables while the source serves, so that the cut need not wait for it: at a moment at which the log has no
    /// change of the table. One that is never without changes is left to <see cref="CompareAsync"/>.
    /// </summary>
    /// <returns>Tables that differ, in words.</returns>
    public async Task<IReadOnlyList<string>> CompareLargeAsync(CancellationToken cancellationToken)
    {
        var differing = new List<string>();
        foreach (var shape in Compared)
        {
            for (var attempt = 0; attempt < CompareAttempts; attempt++)
            {
                await CatchUpNearlyAsync(cancellationToken);
                var (hasChanges, here) = await log.CountAsync(shape, cancellationToken);
                if (here < LargeTable) break;
                if (hasChanges) continue;
                Compare(shape, here, await targetReader.CountAsync(shape, cancellationToken), differing);
                compared.Add(shape.Name);
                break;
            }
        }

        return differing;
    }

    /// <summary>Tables whose numbers of rows differ between the two databases; to be asked when nobody writes.</summary>
    public async Task<IReadOnlyList<string>> CompareAsync(CancellationToken cancellationToken)
    {
        var differing = new List<string>();
        foreach (var shape in Compared.Where(shape => !compared.Contains(shape.Name)))
            Compare(shape, await reader.CountAsync(shape, cancellationToken), await targetReader.CountAsync(shape, cancellationToken), differing);
        return differing;
    }

    /// <summary>Rows of all tables that are copied, at the source and, as far as they are there, at the target.</summary>
    public async Task<(long Source, long Target)> CountAsync(CancellationToken cancellationToken)
    {
        var (here, there) = (0L, 0L);
        foreach (var name in CopiedTables.Copied)
        {
            here += await reader.CountAsync(TableShape.All[name], cancellationToken);
            there += await targetReader.CountAsync(TableShape.All[name], cancellationToken);
        }

        return (here, there);
    }

    /// <summary>The end of the copy, once nothing changes any more (<see cref="CopyTarget.FinishAsync"/>).</summary>
    public async Task FinishAsync(CancellationToken cancellationToken) => await copy.FinishAsync(await CopyTarget.NumbersAsync(source, cancellationToken), cancellationToken);

    // Settings about the trails of other servers may be left out.
    private static IEnumerable<TableShape> Compared => CopiedTables.Copied.Where(static name => name != "settings").Select(static name => TableShape.All[name]);

    private static void Compare(TableShape shape, long here, long there, List<string> differing)
    {
        if (here != there) differing.Add($"{shape.Name} has {here} rows at the source and {there} at the target");
    }

    /// <summary>What is not named in <see cref="CopiedTables"/> among the tables of a database: a copy would leave it out without a word.</summary>
    public static async ValueTask<IReadOnlyList<string>> FindUnknownAsync(IDatabase database, CancellationToken cancellationToken)
    {
        var tables = await database.ReadAsync(session => CopySql.ListTablesAsync(session, database is PostgresDatabase), cancellationToken);
        return [.. tables.Where(static table => !CopiedTables.Copied.Contains(table) && !CopiedTables.LeftOut.ContainsKey(table) && !ChangeLog.Tables.Contains(table) && !CopyTarget.Tables.Contains(table))];
    }
}
