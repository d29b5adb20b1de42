using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>A whole answer of a registry, its body read.</summary>
/// <param name="Status">The status.</param>
/// <param name="Headers">The headers of the answer.</param>
/// <param name="MediaType">Content-Type without parameters; empty when there is none.</param>
/// <param name="Body">The body, bounded.</param>
/// <param name="Request">The method and the address that answered, after redirects.</param>
internal sealed record RegistryAnswer(HttpStatusCode Status, HttpResponseHeaders Headers, string MediaType, byte[] Body, (HttpMethod Method, Uri Address) Request)
{
    /// <summary>The answer as a JSON object.</summary>
    /// <exception cref="ClientException">It is none.</exception>
    public JsonDocument Json()
    {
        try
        {
            var document = JsonDocument.Parse(Body);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
        }
        catch (JsonException)
        {
            // Told below.
        }

        throw new ClientException($"{Request.Address.Authority} answers {Request.Address.AbsolutePath} with what is no JSON object.");
    }

    /// <summary>The first value of a header; null without one.</summary>
    public string? Header(string name) => Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
