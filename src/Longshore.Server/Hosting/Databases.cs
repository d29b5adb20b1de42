using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>The database that the options name.</summary>
internal static class Databases
{
    /// <summary>Opens it for reading and writing, and brings its schema up to date.</summary>
    public static IDatabase Open(ServeOptions options, TimeProvider time) =>
        options.Database is { } address ? PostgresDatabase.Open(address, time) : SqliteDatabase.Open(FileOf(options));

    /// <summary>Opens it beside the servers that use it; nothing may be written.</summary>
    public static IDatabase OpenForReading(ServeOptions options, TimeProvider time) =>
        options.Database is { } address ? PostgresDatabase.OpenForReading(address, time) : SqliteDatabase.OpenForReading(FileOf(options));

    /// <summary>Opens it as one end of a move, whatever marks an earlier run has left.</summary>
    /// <param name="options">They name it.</param>
    /// <param name="time">Measures pauses.</param>
    /// <param name="create">Whether it is made when missing.</param>
    public static IDatabase OpenForCopying(ServeOptions options, TimeProvider time, bool create) =>
        options.Database is { } address ? PostgresDatabase.OpenForCopying(address, time, create) : SqliteDatabase.OpenForCopying(FileOf(options), create);

    /// <summary>Why there is no registry to be looked at, or null when there may be one: a command must not create a database by a slip of the pen.</summary>
    public static string? FindMissing(ServeOptions options) => options.Database is not null || File.Exists(FileOf(options))
        ? null
        : $"there is no registry in {options.DataDirectory}: {ServerComposition.DatabaseFile} is missing. Name its data directory with --data, or its database with --database.";

    /// <summary>Why the database is not free for a command that must be alone with it, or null when it is. The embedded one is guarded by its directory's lock.</summary>
    public static async ValueTask<string?> FindOthersAsync(IDatabase database, CancellationToken cancellationToken) =>
        database is PostgresDatabase postgres && await postgres.FindOthersAsync(cancellationToken) is { } others
            ? $"Other connections use the database: {others}. Stop every server on it first."
            : null;

    /// <summary>Where it is, for people; without its password.</summary>
    public static string PlaceOf(ServeOptions options) => options.Database?.ToString() ?? FileOf(options);

    private static string FileOf(ServeOptions options) => Path.Combine(options.DataDirectory, ServerComposition.DatabaseFile);
}
