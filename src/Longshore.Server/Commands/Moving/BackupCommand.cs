using System.CommandLine;
using Longshore.Server.Backups;
using Longshore.Server.Hosting;

namespace Longshore.Server.Commands.Moving;

/// <summary><c>longshore backup</c>: a consistent copy of the embedded registry, beside the running server.</summary>
internal sealed class BackupCommand : MovingCommand
{
    private readonly Option<bool> withKeys = new("--with-keys") { Description = "Copy the key file too. Whoever has such a backup has every secret in it." };

    /// <summary>Creates the command.</summary>
    public BackupCommand(TextWriter output, TextWriter error)
        : base(
            "backup",
            "Copy the whole registry, as of one moment, while it serves. Exit code 0: done; 1: it could not be finished, or the registry has damaged blobs.",
            new Option<string?>("--to") { HelpName = "DIR|FILE.tar", Description = "Where to. A directory with a backup gets only what is new; it is replaced by the new one at the end." },
            "give a directory, or a file whose name ends in .tar.",
            output,
            error)
    {
        Add(withKeys);
        Add(new BackupVerifyCommand(output, error));
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, ServeOptions options, string place, BackupReport report, CancellationToken cancellationToken)
    {
        var files = EmbeddedFilesOf(options);
        var keys = parsed.GetValue(withKeys);
        if (!File.Exists(files.Database)) throw new BackupException($"there is no registry in {files.Data}: {ServerComposition.DatabaseFile} is missing. Name its data directory with --data.");
        await using (var database = Databases.OpenForReading(options, TimeProvider.System))
            if (await BlobStores.FindFaultAsync(options, database, TimeProvider.System, cancellationToken) is { } fault) throw new BackupException(fault);
        foreach (var own in new[] { files.Data, files.Blobs, files.Archive })
            if (Path.GetRelativePath(own, place) is var relative && relative != ".." && !relative.StartsWith("../", StringComparison.Ordinal))
                throw new BackupException($"{place} is in {own}, which is a part of the registry. Name a place outside of it.");
        var packed = BackupArchive.Is(place);
        if (packed) Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        var backup = new BackupDirectory(packed ? BackupArchive.WorkOf(place) : place, TimeProvider.System);
        var result = await new BackupWriter(TimeProvider.System, report.Progress).RunAsync(files, BlobStores.Open(options, TimeProvider.System), backup, keys, cancellationToken);
        if (packed) await BackupArchive.PackAsync(place, cancellationToken);
        report.End(result, "Backed up", place, [keys
            ? "WARNING: THE KEY FILE IS IN THIS BACKUP. Whoever reads it can open every secret of the registry. Keep it as you would keep the keys."
            : $"The key file {files.KeyFile} is NOT in this backup. Without a copy of it the access keys in the backup cannot be opened: keep one, apart from the backup."]);
        return result.Damaged.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }
}
