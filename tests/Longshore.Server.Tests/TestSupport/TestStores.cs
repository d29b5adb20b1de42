using Longshore.Storage.Blobs;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.TestSupport;

/// <summary>The store of bodies that the tests run on: files, or with <c>LONGSHORE_TEST_BLOBS=s3</c> a bucket.</summary>
internal static class TestStores
{
    /// <summary>Opens the store of a data directory.</summary>
    /// <param name="time">The clock of a store of files; a bucket has its own, and its waits are real.</param>
    public static IBlobStore Open(string dataDirectory, TimeProvider time)
    {
        if (S3Gateway.BlobArguments(dataDirectory) is not [_, var url]) return new FileSystemBlobStore(Path.Combine(dataDirectory, "blobs"), time);
        var options = S3BlobOptions.TryParse(url, out var problem) ?? throw new InvalidOperationException(problem);
        return new S3BlobStore(options, (S3Gateway.AccessKeyId, S3Gateway.SecretAccessKey, null), TimeProvider.System);
    }

    /// <summary>Where the files of a data directory's bodies lie. Skips the test when it runs on a bucket.</summary>
    public static string DirectoryOf(string dataDirectory) =>
        S3Gateway.IsAskedFor ? throw new SkipTestException("is about files, and runs on a bucket") : Path.Combine(dataDirectory, "blobs");
}
