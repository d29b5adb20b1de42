using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Hosting;

namespace Longshore.Server.Oci;

/// <summary><c>/v2/NAME/blobs/DIGEST</c>: HEAD, GET with one range and conditions, DELETE.</summary>
internal sealed class BlobEndpoints(BlobShelf blobs, BlobResponse response)
{
    /// <summary>HEAD and GET.</summary>
    public async Task GetAsync(OciRequest request)
    {
        if (!Digest.TryParse(request.Tail, out var digest))
        {
            await request.FailAsync(Malformed(request.Tail));
            return;
        }

        if (!(await blobs.FindAsync(request.Registry, request.Name, digest, request.Aborted)).TryGet(out var blob, out var error))
        {
            await request.FailAsync(error);
            return;
        }

        if (await response.SendAsync(request.Http, blob) is { } gone) await request.FailAsync(gone);
    }

    /// <summary>DELETE: out of this repository's sight; the body itself is collected when nothing else names it.</summary>
    public async Task DeleteAsync(OciRequest request)
    {
        if (!Digest.TryParse(request.Tail, out var digest))
        {
            await request.FailAsync(Malformed(request.Tail));
            return;
        }

        var removed = await blobs.RemoveAsync(request.Registry, request.Name, digest, request.Aborted);
        if (!removed.Succeeded)
        {
            await request.FailAsync(removed.Error);
            return;
        }

        request.Response.StatusCode = StatusCodes.Status202Accepted;
        request.Response.Headers[OciHeaders.DockerContentDigest] = digest.Value;
    }

    /// <summary>The error of a digest that is malformed or of an algorithm that this registry does not know.</summary>
    public static RegistryError Malformed(string digest) =>
        new(ErrorCode.DigestInvalid, $"'{digest}' is not a digest that this registry knows: sha256: with 64 or sha512: with 128 lower-case hexadecimal digits.");
}
