using System.CommandLine;
using Longshore.Server.Backups;
using Longshore.Server.Backups.Moving;
using Longshore.Server.Content.Stores;
using Longshore.Server.Hosting;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.Storage.Metadata.Copying;

namespace Longshore.Server.Commands.Moving;

/// <summary><c>longshore migrate</c>: moves a whole registry to another database and other stores of bodies, while it serves.</summary>
internal sealed class MigrateCommand : OptionsCommand
{
    private const string PasswordVariable = "LONGSHORE_TO_DATABASE_PASSWORD";

    private static readonly TimeSpan FreeFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FreePoll = TimeSpan.FromMilliseconds(100);

    private static readonly string[] Parts = ["data", "database", "blobs", "archive", "key-file"];

    private readonly Dictionary<string, Option<string?>> targets = new(StringComparer.Ordinal);
    private readonly Option<bool> follow = new("--follow") { Description = "Go on until every server of the source is stopped, then make the cut at once." };
    private readonly Option<bool> forget = new("--forget") { Description = "Take the change log of a move away from the source, and the mark by which no server starts on it. The target, if any, is not touched." };
    private readonly Option<bool> noVerify = new("--no-verify") { Description = "Do not read every body of the target at the end; longshore verify does it later." };
    private readonly Option<bool> json = new("--json") { Description = "Print one JSON object." };
    private readonly TextWriter output;
    private readonly TextWriter error;

    /// <summary>Creates the command.</summary>
    public MigrateCommand(TextWriter output, TextWriter error)
        : base(
            "migrate",
            "Move the registry to another database and other stores of blobs, while it serves. Run it again to go on. Exit code 0: moved and verified; 1: it could not be done, or something is damaged; 3: all is copied, and the source still serves: stop it and run the same command again.",
            static option => Parts.Contains(option.Key))
    {
        (this.output, this.error) = (output, error);
        foreach (var option in ServeOptionTable.All.Where(static option => Parts.Contains(option.Key)))
        {
            var added = new Option<string?>("--to-" + option.Key) { HelpName = option.Value, Description = $"The target: {option.Summary} Default: {(option.Key == "data" ? "that of the source" : option.Default)}." };
            targets.Add(option.Key, added);
            Add(added);
        }

        foreach (var option in new Option[] { follow, forget, noVerify, json }) Add(option);
        SetAction(async (parsed, token) =>
        {
            var (options, errors) = ReadOptions(parsed);
            var (target, targetErrors) = ReadTarget(parsed, options);
            if (errors.Count + targetErrors.Count > 0) return LongshoreCommand.Refuse(error, [.. errors, .. targetErrors]);
            return await MovingCommand.GuardAsync(error, () => parsed.GetValue(forget) ? ForgetAsync(options, token) : RunAsync(parsed, options, target, token));
        });
    }

    private (ServeOptions Target, IReadOnlyList<string> Errors) ReadTarget(ParseResult parsed, ServeOptions source)
    {
        var reader = new ServeOptionsReader();
        var target = reader.Read(
            key => targets.TryGetValue(key, out var option) ? parsed.GetValue(option) is { } text ? [text] : key == "data" ? [source.DataDirectory] : null : null,
            static name => name == ServeOptions.DatabasePasswordVariable ? Environment.GetEnvironmentVariable(PasswordVariable) : null,
            null,
            listens: false);
        return (target, [.. reader.Errors.Select(static text => text.Replace("--", "--to-", StringComparison.Ordinal))]);
    }

    private async Task<int> ForgetAsync(ServeOptions options, CancellationToken cancellationToken)
    {
        if (Databases.FindMissing(options) is { } missing) throw new BackupException(missing);
        await using var database = Databases.OpenForCopying(options, TimeProvider.System, create: false);
        await new ChangeLog(database).RemoveAsync(cancellationToken);
        await output.WriteLineAsync("The change log is gone, and servers start on this database. A half copy of it cannot be gone on with: empty the target before the next one.");
        return ExitCodes.Done;
    }

    private async Task<int> RunAsync(ParseResult parsed, ServeOptions options, ServeOptions target, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        if (Databases.FindMissing(options) is { } missing) throw new BackupException(missing);
        if (IsSameDatabase(options, target)) throw new BackupException("source and target have the same database. Name another with --to-database or --to-data.");
        var apart = options.DataDirectory != target.DataDirectory;
        using var targetDirectory = apart ? DataDirectory.TryTake(target.DataDirectory, out _) ?? throw new BackupException($"another process uses {target.DataDirectory}.") : null;
        using var alone = TryLock(target.DataDirectory) ?? throw new BackupException($"another 'longshore migrate' into {target.DataDirectory} runs.");
        await using var source = Databases.OpenForCopying(options, time, create: false);
        if (await BlobStores.FindFaultAsync(options, source, time, cancellationToken) is { } fault) throw new BackupException(fault);
        MoveResult result;
        var report = new MoveReport(output, error, parsed.GetValue(json), time);
        await using (var copy = Databases.OpenForCopying(target, time, create: true))
        {
            var (standardStays, archiveStays) = BlobStores.AreSame(options, target);
            var (standard, archive) = BlobStores.OpenAreas(target, time);
            foreach (var (store, area, stays) in new[] { (standard, StoreArea.Standard, standardStays), (archive, StoreArea.Archive, archiveStays) })
            {
                // What another registry keeps there would be removed as nobody's, once this one is served. The target's own: a server was started on it behind the cut.
                if (stays || await store.ReadMarkAsync(cancellationToken) is not { } text || StoreMark.TryParse(text) is { IsNew: true }) continue;
                if (StoreMark.TryParse(text)?.Id is { } id && id == await copy.ReadAsync(area.FindIdAsync, cancellationToken)) continue;
                throw new BackupException($"{store.Place} is the store of a registry already. Name another place, or, when nobody uses it any more, remove its {IMarkedStore.MarkName} first; nothing was changed.");
            }

            var move = new RegistryMove(
                new MoveEnd(source, MovingCommand.FilesOf(options), options.Database is null ? null : ServerIdentity.Find(options.DataDirectory) ?? "none"),
                new MoveEnd(copy, MovingCommand.FilesOf(target), target.Database is null ? null : ServerIdentity.Ensure(target.DataDirectory)),
                BlobStores.Open(options, time),
                new MovedArea(standard, standardStays),
                new MovedArea(archive, archiveStays),
                time,
                report.Progress);
            result = await move.RunAsync(token => TryTakeAsync(options, source, token), token => IsFreeAsync(source, token), parsed.GetValue(follow), report.Say, cancellationToken);
            if (!result.Finished)
            {
                report.End(result, null, 0);
                report.Say($"All is copied; {await move.LagAsync(cancellationToken)} changes came since. The source still serves: stop every server of it and run the same command again, that makes the cut. {result.Others}".TrimEnd());
                return ExitCodes.DataDirectoryTaken;
            }

            targetDirectory?.Dispose();
            await move.ValidateAsync(cancellationToken);
        }

        if (parsed.GetValue(noVerify))
        {
            report.End(result, null, 0);
            return result.Damaged.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
        }

        await using var moved = Databases.OpenForReading(target, time);
        var (verified, wrong) = await MovingCommand.VerifyAsync(
            moved, target, error, step => report.Progress(new MoveProgress("verify: " + step.Step, step.Done, step.Total, step.Unit)), cancellationToken);
        report.End(result, verified, wrong);
        return wrong == 0 && result.Damaged.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static FileStream? TryLock(string directory)
    {
        try
        {
            return new FileStream(Path.Combine(directory, "migrate.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException)
        {
            return null;
        }
    }

    // The embedded database is guarded by its directory; of a shared one the connections tell. There may be none of a server's for a moment, when its pool
    // takes a fresh one, or all are made anew after the database itself was away: only a while without any is a sign.
    private static async ValueTask<(IDisposable? Taken, string? Others)> TryTakeAsync(ServeOptions options, IDatabase source, CancellationToken cancellationToken)
    {
        for (var began = TimeProvider.System.GetTimestamp(); ;)
        {
            if (await Databases.FindOthersAsync(source, cancellationToken) is { } others) return (null, others);
            if (!source.IsShared || TimeProvider.System.GetElapsedTime(began) > FreeFor) break;
            await Task.Delay(FreePoll, TimeProvider.System, cancellationToken);
        }

        return DataDirectory.TryTake(options.DataDirectory, out var holder) is { } taken ? (taken, null) : (null, $"Process {holder.ProcessId} uses {options.DataDirectory}.");
    }

    private static async ValueTask<bool> IsFreeAsync(IDatabase source, CancellationToken cancellationToken) => await Databases.FindOthersAsync(source, cancellationToken) is null;

    private static bool IsSameDatabase(ServeOptions one, ServeOptions other) => one.Database is null
        ? other.Database is null && one.DataDirectory == other.DataDirectory
        : one.Database.ToString() == other.Database?.ToString();
}
