using System.CommandLine;
using System.Data.Common;
using Longshore.Server.Access;
using Longshore.Server.Hosting;
using Longshore.Storage.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Commands;

/// <summary><c>longshore keys</c>: the keys that seal the database's secrets, while no server runs on the data directory.</summary>
internal sealed class KeysCommand : Command
{
    /// <summary>Creates the command.</summary>
    public KeysCommand(TextWriter output, TextWriter error)
        : base("keys", "Rotate the keys that seal the database's secrets. The server must be stopped.")
    {
        Add(new RotateCommand(output, error));
    }

    /// <summary><c>longshore keys rotate</c>.</summary>
    private sealed class RotateCommand : OptionsCommand
    {
        public RotateCommand(TextWriter output, TextWriter error)
            : base(
                "rotate",
                "Put a new key into the key file, wrap the server keys with it, and make a new server key. What was sealed before stays good until --retire.",
                option => option.Key is "data" or "key-file" or "database")
        {
            var retire = new Option<bool>("--retire")
            {
                Description = "End all older keys: secrets are sealed again, and every registry token, session and download URL that older keys made is refused. Makes no new key.",
            };
            var lost = new Option<bool>("--lost")
            {
                Description = "The key file is lost: give up every secret that it sealed, and begin with a new one. Root gets a key from LONGSHORE_ROOT_ACCESS_KEY_ID and LONGSHORE_ROOT_SECRET_ACCESS_KEY at the next start; all other access keys must be made anew.",
            };
            Add(retire);
            Add(lost);
            SetAction(async (parsed, cancellationToken) =>
            {
                var (options, errors) = ReadOptions(parsed);
                if (parsed.GetValue(retire) && parsed.GetValue(lost)) errors = [.. errors, "--retire and --lost: one at a time."];
                if (errors.Count > 0) return LongshoreCommand.Refuse(error, errors);
                return await RunAsync(options, parsed.GetValue(retire), parsed.GetValue(lost), output, error, cancellationToken);
            });
        }

        private static async Task<int> RunAsync(ServeOptions options, bool retire, bool lost, TextWriter output, TextWriter error, CancellationToken cancellationToken)
        {
            if (Databases.FindMissing(options) is { } missing)
            {
                await error.WriteLineAsync($"longshore: {missing}");
                return ExitCodes.Failed;
            }

            using var directory = DataDirectory.TryTake(options.DataDirectory, out var holder);
            if (directory is null)
            {
                await error.WriteLineAsync($"longshore: process {holder.ProcessId} serves {options.DataDirectory}. Stop it first: it has the old keys in its memory.");
                return ExitCodes.DataDirectoryTaken;
            }

            try
            {
                await using var database = Databases.Open(options, TimeProvider.System);
                if (await Databases.FindOthersAsync(database, cancellationToken) is { } others)
                {
                    await error.WriteLineAsync($"longshore: {others}");
                    return ExitCodes.DataDirectoryTaken;
                }

                var file = new KeyFile(options.KeyFilePath);
                var keys = new ServerKeys(database, file, NullLogger<ServerKeys>.Instance);
                var rotation = new KeyRotation(database, file, keys, new SealedBox(keys));
                if (lost)
                {
                    if (!(await keys.ReplaceLostAsync(cancellationToken)).TryGet(out var given, out var unusable))
                    {
                        await error.WriteLineAsync($"longshore: {unusable.Message}");
                        return ExitCodes.KeyFileRefused;
                    }

                    await output.WriteLineAsync(given == 0
                        ? $"{file.Path} opens every secret: nothing is lost, and nothing was changed."
                        : FormattableString.Invariant($"{given} keys are given up, and what they sealed with them. Server key {keys.CurrentId} is in use, under {file.Path}."));
                    return ExitCodes.Done;
                }

                var done = retire ? await rotation.RetireAsync(cancellationToken) : await rotation.RotateAsync(cancellationToken);
                if (!done.TryGet(out var result, out var refused))
                {
                    await error.WriteLineAsync($"longshore: {refused.Message}");
                    return ExitCodes.KeyFileRefused;
                }

                await output.WriteLineAsync(FormattableString.Invariant(retire
                    ? $"{result.Retired} older server keys ended; {result.Resealed} secrets were sealed again. Only key {result.FileKey} is left in {file.Path}."
                    : (FormattableString)$"Key {result.FileKey} of {file.Path} is in use, and server key {result.ServerKey}. Copy the file to every server, and to where its copy is kept."));
                return ExitCodes.Done;
            }
            catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException or SchemaTooNewException)
            {
                await error.WriteLineAsync($"longshore: {e.Message}");
                return ExitCodes.Failed;
            }
        }
    }
}
