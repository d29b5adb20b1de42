using Longshore.Storage.Blobs;

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

    /// <summary>The same, each for itself.</summary>
    public static (IBlobStore Standard, IBlobStore Archive) OpenAreas(ServeOptions options, TimeProvider time) => (
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
