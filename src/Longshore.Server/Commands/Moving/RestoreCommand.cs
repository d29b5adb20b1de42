using System.CommandLine;
using Longshore.Server.Backups;
using Longshore.Server.Hosting;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Commands.Moving;

/// <summary><c>longshore restore</c>: makes a registry out of a backup.</summary>
internal sealed class RestoreCommand : MovingCommand
{
    private readonly TextWriter error;

    /// <summary>Creates the command.</summary>
    public RestoreCommand(TextWriter output, TextWriter error)
        : base(
            "restore",
            "Make a registry out of a backup, in a new data directory, and verify it. Exit code 0: all well; 1: it could not be finished, or something is damaged.",
            new Option<string?>("--from") { HelpName = "DIR|FILE.tar", Description = "The backup." },
            "give the directory or the .tar file of a backup.",
            output,
            error) => this.error = error;

    /// <inheritdoc/>
    protected override Task<int> RunAsync(ParseResult parsed, ServeOptions options, string place, BackupReport report, CancellationToken cancellationToken) =>
        BackupArchive.UnpackedAsync(place, options.DataDirectory, backup => RestoreAsync(options, backup, report, cancellationToken), cancellationToken);

    private async Task<int> RestoreAsync(ServeOptions options, string backup, BackupReport report, CancellationToken cancellationToken)
    {
        var files = EmbeddedFilesOf(options);
        var (manifest, result) = await new BackupRestorer(new BackupDirectory(backup, TimeProvider.System), TimeProvider.System, report.Progress).RunAsync(files, cancellationToken);
        await using var database = SqliteDatabase.OpenForReading(files.Database);
        var (_, damaged) = await VerifyAsync(database, options, error, progress => report.Progress(new BackupProgress("verify: " + progress.Step, 0, 0, 0, 0)), cancellationToken);
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
