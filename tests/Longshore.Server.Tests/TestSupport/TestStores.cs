using System.Collections.Concurrent;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.TestSupport;

/// <summary>The store of bodies that the tests run on, files or with <c>LONGSHORE_TEST_BLOBS=s3</c> a bucket, and what happens to one behind the server's back.</summary>
internal static class TestStores
{
    // What tests say about the age of things in a bucket, which nobody can set there: by prefix and name.
    private static readonly ConcurrentDictionary<string, DateTimeOffset> Times = new(StringComparer.Ordinal);

    /// <summary>Opens the store of a data directory.</summary>
    /// <param name="time">The clock of a store of files; a bucket has its own, and its waits are real.</param>
    public static IBlobStore Open(string dataDirectory, TimeProvider time) =>
        Bucket(dataDirectory) is { } options ? new DatedStore(Open(options), options.Prefix) : new FileSystemBlobStore(Path.Combine(dataDirectory, "blobs"), time);

    /// <summary>Skips a test that is about a disk.</summary>
    public static void RequireFiles(string why)
    {
        if (S3Gateway.IsAskedFor) throw new SkipTestException($"is about bodies in files: {why}");
    }

    /// <summary>Skips a test that starts a gateway by itself, where the tests run on files: once is enough.</summary>
    public static void RequireBucket()
    {
        if (!S3Gateway.IsAskedFor) throw new SkipTestException("is about a bucket: LONGSHORE_TEST_BLOBS=s3");
    }

    /// <summary>How many random scenes a property is tried with: all on files; a part on a bucket, where a step costs a hundred times as much.</summary>
    public static int Scenes(int onFiles) => S3Gateway.IsAskedFor ? Math.Max(1, onFiles / 20) : onFiles;

    /// <summary>Where the files of a data directory's bodies lie. Skips the test when it runs on a bucket.</summary>
    public static string DirectoryOf(string dataDirectory) =>
        S3Gateway.IsAskedFor ? throw new SkipTestException("is about files, and runs on a bucket") : Path.Combine(dataDirectory, "blobs");

    /// <summary>Sets when a body was published or an upload written to last.</summary>
    /// <param name="dataDirectory">The registry's data directory.</param>
    /// <param name="location">A location, or <c>uploads/KEY</c>.</param>
    /// <param name="when">The time.</param>
    public static void SetTime(string dataDirectory, string location, DateTimeOffset when)
    {
        if (Bucket(dataDirectory) is { } options) Times[options.Prefix + location] = when;
        else File.SetLastWriteTimeUtc(Path.Combine(DirectoryOf(dataDirectory), location), when.UtcDateTime);
    }

    /// <summary>Whether an area of a server's data directory, <c>blobs</c> or <c>archive</c>, holds a body of this digest.</summary>
    public static bool Has(string dataDirectory, string area, string digest)
    {
        if (Bucket(dataDirectory) is { } options)
        {
            using var store = Open(area == "archive" ? options.Below(area) : options);
            return store.ListAsync(TestContext.Current.CancellationToken).ToBlockingEnumerable().Any(body => body.Digest.Value == digest);
        }

        var folder = Path.Combine(dataDirectory, area, "sha256", digest[7..9]);
        return Directory.Exists(folder) && Directory.EnumerateFiles(folder, digest[7..] + ".*").Any();
    }

    /// <summary>Damages the bytes of a body: flip, truncate, grow or delete.</summary>
    public static async Task DamageAsync(string dataDirectory, string location, string how)
    {
        var bytes = how == "delete" ? null : await ReadAsync(dataDirectory, location);
        switch (how)
        {
            case "flip":
                bytes![1234] ^= 0x10;
                break;
            case "truncate":
                bytes = bytes![..^1];
                break;
            case "grow":
                bytes = [.. bytes!, 0];
                break;
        }

        if (Bucket(dataDirectory) is { } options)
        {
            // bodies/ab/ID.… names the bytes at data/ab/ID: docs/stored-formats.md.
            var key = options.Prefix + "data/" + location["bodies/".Length..location.IndexOf('.', StringComparison.Ordinal)];
            using var client = (await S3Gateway.GetAsync()).NewClient();
            if (bytes is null) await client.DeleteObjectAsync(S3Gateway.Bucket, key);
            else await client.PutObjectAsync(new Amazon.S3.Model.PutObjectRequest { BucketName = S3Gateway.Bucket, Key = key, InputStream = new MemoryStream(bytes) });
            return;
        }

        var path = Path.Combine(DirectoryOf(dataDirectory), location);
        if (bytes is null) File.Delete(path);
        else await File.WriteAllBytesAsync(path, bytes);
    }

    /// <summary>How many bodies were set aside.</summary>
    public static async Task<int> QuarantinedAsync(string dataDirectory)
    {
        if (Bucket(dataDirectory) is not { } options) return Directory.GetFiles(Path.Combine(DirectoryOf(dataDirectory), "quarantine")).Length;
        using var client = (await S3Gateway.GetAsync()).NewClient();
        return (await client.ListObjectsV2Async(new Amazon.S3.Model.ListObjectsV2Request { BucketName = S3Gateway.Bucket, Prefix = options.Prefix + "quarantine/" })).S3Objects?.Count ?? 0;
    }

    /// <summary>The bytes of a body.</summary>
    public static async Task<byte[]> ReadAsync(string dataDirectory, string location)
    {
        var store = Open(dataDirectory, TimeProvider.System);
        await using var reader = await store.OpenReadAsync(location, CancellationToken.None) ?? throw new FileNotFoundException("There is no such body.", location);
        var bytes = new byte[reader.Length];
        for (var at = 0; at < bytes.Length;)
        {
            var read = await reader.ReadAsync(bytes.AsMemory(at), at, CancellationToken.None);
            at += read > 0 ? read : throw new EndOfStreamException();
        }

        return bytes;
    }

    private static S3BlobOptions? Bucket(string dataDirectory) =>
        S3Gateway.BlobArguments(dataDirectory) is [_, var url] ? S3BlobOptions.TryParse(url, out var problem) ?? throw new InvalidOperationException(problem) : null;

    private static S3BlobStore Open(S3BlobOptions options) => new(options, (S3Gateway.AccessKeyId, S3Gateway.SecretAccessKey, null), TimeProvider.System);

    private sealed class DatedStore(S3BlobStore store, string prefix) : IBlobStore
    {
        public int ListParts => store.ListParts;

        public ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken) =>
            store.OpenUploadAsync(uploadKey, offset, observer, cancellationToken);

        public ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken) => store.ReadUploadAsync(uploadKey, length, cancellationToken);

        public ValueTask<string> PublishAsync(string uploadKey, Core.Digest digest, long generation, CancellationToken cancellationToken) =>
            store.PublishAsync(uploadKey, digest, generation, cancellationToken);

        public ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken) => store.DeleteUploadAsync(uploadKey, cancellationToken);

        public ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken) => store.OpenReadAsync(location, cancellationToken);

        public ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken) => store.DeleteAsync(location, cancellationToken);

        public ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken) => store.QuarantineAsync(location, cancellationToken);

        public IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken) => store.ListAsync(cancellationToken).Select(Dated);

        public IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken) => store.ListAsync(part, cancellationToken).Select(Dated);

        public IAsyncEnumerable<StoredUpload> ListUploadsAsync(CancellationToken cancellationToken) => store.ListUploadsAsync(cancellationToken).Select(
            upload => Times.TryGetValue(prefix + "uploads/" + upload.UploadKey, out var when) ? upload with { ModifiedAt = when } : upload);

        private StoredBody Dated(StoredBody body) => Times.TryGetValue(prefix + body.Location, out var when) ? body with { ModifiedAt = when } : body;
    }
}
