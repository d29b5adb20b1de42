using Longshore.Server.Access;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Bootstrap;

/// <summary>Applies a bootstrap file at start: all of it in one transaction, or nothing. Once more changes nothing.</summary>
internal sealed class BootstrapFile(IDatabase database, AccessVersion version, SealedBox box, IamDatabase iam, TimeProvider time, ILogger<BootstrapFile> logger)
{
    /// <summary>Reads and applies a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="environment">The value of an environment variable, or null.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>What is wrong, one sentence each with the path of the member: nothing is changed then.</returns>
    public async ValueTask<IReadOnlyList<string>> ApplyAsync(string path, Func<string, string?> environment, CancellationToken cancellationToken)
    {
        byte[] json;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > BootstrapReader.MaxLength }) return [$"The file is larger than {BootstrapReader.MaxLength >> 20} MiB."];
            json = await File.ReadAllBytesAsync(path, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [e.Message];
        }

        var (accounts, faults) = BootstrapReader.Read(json, environment);
        if (faults.Count > 0) return faults;
        var now = time.GetUtcNow();
        List<string> changes;
        try
        {
            changes = await database.WriteAsync(
                Durability.Synced,
                async session =>
                {
                    var (found, done) = (new List<string>(), new List<string>());
                    foreach (var account in accounts)
                    {
                        var context = new IamContext(session, account.Account, Principal.Anonymous, now, iam.Seal);
                        var root = await new BootstrapWriter(context, box, found, done).RootAsync(account);
                        await new BootstrapWriter(context with { Caller = root }, box, found, done).ApplyAsync(account);
                    }

                    return found.Count > 0 ? throw new FaultyException(found) : done;
                },
                cancellationToken);
        }
        catch (FaultyException e)
        {
            return e.Faults;
        }

        if (changes.Count > 0) version.Bump();
        foreach (var change in changes) logger.BootstrapChanged(change);
        logger.BootstrapApplied(path, changes.Count);
        return [];
    }

    // Throwing is how the database is told to roll back.
    private sealed class FaultyException(IReadOnlyList<string> faults) : Exception
    {
        public IReadOnlyList<string> Faults => faults;
    }
}
