using Longshore.Server.Access;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Backups;

/// <summary>
/// Makes a registry out of a backup, in directories that are empty. The database gets its name last: a restore that was interrupted leaves nothing
/// that a server would start on.
/// </summary>
internal sealed class BackupRestorer(BackupDirectory backup, TimeProvider time, Action<BackupProgress> progress)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Restores.</summary>
    /// <param name="registry">Where to.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BackupException">There is no finished backup, one of its files is not what it was, or the target is not empty.</exception>
    public async Task<(BackupManifest Manifest, BackupResult Result)> RunAsync(RegistryFiles registry, CancellationToken cancellationToken)
    {
        var manifest = backup.Read() ?? throw new BackupException("There is no finished backup: backup.json is missing.");
        foreach (var directory in new[] { registry.Data, registry.Blobs, registry.Archive }.Distinct(StringComparer.Ordinal))
            if (Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
                throw new BackupException($"{directory} is not empty. Name a new directory; nothing was changed.");
        if (manifest.WithKeys && File.Exists(registry.KeyFile)) throw new BackupException($"{registry.KeyFile} is there already, and the backup has a key file too. Nothing was changed.");
        Directory.CreateDirectory(registry.Data, OwnerOnly);
        Directory.CreateDirectory(registry.Trail, OwnerOnly);
        var set = backup.SetPath(manifest.Set);
        var database = registry.Database + ".restoring";
        foreach (var file in manifest.Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (BackupDirectory.Describe(set, file.Name) != file) throw new BackupException($"{file.Name} is not what it was when the backup was made.");
            var to = file.Name switch
            {
                BackupManifest.Database => database,
                CredentialsFile.Name => registry.Credentials,
                KeyFile.Name => registry.KeyFile,
                _ when file.Name.StartsWith("trail/", StringComparison.Ordinal) => Path.Combine(registry.Trail, file.Name["trail/".Length..]),
                _ => throw new BackupException($"The backup has a file {file.Name} that this version of Longshore does not know."),
            };
            if (!TrailCopy.TryCopy(Path.Combine(set, file.Name), to)) throw new BackupException($"{file.Name} is missing in the backup.");
        }

        var sum = new BackupResult.Sum("blobs", manifest.Counts, progress);
        var (from, fromArchive) = backup.Stores();
        await using (var copy = SqliteDatabase.OpenForReading(database))
        {
            var copier = new BodyCopier(new TieredBlobStore(from, fromArchive), new FileSystemBlobStore(registry.Blobs, time), new FileSystemBlobStore(registry.Archive, time));
            await copier.RunAsync(copy, sum.Add, cancellationToken);
        }

        // The names of what was copied, and those of the directories themselves.
        foreach (var directory in new[] { registry.Trail, Path.GetDirectoryName(registry.Credentials)!, Path.GetDirectoryName(registry.KeyFile)!, Path.GetDirectoryName(registry.Data)! }.Where(Directory.Exists))
            DurableFiles.SyncDirectory(directory);
        File.Move(database, registry.Database);
        DurableFiles.SyncDirectory(registry.Data);
        return (manifest, sum.End(0, manifest.WithKeys));
    }
}
