using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Cluster;

/// <summary>
/// A registry client with docker's patience: what breaks or is answered with 5xx is tried again, five times in all, with growing pauses; every other answer
/// is final.
/// </summary>
internal sealed class RetryingClient(OciClient client, Ledger ledger) : IDisposable
{
    private const int Attempts = 5;

    /// <summary>The client itself.</summary>
    public OciClient Once => client;

    /// <summary>Sends until there is an answer; null when five attempts brought none.</summary>
    public async Task<OciResponse?> SendAsync(Func<OciClient, CancellationToken, Task<OciResponse>> send, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await TryAsync(send, cancellationToken) is { } answer && (int)answer.Status < 500 && answer.Status != HttpStatusCode.TooManyRequests) return answer;
            if (attempt == Attempts) return null;
            ledger.Count("retries");
            await Task.Delay(TimeSpan.FromMilliseconds(300 << attempt), TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>Sends once; null when the connection broke or nothing came for a while.</summary>
    public static async Task<OciResponse?> TryAsync(OciClient client, Func<OciClient, CancellationToken, Task<OciResponse>> send, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            return await send(client, patience.Token);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is HttpRequestException or IOException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>The same with this client.</summary>
    public Task<OciResponse?> TryAsync(Func<OciClient, CancellationToken, Task<OciResponse>> send, CancellationToken cancellationToken) => TryAsync(client, send, cancellationToken);

    /// <summary>
    /// Pushes a blob as docker does, in up to five uploads. An upload of several chunks that breaks is gone on with, wherever the balancer sends it.
    /// </summary>
    /// <returns>Whether it was acknowledged.</returns>
    public async Task<bool> PushBlobAsync(string repository, TestBlob blob, int chunk, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            if (attempt > 1) await Task.Delay(TimeSpan.FromMilliseconds(300 << attempt), TimeProvider.System, cancellationToken);
            if (await SendAsync((c, t) => c.HeadBlobAsync(repository, blob.Digest, t), cancellationToken) is { Status: HttpStatusCode.OK }) return true;
            if (await UploadAsync(repository, blob, chunk, cancellationToken)) return true;
            ledger.Count("uploads begun anew");
        }

        return false;
    }

    public void Dispose() => client.Dispose();

    private async Task<bool> UploadAsync(string repository, TestBlob blob, int chunk, CancellationToken cancellationToken)
    {
        if (await SendAsync((c, t) => c.SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/", t, []), cancellationToken) is not { Status: HttpStatusCode.Accepted } begun) return false;
        var upload = begun.Location;
        for (var (offset, broken) = (0, 0); offset < blob.Content.Length && chunk < blob.Content.Length;)
        {
            var bytes = blob.Content.AsSpan(offset, Math.Min(chunk, blob.Content.Length - offset)).ToArray();
            var at = offset;
            if (await TryAsync((c, t) => c.PatchChunkAsync(upload, at, bytes, t), cancellationToken) is { Status: HttpStatusCode.Accepted } taken)
            {
                (upload, offset) = (taken.Location, offset + bytes.Length);
                continue;
            }

            // As the specification says: ask where the upload stands, and go on there.
            if (++broken > Attempts) return false;
            await Task.Delay(TimeSpan.FromMilliseconds(200 << broken), TimeProvider.System, cancellationToken);
            var status = await SendAsync((c, t) => c.SendAsync(HttpMethod.Get, upload.AbsoluteUri, t), cancellationToken);
            if (status is not { Status: HttpStatusCode.NoContent }) return false;
            var stands = Received(status);
            if (stands < offset)
            {
                ledger.Failures.Enqueue($"An upload to {repository} has {stands} of {offset} acknowledged bytes.");
                return false;
            }

            if (stands > 0) ledger.Count("uploads gone on with");
            offset = stands;
        }

        var rest = chunk < blob.Content.Length ? [] : blob.Content;
        var ended = await TryAsync((c, t) => c.FinishUploadAsync(upload, blob.Digest, t, rest), cancellationToken);
        if (ended?.Status == HttpStatusCode.BadRequest) ledger.Failures.Enqueue($"An upload to {repository} ended as {ended}");
        return ended?.Status == HttpStatusCode.Created;
    }

    // "0-999": the last byte; a new upload says "0-0" or nothing.
    private static int Received(OciResponse status) =>
        status.Header("Range") is { } range && int.TryParse(range[(range.IndexOf('-', StringComparison.Ordinal) + 1)..], out var last) && last > 0 ? last + 1 : 0;
}
