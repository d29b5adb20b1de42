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

    private static readonly Dictionary<long, TableRow> None = [];

    private readonly RowReader reader = new(source);
    private readonly ChangeLog log = new(source);
    private readonly CopyTarget copy = new(target);

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
            after = TableRow.KeyFromText(rows[^1].KeyText);
            var there = isBlobs ? await copy.FindBlobsAsync(rows.Select(static row => (long)row["id"]!), cancellationToken) : None;
            await copy.PutAsync(shape, await companion.PrepareAsync(shape, rows, there, cancellationToken), note, rows[^1].KeyText, cancellationToken);
            progress(table, rows.Count);
        }

        await copy.PutAsync(shape, [], note, Done, cancellationToken);
    }

    /// <summary>Brings over one batch of changes.</summary>
    /// <returns>How many; 0 when there are none.</returns>
    public async Task<int> CatchUpAsync(CancellationToken cancellationToken)
    {
        var changed = await log.ReadAsync(ChangePage, RowReader.MaxBytes, cancellationToken);
        if (changed.Numbers.Count == 0) return 0;
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
        return changed.Numbers.Count;
    }

    /// <summary>Tables whose numbers of rows differ between the two databases; to be asked when nobody writes.</summary>
    public async Task<IReadOnlyList<string>> CompareAsync(CancellationToken cancellationToken)
    {
        var other = new RowReader(target);
        var differing = new List<string>();
        foreach (var shape in CopiedTables.Copied.Select(static name => TableShape.All[name]))
        {
            var (here, there) = (await reader.CountAsync(shape, cancellationToken), await other.CountAsync(shape, cancellationToken));
            if (here != there && shape.Name != "settings") differing.Add($"{shape.Name} has {here} rows at the source and {there} at the target");
        }

        return differing;
    }

    /// <summary>Rows of all tables that are copied.</summary>
    public async Task<long> CountAsync(CancellationToken cancellationToken)
    {
        var sum = 0L;
        foreach (var name in CopiedTables.Copied) sum += await reader.CountAsync(TableShape.All[name], cancellationToken);
        return sum;
    }

    /// <summary>The end of the copy, once nothing changes any more (<see cref="CopyTarget.FinishAsync"/>).</summary>
    public async Task FinishAsync(CancellationToken cancellationToken) => await copy.FinishAsync(await CopyTarget.NumbersAsync(source, cancellationToken), cancellationToken);

    /// <summary>What is not named in <see cref="CopiedTables"/> among the tables of a database: a copy would leave it out without a word.</summary>
    public static async ValueTask<IReadOnlyList<string>> FindUnknownAsync(IDatabase database, CancellationToken cancellationToken)
    {
        var tables = await database.ReadAsync(session => CopySql.ListTablesAsync(session, database is PostgresDatabase), cancellationToken);
        return [.. tables.Where(static table => !CopiedTables.Copied.Contains(table) && !CopiedTables.LeftOut.ContainsKey(table) && !ChangeLog.Tables.Contains(table) && !CopyTarget.Tables.Contains(table))];
    }
}
