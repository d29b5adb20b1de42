using System.CommandLine;
using Longshore.Server.Backups;
using Longshore.Server.Hosting;
using Longshore.Server.Verification;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Commands.Moving;

/// <summary><c>longshore restore</c>: makes a registry out of a backup.</summary>
internal sealed class RestoreCommand : MovingCommand
{
    /// <summary>Creates the command.</summary>
    public RestoreCommand(TextWriter output, TextWriter error)
        : base("restore", "Make a registry out of a backup, in a new data directory, and verify it. Exit code 0: all well; 1: it could not be finished, or something is damaged.")
    {
        var from = new Option<string?>("--from") { HelpName = "DIR|FILE.tar", Description = "The backup." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        Add(from);
        Add(json);
        SetAction(async (parsed, token) =>
        {
            var (options, errors) = ReadOptions(parsed);
            var source = PathOf(parsed, from);
            if (source is null) errors = [.. errors, "--from: it is missing; give the directory or the .tar file of a backup."];
            if (errors.Count > 0) return LongshoreCommand.Refuse(error, errors);
            var report = new BackupReport(output, error, parsed.GetValue(json), TimeProvider.System);
            return await GuardAsync(error, () => UnpackAndRunAsync(options, source!, report, error, token));
        });
    }

    private static async Task<int> UnpackAndRunAsync(ServeOptions options, string source, BackupReport report, TextWriter error, CancellationToken cancellationToken)
    {
        if (!BackupArchive.Is(source)) return await RunAsync(options, source, report, error, cancellationToken);
        var unpacked = $"{options.DataDirectory}.{Guid.NewGuid():N}";
        try
        {
            await BackupArchive.UnpackAsync(source, unpacked, cancellationToken);
            return await RunAsync(options, unpacked, report, error, cancellationToken);
        }
        finally
        {
            Directory.Delete(unpacked, recursive: true);
        }
    }

    private static async Task<int> RunAsync(ServeOptions options, string source, BackupReport report, TextWriter error, CancellationToken cancellationToken)
    {
        var files = FilesOf(options);
        var (manifest, result) = await new BackupRestorer(new BackupDirectory(source, TimeProvider.System), TimeProvider.System, report.Progress).RunAsync(files, cancellationToken);
        await using var database = SqliteDatabase.OpenForReading(files.Database);
        var damaged = 0;
        var verifier = new RegistryVerifier(
            database,
            BlobStores.Open(options, TimeProvider.System),
            TimeProvider.System,
            repair: false,
            finding =>
            {
                if (finding.IsHarmless) return;
                damaged++;
                error.WriteLine("DAMAGED  " + finding.Message);
            },
            progress => report.Progress(new BackupProgress("verify: " + progress.Step, 0, 0, 0, 0)));
        await verifier.RunAsync(cancellationToken);
        report.End(result, "Restored", files.Data, Remarks(files, manifest, damaged));
        return damaged == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static IEnumerable<string> Remarks(RegistryFiles files, BackupManifest manifest, int damaged)
    {
        yield return damaged == 0 ? "Verified: every blob and every reference is whole." : $"{damaged} things are damaged: they were when the backup was made, or the backup is.";
        yield return manifest.WithKeys
            ? $"The key file was in the backup and is at {files.KeyFile} now."
            : File.Exists(files.KeyFile)
                ? $"The key file {files.KeyFile} is there; the server says at its start if it is another registry's."
                : $"LEFT TO DO: put the registry's key file to {files.KeyFile} (chmod 600), else the server does not start. If it is lost: longshore keys rotate --lost.";
        yield return $"Then start it: longshore serve --data {files.Data}";
    }
}
