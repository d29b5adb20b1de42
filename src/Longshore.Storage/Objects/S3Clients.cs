using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace Longshore.Storage.Objects;

/// <summary>Makes clients of S3 and of what speaks its protocol.</summary>
internal static class S3Clients
{
    /// <summary>Creates a client.</summary>
    /// <param name="region">The bucket's region.</param>
    /// <param name="endpoint">The address of a server that is not AWS's, or null.</param>
    /// <param name="pathStyle">Whether buckets are named in the path and not in the host.</param>
    /// <param name="credentials">Who calls; null: what the environment, the profile or the machine's role gives.</param>
    /// <param name="retries">Repetitions that the client makes by itself, from 0.</param>
    public static AmazonS3Client Create(string region, string? endpoint, bool pathStyle, AWSCredentials? credentials, int? retries = null)
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = pathStyle,
            // Servers other than AWS's do not know trailing checksums (docs/dependencies.md). Bodies are signed, and so are what was sent.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (endpoint is null)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }
        else
        {
            config.ServiceURL = endpoint;
            config.AuthenticationRegion = region;
        }

        if (retries is { } number)
        {
            config.MaxErrorRetry = number;
            config.ConnectTimeout = TimeSpan.FromSeconds(5);
            // Each call has its own bound, which knows how many bytes go over.
            config.Timeout = TimeSpan.FromHours(1);
        }

        return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
    }
}
