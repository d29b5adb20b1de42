namespace Longshore.Server.Hosting;

/// <summary>Exit codes of the process; documented in <c>docs/operate/options.md</c>.</summary>
internal static class ExitCodes
{
    /// <summary>The work is done; for a server: it was told to stop and did.</summary>
    public const int Done = 0;

    /// <summary>Something outside failed: an address in use, a directory that cannot be written, a newer database.</summary>
    public const int Failed = 1;

    /// <summary>The command line, the environment or the configuration file is wrong.</summary>
    public const int WrongOptions = 2;

    /// <summary>Another server runs on the data directory.</summary>
    public const int DataDirectoryTaken = 3;

    /// <summary>The key file is missing, is of another database, is broken, or may be read by others.</summary>
    public const int KeyFileRefused = 4;

    /// <summary>The store of bodies is not the one that the database belongs to, or is not mounted.</summary>
    public const int StoreRefused = 5;
}
