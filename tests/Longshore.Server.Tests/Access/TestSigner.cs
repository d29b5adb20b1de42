using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.Access;

/// <summary>
/// A client's Signature Version 4, written apart from the verifier so that a shared mistake cannot cancel out: it starts
/// from decoded parts, as SDKs do.
/// </summary>
internal sealed record TestSigner(string AccessKeyId, string Secret)
{
    public string Region { get; init; } = "eu-west-1";

    public string Service { get; init; } = "ecr";

    public string Host { get; init; } = "api.ecr.eu-west-1.amazonaws.com";

    /// <summary>Signs in the header; all given headers are signed.</summary>
    public SignedRequest Sign(
        string method, string[] segments, (string Name, string Value)[] query, (string Name, string Value)[] headers, byte[] body, DateTimeOffset at)
    {
        var stamp = Stamp(at);
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = Host, ["x-amz-date"] = stamp };
        foreach (var (name, value) in headers) all[name.ToLowerInvariant()] = value;
        var (path, wireQuery) = Target(segments, query);
        var signature = Compute(method, path, wireQuery, all, body, stamp);
        var dictionary = new HeaderDictionary();
        foreach (var (name, value) in all) dictionary[name] = value;
        dictionary["Authorization"] =
            $"AWS4-HMAC-SHA256 Credential={AccessKeyId}/{Scope(stamp)}, SignedHeaders={string.Join(';', all.Keys)}, Signature={signature}";
        return new SignedRequest(method, wireQuery.Length == 0 ? path : $"{path}?{wireQuery}", dictionary, body);
    }

    /// <summary>Signs in the query.</summary>
    public SignedRequest Presign(string[] segments, (string Name, string Value)[] query, DateTimeOffset at, int seconds)
    {
        var stamp = Stamp(at);
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = Host };
        var (path, wireQuery) = Target(segments, [
            .. query, ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", $"{AccessKeyId}/{Scope(stamp)}"), ("X-Amz-Date", stamp),
            ("X-Amz-Expires", seconds.ToString(CultureInfo.InvariantCulture)), ("X-Amz-SignedHeaders", "host")]);
        var signature = Compute("GET", path, wireQuery, all, [], stamp);
        return new SignedRequest("GET", $"{path}?{wireQuery}&X-Amz-Signature={signature}", new HeaderDictionary { ["Host"] = Host }, default);
    }

    private string Scope(string stamp) => $"{stamp[..8]}/{Region}/{Service}/aws4_request";

    private static string Stamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    private static (string Path, string Query) Target(string[] segments, (string Name, string Value)[] query) => (
        "/" + string.Join('/', segments.Select(Uri.EscapeDataString)),
        string.Join('&', query.Select(p => $"{Uri.EscapeDataString(p.Name)}={Uri.EscapeDataString(p.Value)}")));

    private string Compute(string method, string path, string query, SortedDictionary<string, string> headers, byte[] body, string stamp)
    {
        var canonicalPath = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
        var pairs = query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('='));
        var canonicalQuery = string.Join('&', pairs.OrderBy(p => p[0], StringComparer.Ordinal).ThenBy(p => p[1], StringComparer.Ordinal).Select(p => $"{p[0]}={p[1]}"));
        var canonicalHeaders = string.Concat(headers.Select(h => $"{h.Key}:{string.Join(' ', h.Value.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))}\n"));
        var canonical = $"{method}\n{canonicalPath}\n{canonicalQuery}\n{canonicalHeaders}\n{string.Join(';', headers.Keys)}\n{Hex(SHA256.HashData(body))}";
        var toSign = $"AWS4-HMAC-SHA256\n{stamp}\n{Scope(stamp)}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = Encoding.UTF8.GetBytes("AWS4" + Secret);
        foreach (var part in new[] { stamp[..8], Region, Service, "aws4_request" }) key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        return Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
