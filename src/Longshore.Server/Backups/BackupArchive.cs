using System.Formats.Tar;

namespace Longshore.Server.Backups;

/// <summary>
/// A backup as one tar file. It is made of a directory beside it, which an interrupted run leaves for the next one, and is unpacked beside where it is
/// needed: both take the room twice for as long as that takes. Large registries are better kept as directories, which are also incremental.
/// </summary>
internal static class BackupArchive
{
    private const string Ending = ".tar";

    /// <summary>Whether a path means a tar file.</summary>
    public static bool Is(string path) => path.EndsWith(Ending, StringComparison.Ordinal) && !Directory.Exists(path);

    /// <summary>The directory out of which the file is made.</summary>
    public static string WorkOf(string path) => path + ".work";

    /// <summary>Packs the directory and removes it. The file appears whole.</summary>
    public static async Task PackAsync(string path, CancellationToken cancellationToken)
    {
        var (work, temporary) = (WorkOf(path), path + ".tmp");
        File.Delete(Path.Combine(work, "lock"));
        await using (var file = new FileStream(
            temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite, Options = FileOptions.Asynchronous, BufferSize = 1 << 20 }))
        {
            await TarFile.CreateFromDirectoryAsync(work, file, includeBaseDirectory: false, cancellationToken);
            await file.FlushAsync(cancellationToken);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        Storage.Blobs.DurableFiles.SyncDirectory(Path.GetDirectoryName(path)!);
        Directory.Delete(work, recursive: true);
    }

    /// <summary>Works on a backup as a directory: on itself, or on what a file holds, unpacked for as long as the work takes.</summary>
    /// <param name="path">The backup.</param>
    /// <param name="beside">Beside this it is unpacked.</param>
    /// <param name="work">Takes the directory.</param>
    /// <param name="cancellationToken">Ends the unpacking.</param>
    /// <exception cref="BackupException">The file is no tar file, or is cut off.</exception>
    public static async Task<T> UnpackedAsync<T>(string path, string beside, Func<string, Task<T>> work, CancellationToken cancellationToken)
    {
        if (!Is(path)) return await work(path);
        var unpacked = $"{beside}.{Guid.NewGuid():N}";
        try
        {
            await UnpackAsync(path, unpacked, cancellationToken);
            return await work(unpacked);
        }
        finally
        {
            Directory.Delete(unpacked, recursive: true);
        }
    }

    private static async Task UnpackAsync(string path, string directory, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            await TarFile.ExtractToDirectoryAsync(path, directory, overwriteFiles: false, cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new BackupException($"{path} is no backup, or not all of one: {e.Message}");
        }
    }
}
