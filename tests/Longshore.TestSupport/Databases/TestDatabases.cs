using System.Collections.Concurrent;
using System.Globalization;
using Longshore.Storage.Metadata;

namespace Longshore.TestSupport.Databases;

/// <summary>
/// Which database the tests run on: SQLite, a file in each data directory; or with <c>LONGSHORE_TEST_DATABASE=postgres</c> PostgreSQL, a database
/// of one local server for each data directory. Whoever opens or serves a directory asks here.
/// </summary>
public static class TestDatabases
{
    private static readonly ConcurrentDictionary<string, Lazy<string>> Urls = new(StringComparer.Ordinal);
    private static long serial;

    /// <summary>Whether the tests run on PostgreSQL.</summary>
    public static bool IsPostgres { get; } = Environment.GetEnvironmentVariable("LONGSHORE_TEST_DATABASE") switch
    {
        null or "" or "sqlite" => false,
        "postgres" => true,
        var other => throw new InvalidOperationException($"LONGSHORE_TEST_DATABASE is '{other}', and may be sqlite or postgres."),
    };

    /// <summary>The URL of a data directory's database, which is made on the first call; null on SQLite, where the directory is enough.</summary>
    public static string? UrlOf(string dataDirectory) =>
        IsPostgres ? Urls.GetOrAdd(Normal(dataDirectory), _ => new Lazy<string>(static () => TestPostgres.CreateDatabase(Name()))).Value : null;

    /// <summary>What a command that is given <c>--data</c> needs besides.</summary>
    public static IReadOnlyList<string> Arguments(string dataDirectory) => UrlOf(dataDirectory) is { } url ? ["--database", url] : [];

    /// <summary>Opens the database of a data directory, as a server does.</summary>
    public static IDatabase Open(string dataDirectory) =>
        UrlOf(dataDirectory) is { } url ? PostgresDatabase.Open(Address(url), TimeProvider.System) : SqliteDatabase.Open(FileOf(dataDirectory));

    /// <summary>Opens it beside the server that owns it.</summary>
    public static IDatabase OpenForReading(string dataDirectory) =>
        UrlOf(dataDirectory) is { } url ? PostgresDatabase.OpenForReading(Address(url), TimeProvider.System) : SqliteDatabase.OpenForReading(FileOf(dataDirectory));

    /// <summary>Removes the databases of the data directories in and below a directory that goes.</summary>
    public static void Forget(string directory)
    {
        if (!IsPostgres) return;
        var root = Normal(directory);
        foreach (var path in Urls.Keys.Where(path => path == root || path.StartsWith(root + "/", StringComparison.Ordinal)))
            if (Urls.TryRemove(path, out var url) && url.IsValueCreated) TestPostgres.DropDatabase(url.Value);
    }

    /// <summary>Skips a test that is about SQLite's files.</summary>
    /// <exception cref="SkipTestException">The tests run on PostgreSQL.</exception>
    public static void RequireSqlite(string why)
    {
        if (IsPostgres) throw new Processes.SkipTestException($"is about SQLite's file: {why}");
    }

    /// <summary>Skips a test that starts what it needs of PostgreSQL by itself, where the tests run on SQLite: once is enough.</summary>
    /// <exception cref="SkipTestException">The tests run on SQLite.</exception>
    public static void RequirePostgres()
    {
        if (!IsPostgres) throw new Processes.SkipTestException("is about PostgreSQL: LONGSHORE_TEST_DATABASE=postgres");
    }

    /// <summary>A name that no other database of this process has.</summary>
    internal static string Name() => string.Create(CultureInfo.InvariantCulture, $"t{Interlocked.Increment(ref serial)}");

    private static PostgresAddress Address(string url) => PostgresAddress.Parse(url, out var problem) ?? throw new InvalidOperationException(problem);

    private static string FileOf(string dataDirectory) => Path.Combine(dataDirectory, "longshore.db");

    private static string Normal(string directory) => Path.GetFullPath(directory).TrimEnd('/');
}
