using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oci;

/// <summary>An answer of the registry, body read whole, headers as they were on the wire.</summary>
public sealed class OciResponse
{
    private readonly Dictionary<string, List<string>> _headers = new(StringComparer.OrdinalIgnoreCase);

    private OciResponse(HttpMethod method, Uri uri, HttpStatusCode status, byte[] body)
    {
        Method = method;
        Uri = uri;
        Status = status;
        Body = body;
    }

    public HttpMethod Method { get; }

    /// <summary>Absolute address of the request.</summary>
    public Uri Uri { get; }

    public HttpStatusCode Status { get; }

    public byte[] Body { get; }

    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The body as JSON.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public JsonNode Json => JsonNode.Parse(Body) ?? throw new JsonException("The body is the JSON literal null.");

    /// <summary>Where <c>Location</c> points, resolved against the request's address.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public Uri Location => Header("Location") is { Length: > 0 } location
        ? new Uri(Uri, location)
        : throw new InvalidOperationException("No Location header.\n" + this);

    /// <summary>Error codes of an OCI error body, in order; empty when the body is none.</summary>
    public IReadOnlyList<string> ErrorCodes
    {
        get
        {
            try
            {
                return JsonNode.Parse(Body)?["errors"]?.AsArray().Select(error => (string?)error?["code"] ?? "").ToList() ?? [];
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                return [];
            }
        }
    }

    /// <summary>Reads <paramref name="response"/> to its end.</summary>
    public static async Task<OciResponse> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var request = response.RequestMessage!;
        var result = new OciResponse(
            request.Method, request.RequestUri!, response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellationToken));
        foreach (var headers in (System.Net.Http.Headers.HttpHeaders[])[response.Headers, response.Content.Headers])
        {
            foreach (var (name, values) in headers.NonValidated)
            {
                if (!result._headers.TryGetValue(name, out var list))
                    result._headers[name] = list = [];
                list.AddRange(values);
            }
        }
        return result;
    }

    /// <summary>The header's value, lines joined with a comma; null when it is absent.</summary>
    public string? Header(string name) => _headers.TryGetValue(name, out var values) ? string.Join(", ", values) : null;

    /// <summary>Request, status, headers and the start of the body, for messages.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Method} {Uri}\n→ {(int)Status} {Status}\n");
        foreach (var (name, values) in _headers)
            text.Append(name).Append(": ").AppendJoin(", ", values).Append('\n');
        var body = Text;
        return text.Append('\n').Append(body.Length > 2000 ? body[..2000] + "…" : body).ToString();
    }
}
