using System.CommandLine;
using System.Data.Common;
using Longshore.Server.Backups;
using Longshore.Server.Hosting;
using Longshore.Server.Verification;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Commands.Moving;

/// <summary>A command that copies a whole embedded registry to a place or back from it.</summary>
internal abstract class MovingCommand : OptionsCommand
{
    /// <summary>Adds the options of the registry's parts, the one that names the other place, and <c>--json</c>.</summary>
    /// <param name="name">The command's name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="other">The option that names the other place.</param>
    /// <param name="missing">What to give it.</param>
    /// <param name="output">Where the result goes.</param>
    /// <param name="error">Where everything else goes.</param>
    protected MovingCommand(string name, string description, Option<string?> other, string missing, TextWriter output, TextWriter error)
        : base(name, description, static option => option.Key is "data" or "blobs" or "archive" or "key-file")
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        Add(other);
        Add(json);
        SetAction(async (parsed, token) =>
        {
            var (options, errors) = ReadOptions(parsed);
            var place = parsed.GetValue(other) is { Length: > 0 } path ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) : null;
            if (place is null) errors = [.. errors, $"{other.Name}: it is missing; {missing}"];
            if (errors.Count > 0) return LongshoreCommand.Refuse(error, errors);
            return await GuardAsync(error, () => RunAsync(parsed, options, place!, new BackupReport(output, error, parsed.GetValue(json), TimeProvider.System), token));
        });
    }

    /// <summary>Does the work.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="options">They name the registry.</param>
    /// <param name="place">The other place, an absolute path.</param>
    /// <param name="report">Takes progress and result.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The exit code.</returns>
    protected abstract Task<int> RunAsync(ParseResult parsed, ServeOptions options, string place, BackupReport report, CancellationToken cancellationToken);

    /// <summary>The parts of the registry that the options name.</summary>
    public static RegistryFiles FilesOf(ServeOptions options) => new(
        options.DataDirectory,
        Path.Combine(options.DataDirectory, ServerComposition.DatabaseFile),
        options.BlobDirectory,
        options.ArchiveDirectory,
        options.TrailDirectory,
        options.CredentialsPath,
        options.KeyFilePath);

    /// <summary>The same, of an embedded one.</summary>
    /// <exception cref="BackupException">It is not.</exception>
    protected static RegistryFiles EmbeddedFilesOf(ServeOptions options) => options.Database is null
        ? FilesOf(options)
        : throw new BackupException("this copies the embedded registry alone. With PostgreSQL its own backups are the ones to take, before those of the blobs.");

    /// <summary>Reads everything that a copy has, as <c>longshore verify</c> does, and names what is damaged on the error stream.</summary>
    /// <returns>What it came to, and how much is damaged.</returns>
    public static async Task<(VerifySummary Summary, int Damaged)> VerifyAsync(
        IDatabase database, ServeOptions options, TextWriter error, Action<VerifyProgress> progress, CancellationToken cancellationToken)
    {
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
            progress);
        return (await verifier.RunAsync(cancellationToken), damaged);
    }

    /// <summary>Runs the work; what fails outside is told in a sentence.</summary>
    public static async Task<int> GuardAsync(TextWriter error, Func<Task<int>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException or SchemaTooNewException or InvalidOperationException)
        {
            await error.WriteLineAsync($"longshore: {e.Message}");
            return ExitCodes.Failed;
        }
    }
}
