namespace Longshore.Storage.Blobs;

/// <summary>Files whose names must appear whole and outlive a crash.</summary>
public static class DurableFiles
{
    /// <summary>Gives a file a second name, atomically; false when something has that name already.</summary>
    /// <exception cref="IOException">The name cannot be made.</exception>
    public static bool TryLink(string path, string newName) => Posix.TryLink(path, newName);

    /// <summary>Makes the entries of a directory durable: new names, renames and removals in it.</summary>
    /// <exception cref="IOException">The directory cannot be opened or synced.</exception>
    public static void SyncDirectory(string path) => Posix.SyncDirectory(path);
}
