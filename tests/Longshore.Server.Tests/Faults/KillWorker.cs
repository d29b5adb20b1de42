using System.Globalization;
using System.Net;
using System.Text;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Faults;

/// <summary>
/// One client of the kill test, alone in its repository. It keeps what the server has acknowledged, and for the one request
/// that a kill can cut, both ways it may have ended.
/// </summary>
/// <param name="number">Sets its repository and its content apart from the others'.</param>
/// <param name="seed">Start of its chance.</param>
/// <param name="noise">Bytes that bodies are cut from; making them anew for each would cost more than pushing them.</param>
internal sealed class KillWorker(int number, int seed, byte[] noise)
{
    private readonly Random _random = new(seed);

    // What may be there. Of a set with one element, that one is what must be there; null stands for "nothing".
    private readonly Dictionary<string, HashSet<string?>> _tags = [];
    private readonly Dictionary<string, HashSet<bool>> _manifestThere = [];
    private readonly Dictionary<string, HashSet<bool>> _blobThere = [];
    private readonly Dictionary<string, TestManifest> _manifests = [];
    private readonly Dictionary<string, int> _sizes = [];
    private readonly HashSet<string> _fresh = [];
    private readonly List<string> _loose = [];
    private readonly List<TestBlob> _reusable = [];
    private OpenUpload? _open;
    private int _made;

    public string Repository { get; } = string.Create(CultureInfo.InvariantCulture, $"kill/worker-{number}");

    /// <summary>Requests whose answer was read whole: 201, 202, 204.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>Things compared with what was acknowledged.</summary>
    public int Checks { get; private set; }

    /// <summary>Uploads that went on after the server was killed under them.</summary>
    public int Resumed { get; private set; }

    /// <summary>Uploads that a kill during their end took away: they had to be begun anew.</summary>
    public int Abandoned { get; private set; }

    /// <summary>Requests cut by a kill that turned out to have been done.</summary>
    public int DoneUnacknowledged { get; private set; }

    /// <summary>One random operation.</summary>
    public Task StepAsync(OciClient client, CancellationToken cancellationToken) => _random.Next(100) switch
    {
        < 30 => PushImageAsync(client, _random.Next(200, 9_000), cancellationToken),
        < 42 => PushImageAsync(client, _random.Next(1_000_000, 4_000_000), cancellationToken),
        < 55 => GoOnWithUploadAsync(client, cancellationToken),
        < 63 => MoveTagAsync(client, cancellationToken),
        < 70 => DeleteTagAsync(client, cancellationToken),
        < 76 => DeleteManifestAsync(client, cancellationToken),
        < 84 => PushLooseBlobAsync(client, cancellationToken),
        < 90 => DeleteBlobAsync(client, cancellationToken),
        _ => PullAsync(client, cancellationToken),
    };

    /// <summary>Compares everything with what was acknowledged; bodies that are new since the last time byte by byte.</summary>
    public async Task CheckAsync(OciClient client, bool everything, CancellationToken cancellationToken)
    {
        foreach (var (digest, there) in _blobThere)
        {
            var read = everything || _fresh.Contains(digest) || there.Count > 1;
            if (!read && _random.Next(5) > 0) continue;
            var got = read ? await client.GetBlobAsync(Repository, digest, cancellationToken) : await client.HeadBlobAsync(Repository, digest, cancellationToken);
            Settle(there, Exists(got), $"blob {digest}");
            if (!there.Single()) continue;
            Assert.Equal(_sizes[digest].ToString(CultureInfo.InvariantCulture), got.Header("Content-Length"));
            if (read) Assert.Equal(digest, DigestAlgorithm.Sha256.Compute(got.Body));
        }

        foreach (var (digest, there) in _manifestThere)
        {
            if (!everything && !_fresh.Contains(digest) && there.Count == 1 && _random.Next(3) > 0) continue;
            var manifest = _manifests[digest];
            var got = await client.GetManifestAsync(Repository, digest, cancellationToken);
            Settle(there, Exists(got), $"manifest {digest}");
            if (!there.Single()) continue;
            Assert.Equal(manifest.Content, got.Body);
            // Whatever is visible is whole, also what nobody acknowledged.
            Assert.All(manifest.Blobs, blob => Assert.True(_blobThere[blob.Digest].Single(), $"{digest} is there without {blob.Digest}"));
        }

        foreach (var (tag, digests) in _tags)
        {
            var got = await client.GetManifestAsync(Repository, tag, cancellationToken);
            var now = Exists(got) ? got.Header("Docker-Content-Digest") : null;
            Settle(digests, now, $"tag {tag}");
            if (now is null) continue;
            Assert.Equal(_manifests[now].Content, got.Body);
            Assert.True(_manifestThere[now].Single());
        }

        if (_tags.Count > 0)
        {
            var listed = await client.ListTagsAsync(Repository, cancellationToken);
            Assert.Equal(_tags.Where(tag => tag.Value.Single() is not null).Select(tag => tag.Key).Order(StringComparer.Ordinal), listed);
            Checks++;
        }

        await CheckUploadAsync(client, cancellationToken);
        _fresh.Clear();
    }

    private async Task PushImageAsync(OciClient client, int size, CancellationToken cancellationToken)
    {
        var image = TestImage.Manifest(new TestImageOptions(), NewBlob(300, shared: true), [NewBlob(size), .. _reusable]);
        foreach (var blob in image.Blobs) await PushBlobAsync(client, blob, cancellationToken);
        // The next image shares a layer with this one. Kept without their bytes otherwise: memory would hold all that is pushed.
        if (size < 10_000) _reusable.Clear();
        if (size < 10_000) _reusable.Add(image.Blobs[1]);
        await PutManifestAsync(client, image with { Blobs = [.. image.Blobs.Select(blob => blob with { Content = [] })] }, RandomTag(), cancellationToken);
    }

    private async Task PutManifestAsync(OciClient client, TestManifest image, string tag, CancellationToken cancellationToken)
    {
        _manifests.TryAdd(image.Digest, image);
        var (there, digests) = (May(_manifestThere, image.Digest, true), May(_tags, tag, image.Digest));
        Acknowledge(HttpStatusCode.Created, await client.PutManifestAsync(Repository, tag, image, cancellationToken));
        Is(there, true);
        Is(digests, image.Digest);
        _fresh.Add(image.Digest);
    }

    private async Task PushBlobAsync(OciClient client, TestBlob blob, CancellationToken cancellationToken)
    {
        _sizes[blob.Digest] = blob.Content.Length;
        var there = May(_blobThere, blob.Digest, true);
        switch (_random.Next(4))
        {
            case 0:
                Acknowledge(HttpStatusCode.Created, await client.SendAsync(
                    HttpMethod.Post, $"/v2/{Repository}/blobs/uploads/?digest={blob.Digest}", cancellationToken, blob.Content, OciMediaTypes.OctetStream));
                break;
            case 1:
                await client.PushBlobChunkedAsync(Repository, blob, 400_000, cancellationToken);
                Acknowledged++;
                break;
            case 2:
                var upload = await client.StartUploadAsync(Repository, cancellationToken);
                Acknowledge(HttpStatusCode.Accepted, await client.SendAsync(
                    HttpMethod.Patch, upload.AbsoluteUri, cancellationToken, blob.Content, OciMediaTypes.OctetStream, chunkedTransfer: true));
                Acknowledge(HttpStatusCode.Created, await client.FinishUploadAsync(upload, blob.Digest, cancellationToken));
                break;
            default:
                await client.PushBlobAsync(Repository, blob, cancellationToken);
                Acknowledged++;
                break;
        }

        Is(there, true);
        _fresh.Add(blob.Digest);
    }

    private async Task PushLooseBlobAsync(OciClient client, CancellationToken cancellationToken)
    {
        var blob = NewBlob(_random.Next(20, 200_000), shared: _random.Next(2) == 0);
        await PushBlobAsync(client, blob, cancellationToken);
        _loose.Add(blob.Digest);
    }

    private async Task DeleteBlobAsync(OciClient client, CancellationToken cancellationToken)
    {
        if (_loose.Count == 0) return;
        var digest = _loose[_random.Next(_loose.Count)];
        // Out of the list also when a kill cuts the request: it may be gone then.
        _loose.Remove(digest);
        var there = May(_blobThere, digest, false);
        Acknowledge(HttpStatusCode.Accepted, await client.DeleteBlobAsync(Repository, digest, cancellationToken));
        Is(there, false);
    }

    private async Task MoveTagAsync(OciClient client, CancellationToken cancellationToken)
    {
        if (PickManifest() is { } image) await PutManifestAsync(client, image, RandomTag(), cancellationToken);
    }

    private async Task DeleteTagAsync(OciClient client, CancellationToken cancellationToken)
    {
        var present = _tags.Where(tag => tag.Value.Single() is not null).Select(tag => tag.Key).ToList();
        if (present.Count == 0) return;
        var tag = present[_random.Next(present.Count)];
        var digests = May(_tags, tag, null);
        Acknowledge(HttpStatusCode.Accepted, await client.DeleteManifestAsync(Repository, tag, cancellationToken));
        Is(digests, null);
    }

    private async Task DeleteManifestAsync(OciClient client, CancellationToken cancellationToken)
    {
        if (PickManifest() is not { } image) return;
        var there = May(_manifestThere, image.Digest, false);
        var tags = _tags.Values.Where(digests => digests.Contains(image.Digest)).ToList();
        tags.ForEach(digests => digests.Add(null));
        Acknowledge(HttpStatusCode.Accepted, await client.DeleteManifestAsync(Repository, image.Digest, cancellationToken));
        Is(there, false);
        tags.ForEach(digests => Is(digests, null));
    }

    private async Task PullAsync(OciClient client, CancellationToken cancellationToken)
    {
        if (PickManifest() is not { } image) return;
        Assert.Equal(image.Content, (await client.GetManifestAsync(Repository, image.Digest, cancellationToken)).Body);
        foreach (var blob in image.Blobs)
            Assert.Equal(blob.Digest, DigestAlgorithm.Sha256.Compute((await client.GetBlobAsync(Repository, blob.Digest, cancellationToken)).Body));
    }

    /// <summary>One step of an upload that lives longer than the server: its chunks come before and after kills.</summary>
    private async Task GoOnWithUploadAsync(OciClient client, CancellationToken cancellationToken)
    {
        const int chunk = 150_000;
        if (_open is null)
        {
            var blob = NewBlob(_random.Next(5, 9) * chunk);
            _sizes[blob.Digest] = blob.Content.Length;
            _open = new OpenUpload(await client.StartUploadAsync(Repository, cancellationToken), blob);
            Acknowledged++;
            return;
        }

        if (_open.Received < _open.Blob.Content.Length)
        {
            var bytes = _open.Blob.Content.AsSpan(_open.Received, chunk).ToArray();
            _open.InDoubt = chunk;
            Acknowledge(HttpStatusCode.Accepted, await client.PatchChunkAsync(_open.Address, _open.Received, bytes, cancellationToken));
            _open.Received += chunk;
            _open.InDoubt = 0;
            return;
        }

        var there = May(_blobThere, _open.Blob.Digest, true);
        var cutBefore = _open.EndSent;
        _open.EndSent = true;
        var response = await client.FinishUploadAsync(_open.Address, _open.Blob.Digest, cancellationToken);
        if (cutBefore && response.Status == HttpStatusCode.NotFound)
        {
            // The kill fell between the body's move to its place and the commit that shows it there. The move cannot be told from
            // an orphan's, so the upload is over; nobody was told that it had ended well.
            Is(there, false);
            Abandoned++;
            _open = null;
            return;
        }

        Acknowledge(HttpStatusCode.Created, response);
        Is(there, true);
        _fresh.Add(_open.Blob.Digest);
        if (_open.Survived) Resumed++;
        _open = null;
    }

    private async Task CheckUploadAsync(OciClient client, CancellationToken cancellationToken)
    {
        if (_open is null) return;
        var got = await client.SendAsync(HttpMethod.Get, _open.Address.AbsoluteUri, cancellationToken);
        Checks++;
        if (got.Status == HttpStatusCode.NotFound)
        {
            // Only an end that was cut off may have ended it, and then the blob is there.
            Assert.True(_blobThere.TryGetValue(_open.Blob.Digest, out var there) && there.Single(), $"The upload of {_open.Received} acknowledged bytes is gone.");
            _open = null;
            return;
        }

        Assert.Equal(HttpStatusCode.NoContent, got.Status);
        var received = got.Header("Range") is "0-0" ? 0 : int.Parse(got.Header("Range")!.AsSpan(2), CultureInfo.InvariantCulture) + 1;
        Assert.True(received == _open.Received || received == _open.Received + _open.InDoubt, $"{_open.Received} bytes were acknowledged, {_open.InDoubt} in doubt, {received} are there.");
        (_open.Received, _open.InDoubt, _open.Survived) = (received, 0, true);
    }

    private void Acknowledge(HttpStatusCode expected, OciResponse response)
    {
        Assert.True(response.Status == expected, $"Expected {expected}: {response}");
        Acknowledged++;
    }

    private void Settle<T>(HashSet<T> may, T actual, string what)
    {
        Assert.True(may.Contains(actual), $"{Repository}: {what} is {actual?.ToString() ?? "gone"}, acknowledged was {string.Join(" or ", may.Select(m => m?.ToString() ?? "gone"))}.");
        if (may.Count > 1) DoneUnacknowledged++;
        Is(may, actual);
        Checks++;
    }

    private static HashSet<T> May<T>(Dictionary<string, HashSet<T>> all, string key, T value)
    {
        // Before the first request about it, it is not there.
        if (!all.TryGetValue(key, out var may)) all[key] = may = [default!];
        may.Add(value);
        return may;
    }

    private static void Is<T>(HashSet<T> may, T value)
    {
        may.Clear();
        may.Add(value);
    }

    private static bool Exists(OciResponse response)
    {
        if (response.Status is not (HttpStatusCode.OK or HttpStatusCode.NotFound)) Assert.Fail(response.ToString());
        return response.Status == HttpStatusCode.OK;
    }

    private TestManifest? PickManifest()
    {
        var present = _manifestThere.Where(manifest => manifest.Value.Single()).Select(manifest => manifest.Key).ToList();
        return present.Count == 0 ? null : _manifests[present[_random.Next(present.Count)]];
    }

    private string RandomTag() => string.Create(CultureInfo.InvariantCulture, $"t{_random.Next(8)}");

    // A part of the bodies are those of another worker too: they race for one digest.
    private TestBlob NewBlob(int size, bool shared = false)
    {
        var made = _made++;
        if (shared) size = 100 + (made * 7919 % 50_000);
        var content = noise.AsSpan(0, Math.Max(size, 20)).ToArray();
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{(shared ? 0 : number)}:{made}:"), content);
        return TestBlob.Of(content);
    }

    private sealed class OpenUpload(Uri address, TestBlob blob)
    {
        public Uri Address => address;

        public TestBlob Blob => blob;

        /// <summary>Bytes acknowledged.</summary>
        public int Received { get; set; }

        /// <summary>Bytes sent after them without an answer.</summary>
        public int InDoubt { get; set; }

        /// <summary>Whether its end was asked for; when it is still open, a kill cut that request.</summary>
        public bool EndSent { get; set; }

        /// <summary>Whether a kill came between its chunks.</summary>
        public bool Survived { get; set; }
    }
}
