using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content;
using Longshore.Server.Hosting;

namespace Longshore.Server.Ecr;

/// <summary>The addresses that GetDownloadUrlForLayer gives: their signature is all that is asked for.</summary>
internal sealed class LayerDownloads(LayerUrlSigner signer, BlobShelf blobs, BlobResponse response)
{
    /// <summary>The route; the rest of the path is what was signed.</summary>
    public const string Route = LayerUrlSigner.PathPrefix + "{**layer}";

    /// <summary>HEAD and GET, with ranges. 403 for a signature that is wrong or expired, 404 when the layer is gone.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        // Nobody but the holder of the address has a right to it: it goes into no cache and no referrer.
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        var resource = http.Request.Path.Value![LayerUrlSigner.PathPrefix.Length..];
        var query = http.Request.Query;
        if (!signer.Verify(resource, query["expires"], query["key"], query["signature"]).TryGet(out var layer, out var error))
        {
            await FailAsync(http, StatusCodes.Status403Forbidden, error);
            return;
        }

        if (!(await blobs.FindAsync(layer.Registry, layer.Repository, layer.Digest, http.RequestAborted)).TryGet(out var blob, out error))
        {
            await FailAsync(http, StatusCodes.Status404NotFound, error);
            return;
        }

        if (await response.SendAsync(http, blob) is { } gone) await FailAsync(http, StatusCodes.Status404NotFound, gone);
    }

    private static Task FailAsync(HttpContext http, int status, RegistryError error)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        http.Response.Headers.CacheControl = "no-store";
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsync(error.Message + "\n", http.RequestAborted);
    }
}
