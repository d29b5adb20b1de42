using System.Globalization;
using Longshore.Server.Content;
using Longshore.Server.Content.Stores;
using Longshore.Server.Trail;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.Storage.Metadata.Copying;

namespace Longshore.Server.Backups.Moving;

/// <summary>How far a move is.</summary>
/// <param name="Step">What is being done, for people.</param>
/// <param name="Done">Units dealt with.</param>
/// <param name="Total">Units in all, as counted at the beginning; 0 when unknown.</param>
/// <param name="Unit">What a unit is: <c>bytes</c> or <c>rows</c>.</param>
internal readonly record struct MoveProgress(string Step, long Done, long Total, string Unit);

/// <summary>What a run of a move came to.</summary>
/// <param name="Finished">Whether the target has taken the source's place; else the source still serves, and another run makes the cut.</param>
/// <param name="Bodies">Bodies copied by this run.</param>
/// <param name="BodyBytes">Their bytes.</param>
/// <param name="Rows">Rows copied by this run.</param>
/// <param name="Changes">Changes brought over by this run.</param>
/// <param name="Cut">From the moment the source was found stopped until servers may start on the target.</param>
/// <param name="Damaged">Digests of bodies that are missing or damaged at the source.</param>
/// <param name="Others">When it is not finished: who uses the source.</param>
internal sealed record MoveResult(bool Finished, long Bodies, long BodyBytes, long Rows, long Changes, TimeSpan Cut, IReadOnlyList<string> Damaged, string? Others);

/// <summary>The two ends of a move.</summary>
/// <param name="Database">The database, open for copying.</param>
/// <param name="Files">Its directories and small files.</param>
/// <param name="ServerId">The id in the data directory, where servers share their database; else null.</param>
internal sealed record MoveEnd(IDatabase Database, RegistryFiles Files, string? ServerId);

/// <summary>
/// Moves a whole registry to another database and other stores of bodies. While the source serves: 1. its change log begins, 2. bodies are copied with
/// their rows, 3. all other rows, table by table, 4. what changed since, again and again. When the source is stopped, the cut: 5. it is marked, so that
/// nobody starts it any more, 6. the last changes, the trail and the small files come over, 7. rows are counted on both sides, 8. the target loses its own
/// mark. Killed at any point, the next run goes on there: the target tells how far it is (<see cref="CopyStage"/>).
/// </summary>
internal sealed class RegistryMove(MoveEnd from, MoveEnd to, IBlobStore store, MovedArea standard, MovedArea archive, TimeProvider time, Action<MoveProgress> progress)
{
    private const string TrailInProgress = ".migrating";
    private const long ManyChanges = 1_000_000;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan TellPause = TimeSpan.FromSeconds(10);

    private long bodies;
    private long bodyBytes;
    private long bytes;
    private long rows;
    private long changes;
    private long totalBytes;
    private long totalRows;

    // What earlier runs have brought over.
    private long earlierBytes;
    private long earlierRows;
    private string step = "";

    /// <summary>Runs as far as it can.</summary>
    /// <param name="tryTake">Takes the source when no server uses it, and keeps servers away until disposed; else says who does.</param>
    /// <param name="isStillFree">Asked once more after the mark: whether no server came meanwhile.</param>
    /// <param name="follow">Whether to go on until the source is stopped.</param>
    /// <param name="say">Told sentences for people.</param>
    /// <param name="cancellationToken">Ends it; the next run goes on.</param>
    /// <exception cref="BackupException">It cannot be done; the message says why.</exception>
    public async Task<MoveResult> RunAsync(
        Func<CancellationToken, ValueTask<(IDisposable? Taken, string? Others)>> tryTake,
        Func<CancellationToken, ValueTask<bool>> isStillFree,
        bool follow,
        Action<string> say,
        CancellationToken cancellationToken)
    {
        foreach (var end in new[] { from, to })
            if (await RegistryRows.FindUnknownAsync(end.Database, cancellationToken) is [_, ..] unknown)
                throw new BackupException($"the database has tables that are not Longshore's, or that this version does not know: {string.Join(", ", unknown)}. Give the registry a database or schema of its own.");
        var log = new ChangeLog(from.Database);
        var target = new CopyTarget(to.Database);
        var id = await log.FindAsync(cancellationToken);
        var stage = await target.FindStageAsync(id, cancellationToken);
        if (stage == CopyStage.Finished)
        {
            // Killed behind the cut.
            await log.EndAsync(cancellationToken);
            RemoveTrailInProgress();
            say("An earlier run has made the cut. Servers may start on the target.");
            return Result(true, TimeSpan.Zero, []);
        }

        // Before anything is written to the source.
        if (stage != CopyStage.Begun)
        {
            if (await log.IsMovedAsync(cancellationToken)) throw new BackupException("the source has moved to another database already. If that one is given up: longshore migrate --forget.");
            if (stage == CopyStage.Foreign)
                throw new BackupException("the target holds a registry already, or half a copy of another one, or one that cannot be gone on with since a later move has begun. Name an empty one; nothing was changed.");
        }

        CheckFiles();
        if (stage != CopyStage.Begun) id = await log.BeginAsync(cancellationToken);
        if (await target.BeginAsync(id!, cancellationToken) is { } wrong) throw new BackupException(wrong);
        var moved = new MovedBodies(from.Database, store, standard, archive, Rename, CountBody);
        var copy = new RegistryRows(from.Database, to.Database, moved, CountRows);
        await moved.RemoveUploadsAsync(cancellationToken);
        totalBytes = (await RegistryCopies.CountAsync(from.Database, cancellationToken)).BodyBytes;
        (totalRows, earlierRows) = await copy.CountAsync(cancellationToken);
        if (earlierRows > 0) earlierBytes = (await RegistryCopies.CountAsync(to.Database, cancellationToken)).BodyBytes;

        step = "bodies";
        await copy.CopyTableAsync(CopiedTables.Blobs, cancellationToken);
        step = "rows";
        foreach (var table in CopiedTables.Copied.Where(static table => table != CopiedTables.Blobs)) await copy.CopyTableAsync(table, cancellationToken);
        step = "changes";
        await copy.CatchUpNearlyAsync(cancellationToken);
        await target.AnalyzeAsync(cancellationToken);
        Check(await copy.CompareLargeAsync(cancellationToken));
        CopyTrail(TrailInProgress, cancellationToken);
        var (told, toldAt) = ((string?)null, 0L);
        while (true)
        {
            await copy.CatchUpNearlyAsync(cancellationToken);
            var (taken, others) = await tryTake(cancellationToken);
            using (taken)
            {
                if (taken is not null && await CutAsync(log, copy, isStillFree, say, cancellationToken) is { } cut) return Result(true, cut, moved.Damaged);
            }

            if (!follow) return Result(false, TimeSpan.Zero, moved.Damaged) with { Others = others };
            if (told is null || (others is not null && others != told && time.GetElapsedTime(toldAt) > TellPause))
            {
                say($"The target has everything. Changes are brought over as they come; stop every server of the source for the cut. {others}".TrimEnd());
                (told, toldAt) = (others ?? "", time.GetTimestamp());
            }

            await Task.Delay(Poll, time, cancellationToken);
        }
    }

    private MoveResult Result(bool finished, TimeSpan cut, IEnumerable<string> damaged) => new(finished, bodies, bodyBytes, rows, changes, cut, [.. damaged], null);

    /// <summary>Looks at the foreign keys that the cut has put back unseen; servers may run on the target.</summary>
    public async Task ValidateAsync(CancellationToken cancellationToken)
    {
        var target = new CopyTarget(to.Database);
        await target.ValidateAsync(cancellationToken);
        await target.CloseAsync(cancellationToken);
    }

    private static void Check(IReadOnlyList<string> differing)
    {
        if (differing.Count > 0)
            throw new BackupException($"the two databases differ, and the target is not released: {string.Join("; ", differing)}. Was the target changed by somebody else? Empty it and begin anew; the source is whole.");
    }

    private async Task<TimeSpan?> CutAsync(ChangeLog log, RegistryRows copy, Func<CancellationToken, ValueTask<bool>> isStillFree, Action<string> say, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        await log.MarkMovedAsync(cancellationToken);
        if (!await isStillFree(cancellationToken))
        {
            await log.UnmarkAsync(cancellationToken);
            return null;
        }

        say("CUT: the source is closed, no server starts on it any more.");
        try
        {
            await BringOverAsync(log, copy, cancellationToken);
        }
        catch
        {
            say("The cut is not finished, and the source stays closed: run the same command again, it goes on. Or open the source again: longshore migrate --forget.");
            throw;
        }

        var took = time.GetElapsedTime(began);
        RemoveTrailInProgress();
        say(string.Create(CultureInfo.InvariantCulture, $"CUT done in {took.TotalSeconds:0.000} s. Servers may start on the target now."));
        return took;
    }

    private async Task BringOverAsync(ChangeLog log, RegistryRows copy, CancellationToken cancellationToken)
    {
        step = "last changes";
        while (await copy.CatchUpAsync(cancellationToken) > 0)
        {
        }

        CopyTrail("", cancellationToken);
        CopySmallFiles();
        Check(await copy.CompareAsync(cancellationToken));
        await copy.FinishAsync(cancellationToken);
        await log.EndAsync(cancellationToken);
    }

    // Where bodies stay, so does the id of their store; a new store gets one from the first server that is started on it.
    //
    // What rows of settings are about the trail of one server's data directory have the name of that server's id, where several share a database.
    private string? Rename(string name)
    {
        if (name == StoreArea.Standard.Setting) return standard.Stays ? name : null;
        if (name == StoreArea.Archive.Setting) return archive.Stays ? name : null;
        foreach (var (mine, its) in new[]
        {
            (TrailOptions.HeadSettingOf(from.ServerId), TrailOptions.HeadSettingOf(to.ServerId)),
            (TrailOptions.BegunSettingOf(TrailOptions.HeadSettingOf(from.ServerId)), TrailOptions.BegunSettingOf(TrailOptions.HeadSettingOf(to.ServerId))),
        })
        {
            if (name == mine) return its;
        }

        var others = name.StartsWith(TrailOptions.DefaultHeadSetting, StringComparison.Ordinal) || name.StartsWith(TrailOptions.BegunSettingOf(TrailOptions.DefaultHeadSetting), StringComparison.Ordinal);
        // Other servers' trails stay in their own directories; without a shared database there are no other servers.
        return others && to.ServerId is null ? null : name;
    }

    // What would stop the move in the middle of its cut, and what it would overwrite.
    private void CheckFiles()
    {
        var (key, toKey) = (from.Files.KeyFile, to.Files.KeyFile);
        if (!File.Exists(key)) throw new BackupException($"there is no key file at {key}, and no server opens the secrets in the database without it. Name it with --key-file; nothing was changed.");
        if (toKey != key)
        {
            if (Path.GetDirectoryName(toKey) is { } directory && !Directory.Exists(directory)) throw new BackupException($"there is no directory {directory} for the target's key file. Make it; nothing was changed.");
            if (File.Exists(toKey) && !HasSameKeys())
                throw new BackupException($"{toKey} holds other keys than {key}, and could not open the secrets in the database. Nothing was changed.");
        }

        if (from.Files.Trail != to.Files.Trail && Directory.Exists(to.Files.Trail) && Directory.EnumerateFileSystemEntries(to.Files.Trail).Any() && !Directory.Exists(to.Files.Trail + TrailInProgress))
            throw new BackupException($"{to.Files.Trail} holds another trail. Name a new data directory with --to-data; nothing was changed.");
    }

    private bool HasSameKeys() => File.ReadAllBytes(from.Files.KeyFile).AsSpan().SequenceEqual(File.ReadAllBytes(to.Files.KeyFile));

    /// <summary>Whole segments are taken over by another name from what was copied before the cut.</summary>
    private void CopyTrail(string suffix, CancellationToken cancellationToken)
    {
        if (from.Files.Trail == to.Files.Trail) return;
        var inProgress = to.Files.Trail + TrailInProgress;
        Directory.CreateDirectory(inProgress, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        TrailCopy.Run(from.Files.Trail, to.Files.Trail + suffix, suffix.Length == 0 ? inProgress : null, cancellationToken);
        if (Directory.Exists(to.Files.Trail + suffix)) DurableFiles.SyncDirectory(to.Files.Trail + suffix);
    }

    private void RemoveTrailInProgress()
    {
        var inProgress = to.Files.Trail + TrailInProgress;
        if (Directory.Exists(inProgress)) Directory.Delete(inProgress, recursive: true);
    }

    private void CopySmallFiles()
    {
        if (from.Files.KeyFile != to.Files.KeyFile && !(File.Exists(to.Files.KeyFile) && HasSameKeys()) && !TrailCopy.TryCopyWhole(from.Files.KeyFile, to.Files.KeyFile))
            throw new BackupException($"there is no key file at {from.Files.KeyFile} any more.");
        if (from.Files.Credentials != to.Files.Credentials && !File.Exists(to.Files.Credentials)) TrailCopy.TryCopyWhole(from.Files.Credentials, to.Files.Credentials);
        DurableFiles.SyncDirectory(to.Files.Data);
    }

    private void CountBody(long size, bool copied)
    {
        if (copied)
        {
            Interlocked.Increment(ref bodies);
            Interlocked.Add(ref bodyBytes, size);
        }

        var done = Interlocked.Add(ref bytes, size);
        progress(step == "bodies" ? new MoveProgress(step, earlierBytes + done, totalBytes, "bytes") : new MoveProgress(step, done, 0, "bytes"));
    }

    private void CountRows(string table, long count)
    {
        if (table == "changes") changes += count;
        else rows += count;
        if (step == "rows") progress(new MoveProgress($"rows ({table})", earlierRows + rows, totalRows, "rows"));
        else if (step != "bodies") progress(new MoveProgress(step, changes, 0, "changes"));
    }

    /// <summary>Counts what still is to be brought over, up to a million.</summary>
    public ValueTask<long> LagAsync(CancellationToken cancellationToken) => new ChangeLog(from.Database).CountAsync(ManyChanges, cancellationToken);
}
