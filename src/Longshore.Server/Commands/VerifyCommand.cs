using System.CommandLine;
using System.Data.Common;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting;
using Longshore.Server.Verification;

namespace Longshore.Server.Commands;

/// <summary>
/// <c>longshore verify</c>: checks every body, manifest and reference of a data directory. Only reads, also beside a
/// running server; with <c>--repair</c> it needs the directory for itself.
/// </summary>
internal sealed class VerifyCommand : OptionsCommand
{
    /// <summary>Creates the command.</summary>
    public VerifyCommand(TextWriter output, TextWriter error)
        : base(
            "verify",
            "Check digest and size of every blob and every reference of every image, and name what is wrong. Exit code 0: all well; 1: something is damaged or missing.",
            option => option.Key is "data" or "database" or "blobs" or "archive")
    {
        var repair = new Option<bool>("--repair") { Description = "Remove orphans, and set damaged blobs aside so that they can be pushed again. The server must be stopped." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line: findings, then the summary." };
        Add(repair);
        Add(json);
        SetAction(async (parsed, cancellationToken) =>
        {
            var (options, errors) = ReadOptions(parsed);
            if (errors.Count > 0) return LongshoreCommand.Refuse(error, errors);
            return await RunAsync(options, parsed.GetValue(repair), new VerifyReport(output, error, parsed.GetValue(json), TimeProvider.System), error, cancellationToken);
        });
    }

    private static async Task<int> RunAsync(ServeOptions options, bool repair, VerifyReport report, TextWriter error, CancellationToken cancellationToken)
    {
        if (Databases.FindMissing(options) is { } missing)
        {
            await error.WriteLineAsync($"longshore: {missing}");
            return ExitCodes.Failed;
        }

        DataDirectory? taken = null;
        if (repair)
        {
            taken = DataDirectory.TryTake(options.DataDirectory, out var holder);
            if (taken is null)
            {
                await error.WriteLineAsync($"longshore: process {holder.ProcessId} serves {options.DataDirectory}. Stop it before --repair, or verify without.");
                return ExitCodes.DataDirectoryTaken;
            }
        }

        using (taken)
        {
            // What a repair removes or sets aside, a backup may be about to copy.
            using var hold = repair ? BodyHold.TryShare(Path.Combine(options.DataDirectory, BodyHold.FileName)) : null;
            if (repair && hold is null)
            {
                await error.WriteLineAsync($"longshore: a backup of {options.DataDirectory} runs. Let it end before --repair, or verify without.");
                return ExitCodes.Failed;
            }

            return await RunAsync(options, repair, report, TimeProvider.System, error, cancellationToken);
        }
    }

    private static async Task<int> RunAsync(ServeOptions options, bool repair, VerifyReport report, TimeProvider time, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            await using var database = repair ? Databases.Open(options, time) : Databases.OpenForReading(options, time);
            // A blob disk that is not mounted, or a forgotten --blobs, must not look like a registry whose bodies are all lost: a repair would write that down.
            if (await BlobStores.FindFaultAsync(options, database, time, cancellationToken) is { } fault)
            {
                await error.WriteLineAsync($"longshore: {fault}");
                return ExitCodes.Failed;
            }

            if (repair && await Databases.FindOthersAsync(database, cancellationToken) is { } others)
            {
                await error.WriteLineAsync($"longshore: {others}");
                return ExitCodes.DataDirectoryTaken;
            }

            var verifier = new RegistryVerifier(database, BlobStores.Open(options, time), time, repair, report.Add, report.Progress);
            var summary = await verifier.RunAsync(cancellationToken);
            report.End(summary, repair);
            return summary.Findings == summary.Harmless ? ExitCodes.Done : ExitCodes.Failed;
        }
        catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            await error.WriteLineAsync($"longshore: the verification could not be finished: {e.Message}");
            return ExitCodes.Failed;
        }
    }
}
