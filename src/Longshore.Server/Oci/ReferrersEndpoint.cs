using System.Text;
using System.Text.Json;
using Longshore.Core;
using Longshore.Core.Oci;
using Longshore.Server.Content;

namespace Longshore.Server.Oci;

/// <summary><c>/v2/NAME/referrers/DIGEST</c>: the manifests whose subject is the digest, as an image index, by pages.</summary>
internal sealed class ReferrersEndpoint(Images images)
{
    private const int PageItems = 100;

    // Annotations can make a descriptor as large as a manifest: few are held at a time, and a page ends when it is as large
    // as clients allow an index to be.
    private const int BatchItems = 20;
    private const long PageBytes = ManifestDocument.MaxBytes / 2;

    private const int MaxFilters = 20;

    /// <summary>GET and HEAD. A subject or repository that does not exist (yet) has no referrers: that is no error.</summary>
    public async Task ListAsync(OciRequest request)
    {
        if (!Digest.TryParse(request.Tail, out var subject))
        {
            await request.FailAsync(BlobEndpoints.Malformed(request.Tail));
            return;
        }

        var filters = ReadFilters(request.Http.Request);
        if (filters.Count > MaxFilters)
        {
            await request.FailAsync(new RegistryError(ErrorCode.InvalidParameter, $"A request can name {MaxFilters} artifact types at most."));
            return;
        }

        using var body = new JsonBody();
        var json = body.Writer;
        json.WriteStartObject();
        json.WriteNumber("schemaVersion"u8, 2);
        json.WriteString("mediaType"u8, MediaTypes.OciIndex);
        json.WriteStartArray("manifests"u8);
        var after = request.Query("next");
        var (count, more) = (0, true);
        while (more && count < PageItems && body.Length < PageBytes)
        {
            var listed = await images.ListReferrersAsync(request.Registry, request.Name, subject, filters, after, BatchItems + 1, request.Aborted);
            if (!listed.TryGet(out var referrers, out var error))
            {
                if (error.Code == ErrorCode.RepositoryNotFound) break;
                await request.FailAsync(error);
                return;
            }

            var taken = Math.Min(BatchItems, referrers.Count);
            more = referrers.Count > taken;
            for (var i = 0; i < taken; i++)
            {
                if (count > 0 && body.Length >= PageBytes)
                {
                    more = true;
                    break;
                }

                Write(json, referrers[i]);
                after = referrers[i].Digest.Value;
                count++;
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
        var headers = request.Response.Headers;
        if (filters.Count > 0) headers[OciHeaders.FiltersApplied] = "artifactType";
        if (more && count > 0 && after is not null) headers.Link = Next(request.Name, subject, after, filters);
        await body.SendAsync(request.Http, MediaTypes.OciIndex);
    }

    /// <summary>The Link header to the next page.</summary>
    internal static string Next(RepositoryName name, Digest subject, string after, IReadOnlyList<string> filters)
    {
        var link = new StringBuilder($"</v2/{name.Value}/referrers/{subject.Value}?next={Uri.EscapeDataString(after)}");
        foreach (var filter in filters) link.Append("&artifactType=").Append(Uri.EscapeDataString(filter));
        return link.Append(">; rel=\"next\"").ToString();
    }

    private static List<string> ReadFilters(HttpRequest request)
    {
        var filters = new List<string>();
        if (!request.QueryString.HasValue || !request.Query.TryGetValue("artifactType", out var values)) return filters;
        foreach (var value in values)
            if (!string.IsNullOrEmpty(value) && !filters.Contains(value)) filters.Add(value);
        return filters;
    }

    private static void Write(Utf8JsonWriter json, Referrer referrer)
    {
        json.WriteStartObject();
        json.WriteString("mediaType"u8, referrer.MediaType);
        json.WriteString("digest"u8, referrer.Digest.Value);
        json.WriteNumber("size"u8, referrer.Size);
        if (!string.IsNullOrEmpty(referrer.ArtifactType)) json.WriteString("artifactType"u8, referrer.ArtifactType);
        if (referrer.Annotations is { Count: > 0 } annotations)
        {
            json.WriteStartObject("annotations"u8);
            foreach (var (key, value) in annotations) json.WriteString(key, value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
