using System.Net;
using System.Runtime.CompilerServices;
using Amazon.S3;
using Amazon.S3.Model;

namespace Longshore.Storage.Blobs;

/// <summary>The calls of S3 that the store makes, each repeated as <see cref="S3Retry"/> says. Keys are without the store's prefix.</summary>
internal sealed class S3Objects(IAmazonS3 client, S3BlobOptions options, S3Retry retry) : IDisposable
{
    private const string MediaType = "application/octet-stream";

    // Putting thousands of parts together can take AWS minutes.
    private static readonly TimeSpan CompletionLimit = TimeSpan.FromMinutes(5);

    /// <summary>Repeats reads that break in the middle.</summary>
    public S3Retry Retry => retry;

    /// <summary>Puts an object.</summary>
    public Task PutAsync(string key, Func<Stream> content, long length, CancellationToken cancellationToken, bool onlyNew = false) => retry.RunAsync(
        "store " + key,
        S3Limits.Sending(length),
        async (clock, token) =>
        {
            var request = new PutObjectRequest { BucketName = options.Bucket, Key = Full(key), InputStream = new S3SentStream(content(), clock), ContentType = MediaType };
            request.Headers.ContentLength = length;
            if (onlyNew) request.IfNoneMatch = "*";
            if (options.Encryption is not null) request.ServerSideEncryptionMethod = ServerSideEncryptionMethod.FindValue(options.Encryption);
            if (options.KmsKey is not null) request.ServerSideEncryptionKeyManagementServiceKeyId = options.KmsKey;
            return await client.PutObjectAsync(request, token);
        },
        cancellationToken);

    /// <summary>Puts a small object.</summary>
    public Task PutAsync(string key, byte[] content, CancellationToken cancellationToken) =>
        PutAsync(key, () => new MemoryStream(content, writable: false), content.Length, cancellationToken);

    /// <summary>Puts a small object where there is none; false when there is one.</summary>
    public async Task<bool> TryPutNewAsync(string key, byte[] content, CancellationToken cancellationToken)
    {
        try
        {
            await PutAsync(key, () => new MemoryStream(content, writable: false), content.Length, cancellationToken, onlyNew: true);
            return true;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
        {
            return false;
        }
    }

    /// <summary>Begins an object of several parts.</summary>
    public Task<string> BeginAsync(string key, CancellationToken cancellationToken) => retry.RunAsync(
        "begin " + key,
        S3Retry.Limit(0),
        async token =>
        {
            var request = new InitiateMultipartUploadRequest { BucketName = options.Bucket, Key = Full(key), ContentType = MediaType };
            if (options.Encryption is not null) request.ServerSideEncryptionMethod = ServerSideEncryptionMethod.FindValue(options.Encryption);
            if (options.KmsKey is not null) request.ServerSideEncryptionKeyManagementServiceKeyId = options.KmsKey;
            return (await client.InitiateMultipartUploadAsync(request, token)).UploadId;
        },
        cancellationToken);

    /// <summary>Sends a part; numbers begin at 1.</summary>
    public Task<PartETag> PartAsync(string key, string uploadId, int number, Func<Stream> content, long length, CancellationToken cancellationToken) => retry.RunAsync(
        $"store part {number} of {key}",
        S3Limits.Sending(length),
        async (clock, token) =>
        {
            var request = new UploadPartRequest
            {
                BucketName = options.Bucket,
                Key = Full(key),
                UploadId = uploadId,
                PartNumber = number,
                PartSize = length,
                InputStream = new S3SentStream(content(), clock),
            };
            return new PartETag(number, (await client.UploadPartAsync(request, token)).ETag);
        },
        cancellationToken);

    /// <summary>Makes a part of bytes that another object has.</summary>
    public Task<PartETag> CopyPartAsync(string key, string uploadId, int number, string from, long start, long length, CancellationToken cancellationToken) => retry.RunAsync(
        $"copy part {number} of {key}",
        CompletionLimit,
        async token =>
        {
            var request = new CopyPartRequest
            {
                SourceBucket = options.Bucket,
                SourceKey = Full(from),
                DestinationBucket = options.Bucket,
                DestinationKey = Full(key),
                UploadId = uploadId,
                PartNumber = number,
                FirstByte = start,
                LastByte = start + length - 1,
            };
            return new PartETag(number, (await client.CopyPartAsync(request, token)).ETag);
        },
        cancellationToken);

    /// <summary>Makes an object of its parts, as long as it should be.</summary>
    public async Task CompleteAsync(string key, string uploadId, IReadOnlyList<PartETag> parts, long length, CancellationToken cancellationToken)
    {
        try
        {
            await retry.RunAsync(
                "complete " + key,
                CompletionLimit,
                async token => await client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest { BucketName = options.Bucket, Key = Full(key), UploadId = uploadId, PartETags = [.. parts] }, token),
                cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            // An attempt before was carried out and its answer lost; or somebody gave the upload up.
            if (await FindLengthAsync(key, cancellationToken) != length) throw new IOException($"The upload of {key} was given up by somebody else.", e);
        }
    }

    /// <summary>Gives the parts of an object up when that can be done soon. No failure is told: expiry finds what is left.</summary>
    public Task TryAbortAsync(string key, string uploadId) => retry.TryOnceAsync(
        token => client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = options.Bucket, Key = Full(key), UploadId = uploadId }, token));

    /// <summary>Gives the parts of an object up; no error when there are none.</summary>
    public async Task AbortAsync(string key, string uploadId, CancellationToken cancellationToken)
    {
        try
        {
            await retry.RunAsync(
                "give up " + key,
                S3Retry.Limit(0),
                async token => await client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = options.Bucket, Key = Full(key), UploadId = uploadId }, token),
                cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
        }
    }

    /// <summary>Begins to read; null when there is no such object. The caller disposes the answer.</summary>
    /// <param name="key">The object.</param>
    /// <param name="start">First byte.</param>
    /// <param name="end">Behind the last byte; larger than start.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<GetObjectResponse?> GetAsync(string key, long start, long end, CancellationToken cancellationToken)
    {
        try
        {
            return await retry.RunAsync(
                "read " + key,
                S3Retry.Limit(0),
                async token =>
                {
                    var response = await client.GetObjectAsync(
                        new GetObjectRequest { BucketName = options.Bucket, Key = Full(key), ByteRange = new ByteRange(start, end - 1) }, token);
                    return response;
                },
                cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>All of a small object; null when there is none.</summary>
    public async Task<byte[]?> GetSmallAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            return await retry.RunAsync(
                "read " + key,
                S3Retry.Limit(1 << 20),
                async token =>
                {
                    using var response = await client.GetObjectAsync(new GetObjectRequest { BucketName = options.Bucket, Key = Full(key) }, token);
                    using var bytes = new MemoryStream();
                    await response.ResponseStream.CopyToAsync(bytes, token);
                    return bytes.Length == response.ContentLength ? bytes.ToArray() : throw new IOException($"{key} was cut on its way.");
                },
                cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Bytes of an object; null when there is none.</summary>
    public async Task<long?> FindLengthAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            return await retry.RunAsync<long?>(
                "look at " + key,
                S3Retry.Limit(0),
                async token => (await client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = options.Bucket, Key = Full(key) }, token)).ContentLength,
                cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Deletes an object; no error when there is none.</summary>
    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            await retry.RunAsync(
                "delete " + key,
                S3Retry.Limit(0),
                async token => await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = options.Bucket, Key = Full(key) }, token),
                cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket")
        {
        }
    }

    /// <summary>The objects whose keys begin so, page by page. Keys are without the store's prefix.</summary>
    public async IAsyncEnumerable<(string Key, long Size, DateTimeOffset ModifiedAt)> ListAsync(
        string prefix, int pageSize, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? next = null;
        do
        {
            var from = next;
            ListObjectsV2Response page;
            try
            {
                page = await retry.RunAsync(
                    "list " + prefix,
                    S3Retry.Limit(1 << 20),
                    token => client.ListObjectsV2Async(
                        new ListObjectsV2Request { BucketName = options.Bucket, Prefix = Full(prefix), MaxKeys = pageSize, ContinuationToken = from }, token),
                    cancellationToken);
            }
            catch (AmazonS3Exception e)
            {
                throw new IOException($"The bucket {options.Bucket} cannot be listed: {e.Message}", e);
            }

            foreach (var item in page.S3Objects ?? [])
                yield return (item.Key[options.Prefix.Length..], item.Size ?? 0, Time(item.LastModified));
            next = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (next is not null);
    }

    /// <summary>Unfinished objects of several parts whose keys begin so.</summary>
    public async IAsyncEnumerable<(string Key, string UploadId, DateTimeOffset BegunAt)> ListUnfinishedAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListMultipartUploadsRequest { BucketName = options.Bucket, Prefix = Full(prefix) };
        while (true)
        {
            ListMultipartUploadsResponse page;
            try
            {
                page = await retry.RunAsync("list unfinished uploads", S3Retry.Limit(1 << 20), token => client.ListMultipartUploadsAsync(request, token), cancellationToken);
            }
            catch (AmazonS3Exception e)
            {
                throw new IOException($"The bucket {options.Bucket} cannot be listed: {e.Message}", e);
            }

            foreach (var upload in page.MultipartUploads ?? [])
                yield return (upload.Key[options.Prefix.Length..], upload.UploadId, Time(upload.Initiated));
            if (page.IsTruncated != true) yield break;
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
    }

    public void Dispose() => client.Dispose();

    private string Full(string key) => options.Prefix + key;

    private static DateTimeOffset Time(DateTime? time) => time is { } given ? new DateTimeOffset(given.ToUniversalTime()) : DateTimeOffset.UnixEpoch;
}
