using System.CommandLine;
using System.Data.Common;
using Longshore.Server.Backups;
using Longshore.Server.Hosting;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Commands.Moving;

/// <summary>What commands that copy whole registries have in common: the registry's options, and failures in words.</summary>
internal abstract class MovingCommand : OptionsCommand
{
    /// <summary>Adds the options of the registry's parts.</summary>
    protected MovingCommand(string name, string description)
        : base(name, description, static option => option.Key is "data" or "blobs" or "archive" or "key-file")
    {
    }

    /// <summary>The parts of the registry that the options name.</summary>
    /// <exception cref="BackupException">They name one that is not embedded.</exception>
    protected static RegistryFiles FilesOf(ServeOptions options) => options.Database is not null
        ? throw new BackupException("this copies the embedded registry alone. With PostgreSQL its own backups are the ones to take, before those of the blobs.")
        : new(
        options.DataDirectory,
        Path.Combine(options.DataDirectory, ServerComposition.DatabaseFile),
        options.BlobDirectory,
        options.ArchiveDirectory,
        options.TrailDirectory,
        options.CredentialsPath,
        options.KeyFilePath);

    /// <summary>A path of the command line, absolute; null when the option was not given.</summary>
    protected static string? PathOf(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is { Length: > 0 } path ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) : null;

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
