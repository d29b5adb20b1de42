using System.Globalization;
using System.Text;
using Longshore.Storage.Metadata;

namespace Longshore.Generator;

/// <summary>Rows of one table, written many at a time: a statement a row would cost more than the rows themselves.</summary>
internal sealed class BulkRows
{
    /// <summary>Rows of one statement.</summary>
    private const int Most = 50;

    private readonly string table;
    private readonly string[] columns;
    private readonly string many;
    private readonly string one;
    private readonly string[] names;
    private readonly DbArg[] args;
    private readonly List<object?[]> rows = [];

    /// <summary>For these columns of a table.</summary>
    public BulkRows(string table, params string[] columns)
    {
        this.table = table;
        this.columns = columns;
        many = Sql(Most);
        one = Sql(1);
        names = [.. Enumerable.Range(0, Most * columns.Length).Select(static i => string.Create(CultureInfo.InvariantCulture, $"@a{i}"))];
        args = new DbArg[names.Length];
    }

    /// <summary>Rows added so far.</summary>
    public long Count { get; private set; }

    /// <summary>Adds a row, with its values in the order of the columns.</summary>
    public void Add(params object?[] values)
    {
        rows.Add(values);
        Count++;
    }

    /// <summary>Writes what was added since the last time.</summary>
    public async ValueTask FlushAsync(DbSession session)
    {
        var at = 0;
        for (; rows.Count - at >= Most; at += Most) await RunAsync(session, many, at, Most);
        for (; at < rows.Count; at++) await RunAsync(session, one, at, 1);
        rows.Clear();
    }

    private ValueTask<int> RunAsync(DbSession session, string sql, int from, int count)
    {
        var to = 0;
        for (var row = from; row < from + count; row++)
            foreach (var value in rows[row]) args[to] = (names[to++], value);
        return session.ExecuteAsync(sql, args.AsSpan(0, to));
    }

    private string Sql(int count)
    {
        var text = new StringBuilder($"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ");
        for (var row = 0; row < count; row++)
        {
            text.Append(row == 0 ? "(" : ", (");
            for (var column = 0; column < columns.Length; column++)
                text.Append(column == 0 ? "" : ", ").Append(CultureInfo.InvariantCulture, $"@a{(row * columns.Length) + column}");
            text.Append(')');
        }

        return text.ToString();
    }
}
