namespace Longshore.Storage.Metadata.Copying;

/// <summary>
/// Rows of <c>schema_migrations</c> far above every migration, by which no server starts on a database that is a half copy, or that was moved away.
/// </summary>
public static class CopyMarks
{
    /// <summary>A copy into this database is not finished.</summary>
    internal const long Unfinished = 1_000_000;

    /// <summary>The registry has moved from this database to another.</summary>
    internal const long Moved = 1_000_001;

    /// <summary>Sets the mark <c>@number</c>. On PostgreSQL it says too that no server of a former version may work on the schema.</summary>
    internal static string Insert(bool postgres) => postgres
        ? "INSERT INTO schema_migrations (number, name, oldest) VALUES (@number, 'longshore migrate', @number) ON CONFLICT (number) DO NOTHING"
        : "INSERT INTO schema_migrations (number, name) VALUES (@number, 'longshore migrate') ON CONFLICT (number) DO NOTHING";

    /// <summary>Refuses a database with a mark.</summary>
    /// <param name="found">The highest number in <c>schema_migrations</c>.</param>
    /// <exception cref="DatabaseMarkedException">It has one.</exception>
    internal static void Refuse(long found)
    {
        if (found == Unfinished) throw new DatabaseMarkedException("A copy into this database is not finished: run the same 'longshore migrate' again, it goes on where it ended.");
        if (found == Moved) throw new DatabaseMarkedException("This registry has moved to another database with 'longshore migrate': serve that one. To go back to this one, and lose what was pushed since: longshore migrate --forget.");
    }
}

/// <summary>The database is a half copy, or was moved away.</summary>
public sealed class DatabaseMarkedException(string message) : IOException(message);
