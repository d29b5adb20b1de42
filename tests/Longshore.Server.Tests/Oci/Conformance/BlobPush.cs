using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>The ways in which the specification lets a blob be pushed.</summary>
public enum PushMethod
{
    /// <summary>POST with the digest and the whole body.</summary>
    Post,

    /// <summary>POST, then PUT of the whole body.</summary>
    PostPut,

    /// <summary>POST, PATCH of the whole body without length or range, PUT without body.</summary>
    Streamed,

    /// <summary>POST, PATCH per chunk, PUT without body.</summary>
    Chunked,

    /// <summary>POST, PATCH per chunk but the last, which comes with the PUT.</summary>
    ChunkedLastByPut,
}

/// <summary>Pushes a blob in one of the ways and returns the answer to the closing request; the steps before it must succeed.</summary>
internal static class BlobPush
{
    private const int ChunkSize = 1024;

    public static async Task<OciResponse> PushAsync(
        OciClient client, string repository, TestBlob blob, PushMethod method, CancellationToken token)
    {
        var uploads = $"/v2/{repository}/blobs/uploads/";
        if (method == PushMethod.Post)
        {
            var address = $"{uploads}?digest={Uri.EscapeDataString(blob.Digest)}";
            return await client.SendAsync(HttpMethod.Post, address, token, blob.Content, OciMediaTypes.OctetStream);
        }

        var upload = await client.StartUploadAsync(repository, token);
        switch (method)
        {
            case PushMethod.PostPut:
                return await client.FinishUploadAsync(upload, blob.Digest, token, blob.Content);
            case PushMethod.Streamed:
                var streamed = await client.ExpectAsync(
                    HttpStatusCode.Accepted,
                    HttpMethod.Patch,
                    upload.AbsoluteUri,
                    token,
                    blob.Content,
                    OciMediaTypes.OctetStream,
                    chunkedTransfer: true);
                return await client.FinishUploadAsync(streamed.Location, blob.Digest, token);
        }

        var offset = 0;
        while (offset < blob.Content.Length)
        {
            var chunk = blob.Content[offset..Math.Min(offset + ChunkSize, blob.Content.Length)];
            if (method == PushMethod.ChunkedLastByPut && offset + chunk.Length == blob.Content.Length)
            {
                return await client.SendAsync(
                    HttpMethod.Put,
                    OciClient.WithQuery(upload, "digest", blob.Digest),
                    token,
                    chunk,
                    OciMediaTypes.OctetStream,
                    [Range(offset, chunk)]);
            }
            var patched = await client.PatchChunkAsync(upload, offset, chunk, token);
            Assert.True(patched.Status == HttpStatusCode.Accepted, patched.ToString());
            upload = patched.Location;
            offset += chunk.Length;
        }
        return await client.FinishUploadAsync(upload, blob.Digest, token);
    }

    /// <summary>The request header that says where <paramref name="chunk"/> belongs.</summary>
    public static (string Name, string Value) Range(int offset, byte[] chunk) =>
        ("Content-Range", $"{offset}-{offset + chunk.Length - 1}");
}
