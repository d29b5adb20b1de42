using System.Globalization;
using System.Net;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Hosting;

/// <summary>One option: its key, and how its text is understood.</summary>
/// <param name="Key">The key in the configuration file; the other spellings follow from it.</param>
/// <param name="Value">What stands for the value in help texts.</param>
/// <param name="Default">The default, in words.</param>
/// <param name="Accepts">What is accepted, in words that complete "give …".</param>
/// <param name="Summary">What it does.</param>
/// <param name="Read">Puts a text into the options; the answer is null, or what is wrong with the text.</param>
internal sealed record ServeOption(
    string Key, string Value, string Default, string Accepts, string Summary, Func<ServeOptions, string, string?> Read)
{
    /// <summary>Whether it may be given more than once.</summary>
    public bool Repeatable { get; init; }

    /// <summary>Whether it may be given without a value, which means true.</summary>
    public bool Flag { get; init; }

    /// <summary>How a text that is not accepted is shown: without what is secret in it.</summary>
    public Func<string, string> Shown { get; init; } = static text => text;

    /// <summary>The spelling on the command line.</summary>
    public string CommandLine => "--" + Key;

    /// <summary>The spelling as an environment variable.</summary>
    public string Environment => "LONGSHORE_" + Key.Replace('-', '_').ToUpperInvariant();

    /// <summary>All three spellings, for error messages.</summary>
    public string Spellings => $"{CommandLine}, {Environment} or \"{Key}\" in the configuration file";
}

/// <summary>Every option of <c>longshore serve</c>. <c>docs/operate/options.md</c> is compared to this table by a test.</summary>
internal static class ServeOptionTable
{
    // No option may be called port, host or service-…: Kubernetes sets LONGSHORE_PORT and LONGSHORE_SERVICE_HOST
    // in every pod beside a service named longshore.
    /// <summary>All options, in the order of help and documentation.</summary>
    public static IReadOnlyList<ServeOption> All { get; } =
    [
        new("listen", "URL", "http://127.0.0.1:5000 (https with a certificate)",
            "[http://|https://]HOST:PORT, where HOST is an IP address, localhost or *, and port 0 means any free port (not with localhost)",
            "Where to listen. Repeatable; in the environment, separated by commas.",
            static (o, text) => ListenAddress.TryParse(text, out var address) ? Done(() => o.Listen = [.. o.Listen, address]) : "")
        { Repeatable = true },
        new("allow-plain-http", "BOOL", "false", "true or false; without a value it means true",
            "Serve plain HTTP also at addresses that other machines reach: behind a proxy that has TLS, or in a network that is trusted whole.",
            static (o, text) => bool.TryParse(text, out var on) ? Done(() => o.AllowPlainHttp = on) : "") { Flag = true },
        new("data", "DIR", "./longshore-data", "a directory; it is created when missing",
            "Where everything is kept. One server at a time.",
            static (o, text) => text.Length > 0 ? Done(() => o.Data = text) : ""),
        new("account", "ID", "123456789012", "an AWS account id: twelve digits",
            "Account of the root principal, and of requests that name no other.",
            static (o, text) => RegistryId.IsAccount(text) ? Done(() => o.Account = text) : ""),
        new("region", "REGION", "us-east-1", "the name of an AWS region, such as eu-west-1",
            "Region of requests that name no other.",
            static (o, text) => RegistryId.IsRegion(text) ? Done(() => o.Region = text) : ""),
        new("bootstrap", "FILE", "none", "a JSON file; docs/operate/access.md says what it holds",
            "Accounts, users, groups, roles, policies and identity providers that there are to be: applied at every start.",
            static (o, text) => File.Exists(text) ? Done(() => o.Bootstrap = text) : "there is no such file"),
        new("tls-cert", "FILE", "none", "a PEM file with the certificate and its chain, together with tls-key",
            "Serve HTTPS with this certificate; read again when the file changes.",
            static (o, text) => File.Exists(text) ? Done(() => o.TlsCert = text) : "there is no such file"),
        new("tls-key", "FILE", "none", "a PEM file with the certificate's private key, not encrypted, together with tls-cert",
            "The private key of the certificate.",
            static (o, text) => File.Exists(text) ? Done(() => o.TlsKey = text) : "there is no such file"),
        new("database", "URL", "sqlite", "sqlite: the embedded database in the data directory; or postgres://USER@HOST[:PORT][,HOST[:PORT]…]/DATABASE[?sslmode=verify-full]",
            "The database of everything that is not a body. Several servers may share one of PostgreSQL; its password is best given in LONGSHORE_DATABASE_PASSWORD.", ReadDatabase)
        { Shown = static text => text[..(text.IndexOf(':', StringComparison.Ordinal) + 1)] + "…" },
        new("blobs", "PLACE", "blobs in the data directory", "a directory, which is created when missing, or s3://BUCKET[/PREFIX][?endpoint=URL&region=…&path-style=…&sse=…&sse-kms-key=…&public=BOOL&public-endpoint=URL]",
            "Where bodies of blobs are kept: docs/operate/s3.md.",
            static (o, text) => ReadStore(text, directory => o.Blobs = directory, bucket => o.BlobBucket = bucket)),
        new("archive", "PLACE", "archive in the data directory, or where --blobs is a bucket or, with --database, a directory: in that", "a directory, which is created when missing, or s3://BUCKET[/PREFIX][?…] as for blobs",
            "Where bodies of archived images are kept; may be on slower, cheaper storage.",
            static (o, text) => ReadStore(text, directory => o.Archive = directory, bucket => o.ArchiveUrl = bucket)),
        new("redirect-pulls", "MODE", "auto", "auto, always or never",
            "Send clients to the bucket for bodies, with URLs that are good for 15 minutes. auto: bodies of 1 MiB and more, when the bucket's URL says that clients reach it.",
            static (o, text) => text is "auto" or "always" or "never"
                ? Done(() => o.RedirectPulls = text switch { "auto" => PullRedirects.Auto, "always" => PullRedirects.Always, _ => PullRedirects.Never }) : ""),
        new("key-file", "FILE", "sealing.key in the data directory", "a file of mode 0600; the first start makes it",
            "The keys that seal the database's secrets. Keep a copy, apart from copies of the database.",
            static (o, text) => text.Length > 0 ? Done(() => o.KeyFile = text) : ""),
        new("create-on-push", "BOOL", "false", "true or false; without a value it means true",
            "Every authorised push to a missing repository creates it.",
            static (o, text) => bool.TryParse(text, out var on) ? Done(() => o.CreateOnPush = on) : "") { Flag = true },
        new("shutdown-timeout", "SECONDS", "30", "whole seconds from 0 to 3600",
            "How long running requests may go on after SIGTERM.",
            static (o, text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var s) && s <= 3600
                ? Done(() => o.ShutdownTimeout = TimeSpan.FromSeconds(s)) : ""),
        new("drain-delay", "DURATION", "0s", "a number with s or m, from 0s to 10m, such as 15s",
            "How long /readyz says that the server stops, after SIGTERM, before it stops accepting: the time that a load balancer needs to notice.",
            static (o, text) => TryReadDuration(text, out var d) && d <= TimeSpan.FromMinutes(10) ? Done(() => o.DrainDelay = d) : ""),
        new("job-lease", "DURATION", "30s", "a number with s or m, from 1s to 10m, such as 15s",
            "Where servers share a database: how long a server that runs a job may be silent; after one and a half times as long another one takes it over.",
            static (o, text) => TryReadDuration(text, out var d) && d >= TimeSpan.FromSeconds(1) && d <= TimeSpan.FromMinutes(10) ? Done(() => o.JobLease = d) : ""),
        new("upload-expiry", "DURATION", "24h", "a number with s, m, h or d, from 1m to 30d, such as 90m",
            "How long an unfinished upload may rest before it is removed.",
            static (o, text) => TryReadDuration(text, out var d) && d >= TimeSpan.FromMinutes(1) && d <= TimeSpan.FromDays(30)
                ? Done(() => o.UploadExpiry = d) : ""),
        new("blob-lease", "DURATION", "24h", "a number with s, m, h or d, from 1s to 30d, such as 90m",
            "How long a pushed or mounted blob is kept before an image names it.",
            static (o, text) => TryReadDuration(text, out var d) && d >= TimeSpan.FromSeconds(1) && d <= TimeSpan.FromDays(30)
                ? Done(() => o.BlobLease = d) : ""),
        new("lifecycle-interval", "DURATION", "24h", "a number with s, m, h or d, from 1m to 7d, such as 12h",
            "Every repository with a lifecycle policy is evaluated at least this often.",
            static (o, text) => TryReadDuration(text, out var d) && d >= TimeSpan.FromMinutes(1) && d <= TimeSpan.FromDays(7)
                ? Done(() => o.LifecycleInterval = d) : ""),
        new("gc-interval", "DURATION", "10m", "a number with s, m, h or d, from 1s to 7d, such as 90s",
            "Time between two collections of blobs that nothing names any more.",
            static (o, text) => TryReadDuration(text, out var d) && d >= TimeSpan.FromSeconds(1) && d <= TimeSpan.FromDays(7)
                ? Done(() => o.CollectionInterval = d) : ""),
        new("gc-grace", "DURATION", "1h", "a number with s, m, h or d, from 0s to 30d, such as 90m",
            "How long a blob stays after the last image that names it went, and once more after collection found that nothing names it.",
            static (o, text) => TryReadDuration(text, out var d) && d <= TimeSpan.FromDays(30)
                ? Done(() => o.CollectionGrace = d) : ""),
        new("gc-rate", "NUMBER", "1000", "a whole number from 0 to 1000000; 0 means no limit",
            "Blobs that collection removes a second at the most.",
            static (o, text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n <= 1_000_000
                ? Done(() => o.CollectionRate = n) : ""),
        new("gc-byte-rate", "MIB", "0", "a whole number of MiB from 0 to 1000000; 0 means no limit",
            "MiB that collection removes a second at the most, for file systems on which deleting large files slows down others.",
            static (o, text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n <= 1_000_000
                ? Done(() => o.CollectionByteRate = n << 20) : ""),
        new("recycle-bin-lifecycle", "DURATION", "7d", RetentionText,
            "How long images that a lifecycle policy removed can be restored; their bytes are held meanwhile.",
            static (o, text) => TryReadRetention(text, out var d) ? Done(() => o.RecycleBinLifecycle = d) : ""),
        new("recycle-bin-delete", "DURATION", "0", RetentionText,
            "How long images that somebody deleted can be restored; their bytes are held meanwhile.",
            static (o, text) => TryReadRetention(text, out var d) ? Done(() => o.RecycleBinDelete = d) : ""),
        new("trail-retention", "DURATION", "90d", "a number with s, m, h or d, from 1h to 3650d, such as 365d",
            "How long the records of calls are kept.",
            static (o, text) => TryReadDuration(text, out var d) && d >= TimeSpan.FromHours(1) && d <= TimeSpan.FromDays(3650)
                ? Done(() => o.TrailRetention = d) : ""),
        new("trail-max-size", "MIB", "0", "a whole number of MiB from 0 to 100000000; 0 means no limit",
            "MiB of records of calls beyond which the oldest are removed before their time.",
            static (o, text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n <= 100_000_000
                ? Done(() => o.TrailMaxSize = n << 20) : ""),
        new("refusal-delay", "DURATION", "2s", "a number with s, from 0s to 10s; 0s means that none is held back",
            "The longest that the answer is held back to who was refused ten times and more within a minute.",
            static (o, text) => TryReadDuration(text, out var d) && d <= TimeSpan.FromSeconds(10) ? Done(() => o.RefusalDelay = d) : ""),
        new("public-url", "URL", "scheme and Host of each request", "http://HOST[:PORT] or https://HOST[:PORT] without a path",
            "What clients are told to use: proxyEndpoint, download URLs. For servers behind a proxy.", ReadPublicUrl),
        new("rate-limit", "LIMIT", "off", "off, ecr, or a whole number from 1 to 1000000",
            "Calls that are taken: as many as ECR's quotas allow per API, account and region; or this many a second of each principal.", ReadRateLimit),
        new("max-connections-per-address", "NUMBER", "1000", "a whole number from 0 to 20000; 0 means no limit",
            "Connections that one remote address may hold. Trusted proxies are not counted.",
            static (o, text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n <= 20_000
                ? Done(() => o.MaxConnectionsPerAddress = n) : ""),
        new("trusted-proxies", "CIDRS", "none", "IP addresses or networks such as 10.0.0.0/8, separated by commas",
            "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, for policies and the trail. Repeatable.", ReadTrustedProxies)
        { Repeatable = true },
        new("metrics-listen", "URL", "none", "HOST:PORT or http://HOST:PORT, where HOST is an IP address, localhost or *",
            "A listener of its own for /metrics (Prometheus), without credentials. Without it nothing is measured.",
            static (o, text) => ListenAddress.TryParse(text, out var address) && address.Scheme is (null or "http") ? Done(() => o.MetricsListen = address) : ""),
        new("otlp-endpoint", "URL", "none", "http://HOST:PORT or https://HOST:PORT of an OpenTelemetry collector; port 4317 speaks gRPC, others HTTP",
            "Where traces and metrics are sent to.",
            static (o, text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is ("http" or "https") && uri.UserInfo.Length == 0 ? Done(() => o.OtlpEndpoint = uri) : ""),
        new("log-level", "LEVEL", "info", "trace, debug, info, warning or error",
            "The least severe messages that are logged.", ReadLogLevel),
    ];

    private const string RetentionText = "a number with s, m, h or d, up to 365d, such as 7d; 0 means that they go at once";

    private static string? Done(Action set)
    {
        set();
        return null;
    }

    private static string? ReadDatabase(ServeOptions options, string text)
    {
        if (text == "sqlite") return Done(() => options.Database = null);
        if (PostgresAddress.Parse(text, out var problem) is not { } address) return problem;
        return Done(() => options.Database = address);
    }

    private static string? ReadStore(string text, Action<string> directory, Action<S3BlobOptions> bucket)
    {
        if (text.StartsWith(S3BlobOptions.Scheme, StringComparison.Ordinal))
            return S3BlobOptions.TryParse(text, out var problem) is { } options ? Done(() => bucket(options)) : problem;
        return text.Length == 0 || text.Contains("://", StringComparison.Ordinal) ? "" : Done(() => directory(text));
    }

    private static string? ReadPublicUrl(ServeOptions options, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
            || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            return "";
        options.PublicUrl = uri.GetLeftPart(UriPartial.Authority);
        return null;
    }

    private static string? ReadRateLimit(ServeOptions options, string text)
    {
        if (text is "off" or "ecr") return Done(() => options.RateLimit = new RateLimitOptions { EcrQuotas = text == "ecr" });
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= 1_000_000
            ? Done(() => options.RateLimit = new RateLimitOptions { PerPrincipal = n }) : "";
    }

    private static string? ReadTrustedProxies(ServeOptions options, string text)
    {
        var networks = new List<IPNetwork>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!TrustedProxies.TryParse(part, out var network)) return $"\"{part}\" is no address and no network";
            networks.Add(network);
        }

        return Done(() => options.TrustedProxies = [.. options.TrustedProxies, .. networks]);
    }

    private static string? ReadLogLevel(ServeOptions options, string text)
    {
        LogLevel? level = text switch
        {
            "trace" => LogLevel.Trace,
            "debug" => LogLevel.Debug,
            "info" => LogLevel.Information,
            "warning" => LogLevel.Warning,
            "error" => LogLevel.Error,
            _ => null,
        };
        if (level is null) return "";
        options.LogLevel = level.Value;
        return null;
    }

    private static bool TryReadRetention(string text, out TimeSpan retention)
    {
        retention = default;
        return text == "0" || (TryReadDuration(text, out retention) && retention <= TimeSpan.FromDays(365));
    }

    private static bool TryReadDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length < 2 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        var unit = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        duration = TimeSpan.FromSeconds((long)number * unit);
        return unit > 0;
    }
}
