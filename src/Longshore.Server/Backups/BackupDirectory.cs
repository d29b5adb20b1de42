using System.Security.Cryptography;
using System.Text.Json;
using Longshore.Storage.Blobs;

namespace Longshore.Server.Backups;

/// <summary>
/// The files of a backup: <c>backup.json</c>, <c>sets/TIME/</c> with the database, the trail and the small files of that moment, <c>blobs/</c> and
/// <c>archive/</c> with bodies as the registry's own stores lay them out.
/// </summary>
internal sealed class BackupDirectory(string path, TimeProvider time)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The file that makes it a backup.</summary>
    public string ManifestPath => Path.Combine(path, "backup.json");

    /// <summary>Where the sets are.</summary>
    public string Sets => Path.Combine(path, "sets");

    /// <summary>The directory of bodies.</summary>
    public string Blobs => Path.Combine(path, "blobs");

    /// <summary>The directory of archived bodies.</summary>
    public string Archive => Path.Combine(path, "archive");

    /// <summary>Whether there is a whole backup.</summary>
    public bool IsComplete => File.Exists(ManifestPath);

    /// <summary>The directory of a set.</summary>
    public string SetPath(string set) => Path.Combine(Sets, set);

    /// <summary>Takes the directory for writing, for its owner alone. It must be empty, or a backup, finished or not.</summary>
    /// <exception cref="BackupException">It holds something else, or another backup writes to it.</exception>
    public IDisposable Take()
    {
        var mark = Path.Combine(path, "lock");
        if (Directory.Exists(path) && !IsComplete && !File.Exists(mark) && Directory.EnumerateFileSystemEntries(path).Any())
            throw new BackupException($"{path} holds something that is no backup. Name an empty or a new directory.");
        Directory.CreateDirectory(path, OwnerOnly);
        try
        {
            var taken = new FileStream(mark, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            Directory.CreateDirectory(Sets, OwnerOnly);
            return taken;
        }
        catch (IOException)
        {
            throw new BackupException($"Another backup writes to {path}.");
        }
    }

    /// <summary>The stores of bodies, standard and archive.</summary>
    public (FileSystemBlobStore Standard, FileSystemBlobStore Archive) Stores() => (new FileSystemBlobStore(Blobs, time), new FileSystemBlobStore(Archive, time));

    /// <summary>The manifest; null when no backup into this directory was finished.</summary>
    /// <exception cref="BackupException">It cannot be understood.</exception>
    public BackupManifest? Read()
    {
        if (!IsComplete) return null;
        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(ManifestPath), BackupJson.Default.BackupManifest) ?? throw new JsonException("It is empty.");
            if (manifest.Format != BackupManifest.CurrentFormat) throw new BackupException($"{ManifestPath} has format {manifest.Format}, and this version of Longshore knows {BackupManifest.CurrentFormat}.");
            if (manifest.Set is "" or "." or ".." || manifest.Set.Contains('/', StringComparison.Ordinal) || manifest.Files.Any(static file => !IsName(file.Name)))
                throw new BackupException($"{ManifestPath} names files outside of the backup.");
            return manifest;
        }
        catch (JsonException e)
        {
            throw new BackupException($"{ManifestPath} cannot be understood: {e.Message}");
        }
    }

    /// <summary>Puts the manifest into place: from here on the backup is the new one.</summary>
    public void Write(BackupManifest manifest)
    {
        var temporary = ManifestPath + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, manifest, BackupJson.Default.BackupManifest);
            file.Flush(flushToDisk: true);
        }

        DurableFiles.SyncDirectory(Sets);
        File.Move(temporary, ManifestPath, overwrite: true);
        DurableFiles.SyncDirectory(path);
    }

    /// <summary>Describes a file of a set.</summary>
    public static BackupFile Describe(string directory, string name)
    {
        using var file = new FileStream(Path.Combine(directory, name), FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        return new BackupFile(name, file.Length, Convert.ToHexStringLower(SHA256.HashData(file)));
    }

    // "name" or "trail/name": nothing that leaves the directory.
    private static bool IsName(string name) =>
        name.Split('/') is { Length: 1 or 2 } parts && parts.All(static part => part.Length > 0 && part[0] != '.' && !part.Contains('\\', StringComparison.Ordinal));
}
