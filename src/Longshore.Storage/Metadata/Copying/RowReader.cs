namespace Longshore.Storage.Metadata.Copying;

/// <summary>Reads a table in the order of its key, in pages that are bounded in rows and bytes.</summary>
internal sealed class RowReader(IDatabase source)
{
    /// <summary>Rows of a page at the most.</summary>
    public const int MaxRows = 1000;

    /// <summary>Bytes after which a page ends.</summary>
    public const long MaxBytes = 8 << 20;

    /// <summary>A page.</summary>
    /// <param name="shape">The table.</param>
    /// <param name="after">The key of the last row of the page before; null for the first.</param>
    /// <param name="maxRows">Rows at the most.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public ValueTask<List<TableRow>> ReadAsync(TableShape shape, object[]? after, int maxRows, CancellationToken cancellationToken) => source.ReadSnapshotAsync(
        async session =>
        {
            var behind = after is null ? "" : $" WHERE ({string.Join(", ", shape.Key)}) > ({string.Join(", ", shape.Key.Select(static (_, i) => TableRow.Argument(i)))})";
            var order = $" ORDER BY {string.Join(", ", shape.Key)} LIMIT @limit";
            DbArg[] position = after is null ? [] : CopySql.KeyArguments(after);
            // Lengths first, where a row may be long: a page of large manifests must not be read whole.
            var wide = shape.Columns.Where(static column => column.Type != ColumnType.Number).Select(static column => $"COALESCE(length({column.Name}), 0)").ToList();
            var lengths = wide.Count == 0
                ? []
                : await session.QueryAsync($"SELECT {string.Join(" + ", wide)} FROM {shape.Name}{behind}{order}", static row => Convert.ToInt64(row.GetValue(0), System.Globalization.CultureInfo.InvariantCulture), [.. position, ("@limit", (long)maxRows)]);
            var limit = wide.Count == 0 ? maxRows : 0;
            for (var bytes = 0L; limit < lengths.Count && (limit == 0 || bytes + lengths[limit] <= MaxBytes); limit++) bytes += lengths[limit];
            return limit == 0
                ? []
                : await session.QueryAsync(
                    $"SELECT {CopySql.Columns(shape, CopiedTables.Replacement)} FROM {shape.Name}{behind}{order}", row => TableRow.Read(shape, row), [.. position, ("@limit", (long)limit)]);
        },
        cancellationToken);

    /// <summary>How many rows a table has.</summary>
    public ValueTask<long> CountAsync(TableShape shape, CancellationToken cancellationToken) =>
        source.ReadAsync(session => session.QueryFirstAsync($"SELECT COUNT(*) FROM {shape.Name}", static row => row.GetInt64(0)), cancellationToken);
}
