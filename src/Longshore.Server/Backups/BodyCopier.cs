using Longshore.Server.Content;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Backups;

/// <summary>What became of a body.</summary>
internal enum BodyCopy
{
    /// <summary>It was copied.</summary>
    Copied,

    /// <summary>It was there.</summary>
    There,

    /// <summary>It is missing where it is to be copied from, cannot be read, or is not what its digest says.</summary>
    Damaged,
}

/// <summary>
/// Copies all bodies that a database names from one store to another, to the same locations, hashing them on their way. A body appears under its
/// location only when all of it is durable: one that is there needs no second copy.
/// </summary>
/// <param name="from">Where they are.</param>
/// <param name="standard">Where they go.</param>
/// <param name="archive">Where archived ones go.</param>
internal sealed class BodyCopier(IBlobStore from, IBlobStore standard, IBlobStore archive)
{
    private const int Page = 512;
    private const int Parallel = 6;

    /// <summary>Copies all of them.</summary>
    /// <param name="database">Names them.</param>
    /// <param name="done">Told after each; by one thread at a time.</param>
    /// <param name="cancellationToken">Ends it between two pieces.</param>
    public async Task RunAsync(IDatabase database, Action<CopiedBody, BodyCopy> done, CancellationToken cancellationToken)
    {
        var gate = new Lock();
        for (var after = 0L; ;)
        {
            var bodies = await RegistryCopies.ListBodiesAsync(database, after, Page, cancellationToken);
            if (bodies.Count == 0) return;
            after = bodies[^1].Id;
            await System.Threading.Tasks.Parallel.ForEachAsync(
                bodies,
                new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
                async (body, token) =>
                {
                    var result = await CopyAsync(body, token);
                    lock (gate) done(body, result);
                });
        }
    }

    private async Task<BodyCopy> CopyAsync(CopiedBody body, CancellationToken cancellationToken)
    {
        var archived = TieredBlobStore.IsArchived(body.Location);
        var (to, location) = archived ? (archive, body.Location[TieredBlobStore.ArchivePrefix.Length..]) : (standard, body.Location);
        await using (var there = await to.OpenReadAsync(location, cancellationToken))
        {
            if (there?.Length == body.Size) return BodyCopy.There;
            if (there is not null) await to.DeleteAsync(location, cancellationToken);
        }

        await using var reader = await from.OpenReadAsync(body.Location, cancellationToken);
        if (reader is null || reader.Length != body.Size) return BodyCopy.Damaged;
        var published = await BodyTransfer.CopyAsync(reader, to, $"copy-{Guid.NewGuid():N}", body.Digest, body.Generation, cancellationToken);
        if (published is null) return BodyCopy.Damaged;
        return published == location ? BodyCopy.Copied : throw new BackupException($"The body of {body.Digest} is at {body.Location} and its copy at {published}.");
    }
}
