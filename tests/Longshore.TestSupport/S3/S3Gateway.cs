using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.TestSupport.S3;

/// <summary>
/// Ceph's S3 gateway, one for all tests of a process: that at <c>LONGSHORE_TEST_S3</c> (an address such as http://127.0.0.1:18950), else one that is started with the
/// first call and ends with the process.
/// </summary>
public sealed class S3Gateway
{
    public const string AccessKeyId = "longshore";

    public const string SecretAccessKey = "longshore-secret";

    /// <summary>The bucket that all tests share; each has a prefix of its own.</summary>
    public const string Bucket = "longshore-tests";

    private static readonly Lazy<Task<S3Gateway>> Running = new(FindAsync);

    private static readonly string Script = Path.Combine(RepositoryRoot.Path, "tests/clients/rgw");

    private readonly string? _directory;

    private S3Gateway(Uri endpoint, string? directory) => (Endpoint, _directory) = (endpoint, directory);

    /// <summary>Where it listens.</summary>
    public Uri Endpoint { get; }

    /// <summary>The environment of a server that uses it.</summary>
    public static IReadOnlyDictionary<string, string?> Environment { get; } =
        new Dictionary<string, string?> { ["AWS_S3_ACCESS_KEY_ID"] = AccessKeyId, ["AWS_S3_SECRET_ACCESS_KEY"] = SecretAccessKey };

    /// <summary>Whether the product's tests run on S3: <c>LONGSHORE_TEST_BLOBS=s3</c>.</summary>
    public static bool IsAskedFor => System.Environment.GetEnvironmentVariable("LONGSHORE_TEST_BLOBS") == "s3";

    /// <summary>The gateway, started if need be.</summary>
    /// <exception cref="SkipTestException">Its packages are not installed, outside CI.</exception>
    public static Task<S3Gateway> GetAsync() => Running.Value;

    /// <summary>One that no other test uses, and that may be treated badly; ends with the process or <see cref="StopAsync"/>.</summary>
    public static async Task<S3Gateway> StartAsync()
    {
        foreach (var tool in (string[])["ceph-mon", "ceph-osd", "ceph", "radosgw"]) Requires.Tool(tool);
        var port = TwoFreePorts();
        var directory = Path.Combine(Path.GetTempPath(), $"longshore-rgw-{port}-{System.Environment.ProcessId}");
        await CommandRunner.RunAsync(
            "bash",
            [Script, "start", directory, port.ToString(CultureInfo.InvariantCulture), System.Environment.ProcessId.ToString(CultureInfo.InvariantCulture)],
            CancellationToken.None,
            timeout: TimeSpan.FromMinutes(5));
        var gateway = new S3Gateway(new Uri($"http://127.0.0.1:{port}"), directory);
        await gateway.MakeBucketAsync();
        return gateway;
    }

    /// <summary>Does something to a gateway of one's own: freeze, thaw, kill, revive (see the script).</summary>
    public Task DoAsync(string what) => CommandRunner.RunAsync("bash", [Script, what, _directory!], CancellationToken.None);

    /// <summary>Ends a gateway of one's own.</summary>
    public Task StopAsync() => DoAsync("stop");

    /// <summary>A client of AWS's, for what tests do behind the registry's back.</summary>
    public Amazon.S3.AmazonS3Client NewClient() => new(
        AccessKeyId,
        SecretAccessKey,
        new Amazon.S3.AmazonS3Config
        {
            ServiceURL = Endpoint.AbsoluteUri,
            ForcePathStyle = true,
            AuthenticationRegion = "us-east-1",
            RequestChecksumCalculation = Amazon.Runtime.RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = Amazon.Runtime.ResponseChecksumValidation.WHEN_REQUIRED,
        });

    /// <summary>Copies what is below a prefix to a directory, with AWS's own client.</summary>
    public Task DownloadAsync(string url, string directory, CancellationToken cancellationToken) => CommandRunner.RunAsync(
        "/usr/bin/aws",
        ["s3", "cp", "--recursive", "--quiet", "--endpoint-url", Endpoint.AbsoluteUri, url, directory],
        cancellationToken,
        new Dictionary<string, string?> { ["AWS_ACCESS_KEY_ID"] = AccessKeyId, ["AWS_SECRET_ACCESS_KEY"] = SecretAccessKey, ["AWS_REGION"] = "us-east-1" });

    /// <summary>A value of <c>--blobs</c> with a prefix that nobody has used.</summary>
    /// <param name="endpoint">The address to use; null: the gateway's own.</param>
    /// <param name="more">Added to the query, beginning with &amp;.</param>
    public string NewUrl(Uri? endpoint = null, string more = "") =>
        $"s3://{Bucket}/t{Guid.NewGuid():N}?endpoint={(endpoint ?? Endpoint).GetLeftPart(UriPartial.Authority)}{more}";

    /// <summary>
    /// The options that put the bodies of a data directory where the tests run: <c>--blobs</c> with a prefix that follows from the directory's path, or nothing when
    /// they run on files. The caller starts the gateway.
    /// </summary>
    public static string[] BlobArguments(string dataDirectory)
    {
        if (!IsAskedFor) return [];
        // For commands that tests run in their own process.
        foreach (var (name, value) in Environment) System.Environment.SetEnvironmentVariable(name, value);
        var gateway = GetAsync().GetAwaiter().GetResult();
        return ["--blobs", UrlOf(gateway, dataDirectory)];
    }

    /// <summary>The same, as the value alone.</summary>
    public static string UrlOf(S3Gateway gateway, string dataDirectory)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        var prefix = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Path.GetFullPath(dataDirectory))))[..24];
        return $"s3://{Bucket}/d{prefix}?endpoint={gateway.Endpoint.GetLeftPart(UriPartial.Authority)}";
    }

    private static async Task<S3Gateway> FindAsync()
    {
        if (System.Environment.GetEnvironmentVariable("LONGSHORE_TEST_S3") is { Length: > 0 } given)
        {
            var found = new S3Gateway(new Uri(given), null);
            await found.MakeBucketAsync();
            return found;
        }

        return await StartAsync();
    }

    // The first write of a new cluster takes seconds, and may be refused before its pools are there.
    private async Task MakeBucketAsync()
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(60) };
        var signer = new AwsSigner(AccessKeyId, SecretAccessKey, "us-east-1", "s3", TimeProvider.System);
        for (var i = 0; ; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(Endpoint, Bucket));
            signer.Sign(request, [], payloadHeader: true);
            using var response = await client.SendAsync(request);
            if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.Conflict) return;
            if (i == 20) throw new InvalidOperationException($"The bucket cannot be made: {response.StatusCode} {await response.Content.ReadAsStringAsync()}");
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System);
        }
    }

    private static int TwoFreePorts()
    {
        while (true)
        {
            using var first = new TcpListener(IPAddress.Loopback, 0);
            first.Start();
            var port = ((IPEndPoint)first.LocalEndpoint).Port;
            try
            {
                using var second = new TcpListener(IPAddress.Loopback, port + 1);
                second.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has the next one.
            }
        }
    }
}
