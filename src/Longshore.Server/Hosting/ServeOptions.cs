using System.Net;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>
/// What <c>longshore serve</c> can be told, with defaults. Names, spellings and what is accepted: <see cref="ServeOptionTable"/>.
/// Set at start by <see cref="ServeOptionsReader"/> only.
/// </summary>
internal sealed class ServeOptions
{
    /// <summary>The variable with the id of the operator's own root key.</summary>
    public const string RootKeyVariable = "LONGSHORE_ROOT_ACCESS_KEY_ID";

    /// <summary>The variable with the secret of the operator's own root key.</summary>
    public const string RootSecretVariable = "LONGSHORE_ROOT_SECRET_ACCESS_KEY";

    /// <summary>Where the server listens; never empty once read.</summary>
    public IReadOnlyList<ListenAddress> Listen { get; set; } = [];

    /// <summary>The data directory: database, bodies, credentials, lock.</summary>
    public string Data { get; set; } = "./longshore-data";

    /// <summary>The bootstrap file: accounts, users, groups, roles, policies and identity providers that there are to be; or null.</summary>
    public string? Bootstrap { get; set; }

    /// <summary>Account of requests that name no other, and of the root principal: twelve digits.</summary>
    public string Account { get; set; } = "123456789012";

    /// <summary>Region of requests that name no other.</summary>
    public string Region { get; set; } = "us-east-1";

    /// <summary>PEM file with the certificate and its chain, or null.</summary>
    public string? TlsCert { get; set; }

    /// <summary>PEM file with the certificate's private key, or null.</summary>
    public string? TlsKey { get; set; }

    /// <summary>The variable with the password of the database's user, for those who do not want it in the address.</summary>
    public const string DatabasePasswordVariable = "LONGSHORE_DATABASE_PASSWORD";

    /// <summary>The PostgreSQL database, or null for the embedded one in the data directory.</summary>
    public PostgresAddress? Database { get; set; }

    /// <summary>Directory of bodies, or null for <c>blobs</c> in the data directory.</summary>
    public string? Blobs { get; set; }

    /// <summary>The bucket of bodies, instead of a directory; or null.</summary>
    public S3BlobOptions? BlobBucket { get; set; }

    /// <summary>Which pulls are sent to the bucket.</summary>
    public PullRedirects RedirectPulls { get; set; }

    /// <summary>Whether an authorised push to a missing repository creates it.</summary>
    public bool CreateOnPush { get; set; }

    /// <summary>How long requests that run at shutdown may go on. 0 to 3600 seconds.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a server that was told to stop says so before it stops accepting. 0 to 10 minutes.</summary>
    public TimeSpan DrainDelay { get; set; }

    /// <summary>How long a server may be silent before another one takes its jobs over. One second to 10 minutes.</summary>
    public TimeSpan JobLease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an upload may rest before it is removed. One minute to 30 days.</summary>
    public TimeSpan UploadExpiry { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long a pushed body is kept that no image names. One second to 30 days.</summary>
    public TimeSpan BlobLease { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Every repository with a lifecycle policy is evaluated at least this often. One minute to 7 days.</summary>
    public TimeSpan LifecycleInterval { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Between two collections. One second to 7 days.</summary>
    public TimeSpan CollectionInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a body stays after its last image went, and again after it was condemned. 0 to 30 days.</summary>
    public TimeSpan CollectionGrace { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Bodies that collection removes a second; 0: as many as it can.</summary>
    public long CollectionRate { get; set; } = 1000;

    /// <summary>Bytes that collection removes a second; 0: no limit.</summary>
    public long CollectionByteRate { get; set; }

    /// <summary>How long images that a lifecycle policy removed can be restored. 0 to 365 days.</summary>
    public TimeSpan RecycleBinLifecycle { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long images that somebody deleted can be restored. 0 to 365 days.</summary>
    public TimeSpan RecycleBinDelete { get; set; }

    /// <summary>How long records of calls are kept. One hour to 3650 days.</summary>
    public TimeSpan TrailRetention { get; set; } = TimeSpan.FromDays(90);

    /// <summary>Bytes of records beyond which the oldest go, however young; 0: no bound.</summary>
    public long TrailMaxSize { get; set; }

    /// <summary>The longest that the answer to somebody who is refused again and again is held back. 0 to 10 seconds.</summary>
    public TimeSpan RefusalDelay { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Where records of calls lie.</summary>
    public string TrailDirectory => Path.Combine(DataDirectory, "trail");

    /// <summary>Scheme and authority that clients are told to use, without a trailing slash; null: those of each request.</summary>
    public string? PublicUrl { get; set; }

    /// <summary>Whether plain HTTP may be served at addresses that other machines reach.</summary>
    public bool AllowPlainHttp { get; set; }

    /// <summary>Connections that one remote address may hold; 0: any number.</summary>
    public int MaxConnectionsPerAddress { get; set; } = 1000;

    /// <summary>How many calls are taken.</summary>
    public RateLimitOptions RateLimit { get; set; } = new();

    /// <summary>Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; set; } = [];

    /// <summary>The listener of /metrics; null for none.</summary>
    public ListenAddress? MetricsListen { get; set; }

    /// <summary>An OpenTelemetry collector; null for none.</summary>
    public Uri? OtlpEndpoint { get; set; }

    /// <summary>The least severe messages that are logged.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;

    /// <summary>
    /// The root key that the operator gives, or null. It is written to no file. From
    /// the environment only: a command line is seen by every user of the machine.
    /// </summary>
    public RootCredentials? Root { get; set; }

    /// <summary>The directory of bodies, whichever way it was given.</summary>
    public string BlobDirectory => Path.GetFullPath(Blobs ?? Path.Combine(Data, "blobs"));

    /// <summary>Where bodies of archived images lie; null means <c>archive</c> in the data directory, or in that of bodies where servers share one.</summary>
    public string? Archive { get; set; }

    /// <summary>The bucket that was named for bodies of archived images, or null.</summary>
    public S3BlobOptions? ArchiveUrl { get; set; }

    /// <summary>The bucket of bodies of archived images, whichever way it was given: beside the others unless a place was named.</summary>
    public S3BlobOptions? ArchiveBucket => ArchiveUrl ?? (Archive is null ? BlobBucket?.Below("archive") : null);

    /// <summary>The same, absolute.</summary>
    public string ArchiveDirectory => Path.GetFullPath(Archive ?? Path.Combine(Database is not null && Blobs is not null ? Blobs : Data, "archive"));

    /// <summary>The data directory as an absolute path.</summary>
    public string DataDirectory => Path.GetFullPath(Data);

    /// <summary>The root principal's credentials in AWS shared-credentials form.</summary>
    public string CredentialsPath => Path.Combine(DataDirectory, CredentialsFile.Name);

    /// <summary>The file with the keys that seal the database's secrets; null means sealing.key in the data directory.</summary>
    public string? KeyFile { get; set; }

    /// <summary>The same, absolute.</summary>
    public string KeyFilePath => Path.GetFullPath(KeyFile ?? Path.Combine(Data, Access.KeyFile.Name));

    /// <summary>Whether this address is served with TLS.</summary>
    public bool IsTls(ListenAddress address) => address.Scheme is { } scheme ? scheme == "https" : TlsCert is not null;
}
