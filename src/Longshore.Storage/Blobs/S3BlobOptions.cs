using System.Net;

namespace Longshore.Storage.Blobs;

/// <summary>Which bucket holds bodies, and how it is spoken to. Written as <c>s3://bucket[/prefix][?key=value&amp;…]</c>.</summary>
public sealed record S3BlobOptions
{
    /// <summary>What a URL of a bucket begins with.</summary>
    public const string Scheme = "s3://";

    /// <summary>The bucket; it must exist.</summary>
    public required string Bucket { get; init; }

    /// <summary>What all keys begin with: empty, or ending with a slash.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The bucket's region.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>The address of a server that is not AWS's, or null.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Whether the bucket is named in the path of URLs: the default with an endpoint.</summary>
    public bool PathStyle { get; init; }

    /// <summary><c>AES256</c> or <c>aws:kms</c>, passed on with every object; null: the bucket's own default.</summary>
    public string? Encryption { get; init; }

    /// <summary>The KMS key, with <c>aws:kms</c>; null: the account's default key.</summary>
    public string? KmsKey { get; init; }

    /// <summary>The address at which clients of the registry reach the bucket's server, when it is another one than the registry uses.</summary>
    public Uri? PublicEndpoint { get; init; }

    /// <summary>Whether clients of the registry reach the bucket's server, and may be sent there.</summary>
    public bool Public { get; init; }

    /// <summary>The same bucket one level down.</summary>
    public S3BlobOptions Below(string name) => this with { Prefix = $"{Prefix}{name}/" };

    /// <summary>Reads the URL; null when it is none, with what is wrong.</summary>
    public static S3BlobOptions? TryParse(string text, out string problem)
    {
        problem = "";
        if (!text.StartsWith(Scheme, StringComparison.Ordinal)) return Wrong("it does not begin with s3://", out problem);
        var question = text.IndexOf('?', StringComparison.Ordinal);
        var path = text[Scheme.Length..(question < 0 ? text.Length : question)];
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var bucket = slash < 0 ? path : path[..slash];
        var prefix = slash < 0 ? "" : path[(slash + 1)..].Trim('/');
        if (bucket.Length is < 3 or > 63 || !bucket.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'))
            return Wrong($"\"{bucket}\" is no name of a bucket", out problem);
        if (prefix.Length > 200 || prefix.Contains("//", StringComparison.Ordinal) || !prefix.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '/'))
            return Wrong("a prefix has at most 200 of a-z, A-Z, 0-9, '-', '.', '_' and single '/'", out problem);
        var options = new S3BlobOptions { Bucket = bucket, Prefix = prefix.Length == 0 ? "" : prefix + "/" };
        bool? pathStyle = null;
        foreach (var pair in question < 0 ? [] : text[(question + 1)..].Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? (pair, "") : (pair[..equals], WebUtility.UrlDecode(pair[(equals + 1)..]));
            switch (key)
            {
                case "endpoint" when Address(value) is { } endpoint:
                    options = options with { Endpoint = endpoint };
                    break;
                case "public-endpoint" when Address(value) is { } endpoint:
                    options = options with { PublicEndpoint = endpoint, Public = true };
                    break;
                case "public" when bool.TryParse(value, out var on):
                    options = options with { Public = on };
                    break;
                case "region" when value.Length > 0 && value.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'):
                    options = options with { Region = value };
                    break;
                case "path-style" when bool.TryParse(value, out var on):
                    pathStyle = on;
                    break;
                case "sse" when value is "AES256" or "aws:kms":
                    options = options with { Encryption = value };
                    break;
                case "sse-kms-key" when value.Length > 0:
                    options = options with { KmsKey = value };
                    break;
                default:
                    return Wrong($"\"{key}\" is not understood; the keys are endpoint, region, path-style, sse, sse-kms-key, public and public-endpoint", out problem);
            }
        }

        if (options.KmsKey is not null && options.Encryption != "aws:kms") return Wrong("sse-kms-key needs sse=aws:kms", out problem);
        return options with { PathStyle = pathStyle ?? options.Endpoint is not null };
    }

    /// <summary>Bucket and prefix, for messages.</summary>
    public override string ToString() => $"{Scheme}{Bucket}/{Prefix}".TrimEnd('/');

    private static Uri? Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is ("http" or "https") && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0 ? uri : null;

    private static S3BlobOptions? Wrong(string what, out string problem)
    {
        problem = what;
        return null;
    }
}
