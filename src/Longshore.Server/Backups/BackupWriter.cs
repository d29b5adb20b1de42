using System.Globalization;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.Storage.Metadata.Copying;

namespace Longshore.Server.Backups;

/// <summary>
/// Makes a consistent copy of an embedded registry, beside a running server or without one. 1. A hold keeps bodies from being unlinked. 2. The database
/// is copied as of one moment: every body that this copy names is in the store then, and stays until the hold ends. 3. Bodies that the target lacks are
/// copied. 4. The trail and the small files. 5. The manifest, by a rename: what was interrupted before is no backup, and what was there before it
/// still is one. 6. What only the backup before named goes.
/// </summary>
internal sealed class BackupWriter(TimeProvider time, Action<BackupProgress> progress)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly TimeSpan HoldWait = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan HoldPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Makes the backup.</summary>
    /// <param name="registry">What is copied.</param>
    /// <param name="store">Its bodies.</param>
    /// <param name="target">Where to; see <see cref="BackupDirectory.Take"/>.</param>
    /// <param name="withKeys">Whether the key file goes with it.</param>
    /// <param name="cancellationToken">Ends it; what was copied serves the next try.</param>
    /// <exception cref="BackupException">The target holds something else, or another backup runs.</exception>
    public async Task<BackupResult> RunAsync(RegistryFiles registry, IBlobStore store, BackupDirectory target, bool withKeys, CancellationToken cancellationToken)
    {
        using var taken = target.Take();
        var before = target.Read();
        using var hold = await HoldAsync(Path.Combine(registry.Data, BodyHold.FileName), cancellationToken);
        var now = time.GetUtcNow();
        RemoveSets(target, before?.Set);
        var set = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'.'fffffff'Z'", CultureInfo.InvariantCulture);
        var directory = target.SetPath(set);
        Directory.CreateDirectory(directory, OwnerOnly);

        progress(new BackupProgress("database", 0, 0, 0, 0));
        var file = Path.Combine(directory, BackupManifest.Database);
        await using (var original = SqliteDatabase.OpenForReading(registry.Database)) original.CopyTo(file);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        BackupResult result;
        await using (var copy = SqliteDatabase.Open(file))
        {
            await RegistryCopies.SettleAsync(copy, cancellationToken);
            // What a move notes is about the registry that it was begun with, not about what is made of this backup.
            await new ChangeLog(copy).RemoveAsync(cancellationToken);
            var counts = await RegistryCopies.CountAsync(copy, cancellationToken);
            var sum = new BackupResult.Sum("blobs", counts, progress);
            var (standard, archive) = target.Stores();
            await RemoveUploadsAsync(standard, archive, cancellationToken);
            await new BodyCopier(store, standard, archive).RunAsync(copy, sum.Add, cancellationToken);
            result = sum.End(0, withKeys);
        }

        progress(new BackupProgress("trail", 0, 0, 0, 0));
        var trail = Path.Combine(directory, "trail");
        TrailCopy.Run(registry.Trail, trail, before is null ? null : Path.Combine(target.SetPath(before.Set), "trail"), cancellationToken);
        TrailCopy.TryCopy(registry.Credentials, Path.Combine(directory, CredentialsFile.Name));
        if (withKeys && !TrailCopy.TryCopy(registry.KeyFile, Path.Combine(directory, KeyFile.Name)))
            throw new BackupException($"There is no key file at {registry.KeyFile}. Name it with --key-file.");
        var names = Directory.EnumerateFiles(directory).Select(static path => Path.GetFileName(path))
            .Concat(Directory.Exists(trail) ? Directory.EnumerateFiles(trail).Select(static path => "trail/" + Path.GetFileName(path)) : [])
            .Order(StringComparer.Ordinal);
        var files = names.Select(name => BackupDirectory.Describe(directory, name)).ToList();
        if (Directory.Exists(trail)) DurableFiles.SyncDirectory(trail);
        DurableFiles.SyncDirectory(directory);
        target.Write(new BackupManifest(BackupManifest.CurrentFormat, set, now, time.GetUtcNow(), result.Counts, withKeys, files, result.Damaged));

        if (before is null) return result;
        progress(new BackupProgress("what the backup before had", 0, 0, 0, 0));
        RemoveSets(target, set);
        return result with { RemovedBodies = await RemoveBodiesAsync(target, file, cancellationToken) };
    }

    private async Task<BodyHold> HoldAsync(string path, CancellationToken cancellationToken)
    {
        for (var started = time.GetTimestamp(); ;)
        {
            if (BodyHold.TryTake(path) is { } hold) return hold;
            if (time.GetElapsedTime(started) > HoldWait) throw new BackupException("Another backup of this registry is running.");
            await Task.Delay(HoldPoll, time, cancellationToken);
        }
    }

    private static void RemoveSets(BackupDirectory target, string? but)
    {
        foreach (var set in Directory.EnumerateDirectories(target.Sets))
            if (Path.GetFileName(set) != but) Directory.Delete(set, recursive: true);
    }

    private static async Task RemoveUploadsAsync(FileSystemBlobStore standard, FileSystemBlobStore archive, CancellationToken cancellationToken)
    {
        foreach (var store in new[] { standard, archive })
        {
            await foreach (var upload in store.ListUploadsAsync(cancellationToken)) await store.DeleteUploadAsync(upload.UploadKey, cancellationToken);
        }
    }

    private static async Task<long> RemoveBodiesAsync(BackupDirectory target, string file, CancellationToken cancellationToken)
    {
        await using var database = SqliteDatabase.OpenForReading(file);
        var (standard, archive) = target.Stores();
        var store = new TieredBlobStore(standard, archive);
        var removed = 0L;
        await foreach (var body in store.ListAsync(cancellationToken))
            if (!await RegistryCopies.NamesAsync(database, body.Digest, body.Location, cancellationToken) && await store.DeleteAsync(body.Location, cancellationToken)) removed++;
        return removed;
    }
}
