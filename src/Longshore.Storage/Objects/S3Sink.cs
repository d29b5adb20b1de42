using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Longshore.Storage.Objects;

/// <summary>Objects in a bucket of S3 or of what speaks its protocol.</summary>
public sealed class S3Sink : IObjectSink, IDisposable
{
    private readonly AmazonS3Client client;
    private readonly string bucket;
    private readonly string prefix;

    /// <summary>Creates a sink.</summary>
    /// <param name="bucket">The bucket; it must exist.</param>
    /// <param name="prefix">Put before names, with a slash between; may be empty.</param>
    /// <param name="region">The bucket's region.</param>
    /// <param name="endpoint">The address of a server that is not AWS's, or null.</param>
    /// <param name="accessKeyId">Who writes.</param>
    /// <param name="secret">The key's secret.</param>
    /// <param name="sessionToken">With temporary credentials.</param>
    public S3Sink(string bucket, string prefix, string region, string? endpoint, string accessKeyId, string secret, string? sessionToken)
    {
        (this.bucket, this.prefix) = (bucket, prefix.Trim('/'));
        // Servers other than AWS's do not know names of buckets as hosts.
        client = S3Clients.Create(
            region, endpoint, pathStyle: endpoint is not null, sessionToken is null ? new BasicAWSCredentials(accessKeyId, secret) : new SessionAWSCredentials(accessKeyId, secret, sessionToken));
    }

    /// <inheritdoc/>
    public async Task PutAsync(string name, byte[] content, string contentType, string? contentEncoding, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream(content, writable: false);
        var request = new PutObjectRequest { BucketName = bucket, Key = prefix.Length == 0 ? name : $"{prefix}/{name}", InputStream = stream, ContentType = contentType, UseChunkEncoding = false };
        if (contentEncoding is not null) request.Headers.ContentEncoding = contentEncoding;
        try
        {
            await client.PutObjectAsync(request, cancellationToken);
        }
        catch (AmazonClientException e)
        {
            throw new IOException($"{bucket}/{request.Key}: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();
}
