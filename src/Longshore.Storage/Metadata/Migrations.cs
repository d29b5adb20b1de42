using System.Globalization;
using System.Reflection;

namespace Longshore.Storage.Metadata;

/// <summary>The numbered migrations: embedded <c>NNNN_name.sql</c> files, applied in order, each in one transaction.</summary>
internal static class Migrations
{
    private static readonly (string Token, string Sqlite)[] SqliteTokens =
    [
        ("{id}", "INTEGER PRIMARY KEY AUTOINCREMENT"), // Ids are never given twice: a late reference cannot hit a new row.
        ("{text}", "TEXT"),
        ("{blob}", "BLOB"),
        ("{rowless}", " WITHOUT ROWID"),
    ];

    /// <summary>All migrations, lowest number first, in SQLite's dialect.</summary>
    public static IReadOnlyList<Migration> ForSqlite { get; } = Load();

    private static List<Migration> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
                var sql = SqliteTokens.Aggregate(reader.ReadToEnd(), (text, token) => text.Replace(token.Token, token.Sqlite, StringComparison.Ordinal));
                return new Migration(int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture), name, sql);
            })];
    }
}

/// <summary>One numbered change of the schema.</summary>
internal sealed record Migration(int Number, string Name, string Sql);
