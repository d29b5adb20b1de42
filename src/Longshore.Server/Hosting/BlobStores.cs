using Longshore.Server.Content.Stores;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Hosting;

/// <summary>The store of bodies that the options name: the standard area and the archive.</summary>
internal static class BlobStores
{
    /// <summary>Opens both, and creates what directories they lack. A bucket is not asked for anything yet: one that is away now may come back.</summary>
    public static IBlobStore Open(ServeOptions options, TimeProvider time)
    {
        var (standard, archive) = OpenAreas(options, time);
        return new TieredBlobStore(standard, archive);
    }

    /// <summary>Opens both for a server: nothing passes before they are known to be the database's own.</summary>
    public static (IBlobStore Store, IReadOnlyList<StoreGuard> Guards) OpenGuarded(ServeOptions options, IDatabase database, TimeProvider time, ILogger logger)
    {
        List<StoreGuard> guards = [.. Checks(options, database, time, logger).Select(check => new StoreGuard(check, time, logger))];
        return (new TieredBlobStore(Guarded(guards[0]), Guarded(guards[1])), guards);

        static GuardedBlobStore Guarded(StoreGuard guard) => new(guard.Check.Store, guard);
    }

    /// <summary>
    /// Whether the options name the stores that the database belongs to: null, or why not. For commands: nothing is changed, and no directory is made where a disk
    /// should be mounted.
    /// </summary>
    /// <exception cref="IOException">A store does not answer.</exception>
    public static async ValueTask<string?> FindFaultAsync(ServeOptions options, IDatabase database, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.BlobBucket is null && !FileSystemBlobStore.Exists(options.BlobDirectory)) return $"there is no blob store in {options.BlobDirectory}. Mount it, or name its place with --blobs.";
        foreach (var check in Checks(options, database, time, NullLogger.Instance))
            if (await check.FindFaultAsync(adopt: false, cancellationToken) is { } fault) return fault;
        return null;
    }

    /// <summary>The comparisons of both areas with the database, standard first.</summary>
    public static IReadOnlyList<StoreCheck> Checks(ServeOptions options, IDatabase database, TimeProvider time, ILogger logger)
    {
        var (standard, archive) = OpenAreas(options, time);
        var place = Databases.PlaceOf(options);
        return [Check(standard, StoreArea.Standard), Check(archive, StoreArea.Archive)];

        StoreCheck Check(IMarkedStore store, StoreArea area) => new(database, place, store, area, token => Databases.FindOthersAsync(database, token), logger);
    }

    /// <summary>The same, each for itself.</summary>
    public static (IMarkedStore Standard, IMarkedStore Archive) OpenAreas(ServeOptions options, TimeProvider time) => (
        options.BlobBucket is { } bucket ? Open(bucket, time) : new FileSystemBlobStore(options.BlobDirectory, time),
        options.ArchiveBucket is { } archive ? Open(archive, time) : new FileSystemBlobStore(options.ArchiveDirectory, time));

    /// <summary>Whether two servers' options name the same place for bodies, and for those of archived images.</summary>
    public static (bool Standard, bool Archive) AreSame(ServeOptions one, ServeOptions other)
    {
        return (IsSame(one.BlobBucket, one.BlobDirectory, other.BlobBucket, other.BlobDirectory), IsSame(one.ArchiveBucket, one.ArchiveDirectory, other.ArchiveBucket, other.ArchiveDirectory));

        static bool IsSame(S3BlobOptions? bucket, string directory, S3BlobOptions? otherBucket, string otherDirectory) => bucket is null
            ? otherBucket is null && directory == otherDirectory
            : otherBucket is not null && bucket.Bucket == otherBucket.Bucket && bucket.Prefix == otherBucket.Prefix && bucket.Endpoint == otherBucket.Endpoint;
    }

    /// <summary>Who reads and writes the buckets: variables of their own, so that others of AWS's may serve something else; without them AWS's usual chain.</summary>
    private static S3BlobStore Open(S3BlobOptions bucket, TimeProvider time) => new(
        bucket,
        Variable("AWS_S3_ACCESS_KEY_ID") is { } id && Variable("AWS_S3_SECRET_ACCESS_KEY") is { } secret ? (id, secret, Variable("AWS_S3_SESSION_TOKEN")) : null,
        time);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
