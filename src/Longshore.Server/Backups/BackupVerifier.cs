using Longshore.Server.Content;
using Longshore.Server.Verification;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Backups;

/// <summary>Looks at a backup as a whole: every file of the manifest, the database's structure, every body, every image's references.</summary>
internal sealed class BackupVerifier(BackupDirectory backup, TimeProvider time)
{
    /// <summary>Checks everything, and gives the manifest with what the verification of the registry in it came to.</summary>
    /// <param name="found">Takes what is wrong with the registry in the backup.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="wrong">Takes what is wrong with the backup itself, a sentence each.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BackupException">There is no finished backup.</exception>
    public async Task<(BackupManifest Manifest, VerifySummary? Summary)> RunAsync(
        Action<Finding> found, Action<VerifyProgress> progress, Action<string> wrong, CancellationToken cancellationToken)
    {
        var manifest = backup.Read() ?? throw new BackupException("There is no finished backup: backup.json is missing. Run the same backup once more; it goes on where it was.");
        var whole = true;
        foreach (var file in manifest.Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            whole &= Check(manifest, file, wrong);
        }

        // A database with other bytes is not looked into.
        if (!whole) return (manifest, null);
        await using var database = SqliteDatabase.OpenForReading(Path.Combine(backup.SetPath(manifest.Set), BackupManifest.Database));
        if (await RegistryCopies.CountAsync(database, cancellationToken) != manifest.Counts) wrong("The database does not hold what the manifest says.");
        var (standard, archive) = backup.Stores();
        var verifier = new RegistryVerifier(database, new TieredBlobStore(standard, archive), time, repair: false, found, progress);
        return (manifest, await verifier.RunAsync(cancellationToken));
    }

    private bool Check(BackupManifest manifest, BackupFile file, Action<string> wrong)
    {
        try
        {
            if (BackupDirectory.Describe(backup.SetPath(manifest.Set), file.Name) == file) return true;
            wrong($"{file.Name} is not what it was when the backup was made.");
        }
        catch (IOException e)
        {
            wrong($"{file.Name} cannot be read: {e.Message}");
        }

        return false;
    }
}
