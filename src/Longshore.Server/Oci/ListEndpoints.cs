using Longshore.Server.Content;

namespace Longshore.Server.Oci;

/// <summary><c>/v2/NAME/tags/list</c> and <c>/v2/_catalog</c>: names in byte order, by pages.</summary>
internal sealed class ListEndpoints(Images images, RepositoryCatalog repositories)
{
    /// <summary>GET and HEAD of the tags of a repository.</summary>
    public async Task ListTagsAsync(OciRequest request)
    {
        if (Paging.ReadCount(request.Query("n"), out var count) is { } malformed)
        {
            await request.FailAsync(malformed);
            return;
        }

        // One more than asked for tells whether there is a next page. Asked for none, the repository is still looked up.
        var listed = await images.ListTagsAsync(request.Registry, request.Name, NullIfEmpty(request.Query("last")), count + 1, request.Aborted);
        if (!listed.TryGet(out var tags, out var error))
        {
            await request.FailAsync(error);
            return;
        }

        var shown = Math.Min(count, tags.Count);
        if (shown > 0 && tags.Count > shown)
            request.Response.Headers.Link = Paging.Next($"/v2/{request.Name.Value}/tags/list", count, tags[shown - 1]);
        using var body = new JsonBody();
        var json = body.Writer;
        json.WriteStartObject();
        json.WriteString("name"u8, request.Name.Value);
        json.WriteStartArray("tags"u8);
        for (var i = 0; i < shown; i++) json.WriteStringValue(tags[i]);
        json.WriteEndArray();
        json.WriteEndObject();
        await body.SendAsync(request.Http, JsonBody.MediaType);
    }

    /// <summary>GET and HEAD of the repositories of the registry.</summary>
    public async Task ListRepositoriesAsync(OciRequest request)
    {
        if (Paging.ReadCount(request.Query("n"), out var count) is { } malformed)
        {
            await request.FailAsync(malformed);
            return;
        }

        var found = await repositories.ListAsync(request.Registry, NullIfEmpty(request.Query("last")), count + 1, request.Aborted);
        var shown = Math.Min(count, found.Count);
        if (shown > 0 && found.Count > shown) request.Response.Headers.Link = Paging.Next("/v2/_catalog", count, found[shown - 1].Name.Value);
        using var body = new JsonBody();
        var json = body.Writer;
        json.WriteStartObject();
        json.WriteStartArray("repositories"u8);
        for (var i = 0; i < shown; i++) json.WriteStringValue(found[i].Name.Value);
        json.WriteEndArray();
        json.WriteEndObject();
        await body.SendAsync(request.Http, JsonBody.MediaType);
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
