using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Longshore.TestSupport.Aws;

/// <summary>
/// Signature Version 4 from the client's side, written from AWS's description ("Create a signed AWS API request") and apart from
/// the product's verifier, so that one cannot repeat the other's mistakes.
/// </summary>
/// <param name="sessionToken">Sent as <c>X-Amz-Security-Token</c> and signed, when given.</param>
public sealed class AwsSigner(
    string accessKeyId, string secretAccessKey, string region, string service, TimeProvider time, string? sessionToken = null)
{
    private const string Algorithm = "AWS4-HMAC-SHA256";

    /// <summary>Signs with an <c>Authorization</c> header: host, x-amz-* and content-type are covered.</summary>
    /// <param name="body">The bytes that will be sent.</param>
    /// <param name="payloadHeader">Also sends <c>X-Amz-Content-Sha256</c>; the JSON services do without.</param>
    public void Sign(HttpRequestMessage request, ReadOnlySpan<byte> body, bool payloadHeader = false)
    {
        var stamp = Stamp();
        var payloadHash = Hex(SHA256.HashData(body));
        request.Headers.Remove("Authorization");
        SetHeader(request, "X-Amz-Date", stamp);
        if (payloadHeader)
            SetHeader(request, "X-Amz-Content-Sha256", payloadHash);
        if (sessionToken is not null)
            SetHeader(request, "X-Amz-Security-Token", sessionToken);

        var headers = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = request.Headers.Host ?? HostOf(request.RequestUri!) };
        foreach (var (name, values) in request.Headers.NonValidated.Concat(request.Content?.Headers.NonValidated ?? default))
        {
            var lower = name.ToLowerInvariant();
            if (lower.StartsWith("x-amz-", StringComparison.Ordinal) || lower == "content-type")
                headers[lower] = string.Join(',', values.Select(Squeeze));
        }
        var signedHeaders = string.Join(';', headers.Keys);
        var canonical = CanonicalRequest(request.Method, request.RequestUri!, CanonicalQuery(QueryOf(request.RequestUri!)), headers, payloadHash);
        request.Headers.TryAddWithoutValidation(
            "Authorization",
            $"{Algorithm} Credential={accessKeyId}/{Scope(stamp)}, SignedHeaders={signedHeaders}, Signature={Signature(stamp, canonical)}");
    }

    /// <summary>The address with the signature in its query, covering the host header only.</summary>
    /// <param name="expires">How long it stays valid, in whole seconds.</param>
    /// <param name="unsignedPayload">S3 signs <c>UNSIGNED-PAYLOAD</c>; the other services the hash of an empty body.</param>
    public Uri Presign(HttpMethod method, Uri address, TimeSpan expires, bool unsignedPayload = false)
    {
        var stamp = Stamp();
        var query = QueryOf(address);
        query.Add(("X-Amz-Algorithm", Algorithm));
        query.Add(("X-Amz-Credential", $"{accessKeyId}/{Scope(stamp)}"));
        query.Add(("X-Amz-Date", stamp));
        query.Add(("X-Amz-Expires", ((long)expires.TotalSeconds).ToString(CultureInfo.InvariantCulture)));
        query.Add(("X-Amz-SignedHeaders", "host"));
        if (sessionToken is not null)
            query.Add(("X-Amz-Security-Token", sessionToken));

        var headers = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = HostOf(address) };
        var canonicalQuery = CanonicalQuery(query);
        var payloadHash = unsignedPayload ? "UNSIGNED-PAYLOAD" : Hex(SHA256.HashData([]));
        var signature = Signature(stamp, CanonicalRequest(method, address, canonicalQuery, headers, payloadHash));
        return new Uri(address.GetLeftPart(UriPartial.Path) + "?" + canonicalQuery + "&X-Amz-Signature=" + signature);
    }

    private static string CanonicalRequest(
        HttpMethod method, Uri address, string canonicalQuery, SortedDictionary<string, string> headers, string payloadHash) =>
        string.Join(
            '\n',
            [
                method.Method,
                CanonicalPath(address),
                canonicalQuery,
                .. headers.Select(header => $"{header.Key}:{header.Value}"),
                "",
                string.Join(';', headers.Keys),
                payloadHash,
            ]);

    // Every service but S3 encodes the path as sent once more.
    private static string CanonicalPath(Uri address) => string.Join('/', address.AbsolutePath.Split('/').Select(Encode));

    private static string CanonicalQuery(List<(string Name, string Value)> query) => string.Join(
        '&',
        query.Select(pair => (Name: Encode(pair.Name), Value: Encode(pair.Value)))
            .OrderBy(pair => pair.Name, StringComparer.Ordinal)
            .ThenBy(pair => pair.Value, StringComparer.Ordinal)
            .Select(pair => $"{pair.Name}={pair.Value}"));

    private static List<(string Name, string Value)> QueryOf(Uri address)
    {
        var result = new List<(string, string)>();
        foreach (var part in address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = part.IndexOf('=', StringComparison.Ordinal) is >= 0 and var at ? (part[..at], part[(at + 1)..]) : (part, "");
            result.Add((Uri.UnescapeDataString(name), Uri.UnescapeDataString(value)));
        }
        return result;
    }

    // RFC 3986 unreserved characters stay; UnescapeDataString's counterpart does exactly that.
    private static string Encode(string text) => Uri.EscapeDataString(text);

    private static string Squeeze(string value) => string.Join(' ', value.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static string HostOf(Uri address) => address.IsDefaultPort ? address.Host : $"{address.Host}:{address.Port}";

    private static void SetHeader(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private string Stamp() => time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    private string Scope(string stamp) => $"{stamp[..8]}/{region}/{service}/aws4_request";

    private string Signature(string stamp, string canonicalRequest)
    {
        var toSign = $"{Algorithm}\n{stamp}\n{Scope(stamp)}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonicalRequest)))}";
        var key = Encoding.UTF8.GetBytes("AWS4" + secretAccessKey);
        foreach (var part in (string[])[stamp[..8], region, service, "aws4_request", toSign])
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        return Hex(key);
    }
}
