using System.CommandLine;
using System.Data.Common;
using Longshore.Server.Content.Stores;
using Longshore.Server.Hosting;
using Longshore.Storage.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Commands;

/// <summary><c>longshore store</c>: which stores of bodies a database belongs to.</summary>
internal sealed class StoreCommand : Command
{
    /// <summary>Creates the command.</summary>
    public StoreCommand(TextWriter output, TextWriter error)
        : base("store", "Which stores of blobs the database belongs to.")
    {
        Add(new AdoptCommand(output, error));
    }

    /// <summary><c>longshore store adopt</c>: bodies were moved by other means than <c>longshore migrate</c>, and the places that the options name are the right ones now.</summary>
    private sealed class AdoptCommand : OptionsCommand
    {
        public AdoptCommand(TextWriter output, TextWriter error)
            : base(
                "adopt",
                "Say that --blobs and --archive are where the blobs of this database are now: after they were copied there by other means than longshore migrate. Every server must be stopped; none starts with the former place any more. Exit code 0: done, or nothing to do; 1: it could not be done.",
                static option => option.Key is "data" or "database" or "blobs" or "archive")
        {
            var force = new Option<bool>("--force") { Description = "Also when blobs are missing there: pulls of them fail until they are pushed again. What is there and is not this registry's is removed in time." };
            Add(force);
            SetAction(async (parsed, cancellationToken) =>
            {
                var (options, errors) = ReadOptions(parsed);
                if (errors.Count > 0) return LongshoreCommand.Refuse(error, errors);
                try
                {
                    return await RunAsync(options, parsed.GetValue(force), output, error, cancellationToken);
                }
                catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException or SchemaTooNewException)
                {
                    await error.WriteLineAsync($"longshore: {e.Message}");
                    return ExitCodes.Failed;
                }
            });
        }

        private static async Task<int> RunAsync(ServeOptions options, bool force, TextWriter output, TextWriter error, CancellationToken cancellationToken)
        {
            if (Databases.FindMissing(options) is { } missing)
            {
                await error.WriteLineAsync($"longshore: {missing}");
                return ExitCodes.Failed;
            }

            using var directory = DataDirectory.TryTake(options.DataDirectory, out var holder);
            if (directory is null)
            {
                await error.WriteLineAsync($"longshore: process {holder.ProcessId} serves {options.DataDirectory}. Stop it first.");
                return ExitCodes.DataDirectoryTaken;
            }

            var time = TimeProvider.System;
            await using var database = Databases.Open(options, time);
            if (await Databases.FindOthersAsync(database, cancellationToken) is { } others)
            {
                await error.WriteLineAsync($"longshore: {others}");
                return ExitCodes.DataDirectoryTaken;
            }

            var wrong = new List<StoreCheck>();
            foreach (var check in BlobStores.Checks(options, database, time, NullLogger.Instance))
            {
                if (await check.FindFaultAsync(adopt: true, cancellationToken) is null) continue;
                wrong.Add(check);
                var (sought, found) = await check.SampleAsync(untilFound: false, cancellationToken);
                if (force || (sought > 0 && found == sought)) continue;
                await error.WriteLineAsync(sought == 0
                    ? $"longshore: the database has no blobs that should be in {check.Area.Option} {check.Store.Place}, which another database uses: what is there would be removed as nobody's. Nothing was changed; --force does it all the same."
                    : $"longshore: of {sought} blobs that were looked for {sought - found} are not in {check.Area.Option} {check.Store.Place}. Nothing was changed; copy them, or --force does it without.");
                return ExitCodes.Failed;
            }

            foreach (var check in wrong) await output.WriteLineAsync($"{check.Area.Option} {check.Store.Place} is the store {await check.AdoptAsync(cancellationToken)} of {Databases.PlaceOf(options)} now.");
            if (wrong.Count == 0) await output.WriteLineAsync("They belong together already: nothing was changed.");
            else await output.WriteLineAsync("No server starts with the former place any more. To see whether everything is there: longshore verify");
            return ExitCodes.Done;
        }
    }
}
