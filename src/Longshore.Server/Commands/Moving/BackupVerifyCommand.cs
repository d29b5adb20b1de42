using System.CommandLine;
using System.Globalization;
using Longshore.Server.Backups;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Hosting;
using Longshore.Server.Verification;

namespace Longshore.Server.Commands.Moving;

/// <summary><c>longshore backup verify</c>: looks at every byte of a backup.</summary>
internal sealed class BackupVerifyCommand : Command
{
    /// <summary>Creates the command.</summary>
    public BackupVerifyCommand(TextWriter output, TextWriter error)
        : base("verify", "Check every file, blob and reference of a backup. Exit code 0: all well; 1: something is damaged or missing.")
    {
        var path = new Argument<string>("DIR|FILE.tar") { Description = "The backup." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line: findings, then the summary." };
        Add(path);
        Add(json);
        SetAction(async (parsed, token) =>
        {
            var backup = Path.GetFullPath(parsed.GetValue(path)!);
            return await MovingCommand.GuardAsync(error, () => BackupArchive.UnpackedAsync(backup, backup, directory => CheckAsync(directory, parsed.GetValue(json), output, error, token), token));
        });
    }

    private static async Task<int> CheckAsync(string path, bool json, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var report = new VerifyReport(output, error, json, TimeProvider.System);
        var wrong = new List<string>();
        var (manifest, summary) = await new BackupVerifier(new BackupDirectory(path, TimeProvider.System), TimeProvider.System)
            .RunAsync(report.Add, report.Progress, wrong.Add, cancellationToken);
        if (summary is not null) report.End(summary, repair: true);
        if (!json)
        {
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"Backup of {manifest.CreatedAt:yyyy-MM-dd HH:mm:ss} UTC: {manifest.Counts.Repositories:N0} repositories, {manifest.Counts.Images:N0} images, {manifest.Counts.Bodies:N0} blobs ({Screen.Bytes(manifest.Counts.BodyBytes)}), schema {manifest.Counts.Schema}, {(manifest.WithKeys ? "with" : "without")} the key file."));
        }

        foreach (var problem in wrong) await error.WriteLineAsync("DAMAGED  " + problem);
        return wrong.Count == 0 && summary is not null && summary.Findings == summary.Harmless ? ExitCodes.Done : ExitCodes.Failed;
    }
}
