using System.Collections.Concurrent;
using System.Globalization;
using Longshore.Core;
using Longshore.Storage.Objects;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Bodies as objects of a bucket. What one request brings becomes one object under a random id; publishing names it in a second, empty one, so that a body is neither
/// renamed nor copied: docs/decisions/0015-bodies-in-a-bucket.md.
/// </summary>
public sealed class S3BlobStore : IMarkedStore, IDisposable
{
    // No upload lives longer (--upload-expiry).
    private static readonly TimeSpan Longest = TimeSpan.FromDays(31);

    // Parts without a record are left over from a give-up that failed; young ones may belong to a record that is just being written.
    private static readonly TimeSpan StrayAge = TimeSpan.FromHours(1);

    private const string StrayKey = "part-";

    private readonly S3BlobOptions _options;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, S3UploadRecord> _uploads = new(StringComparer.Ordinal);
    private readonly Amazon.S3.AmazonS3Client? _signer;
    private long _sweptAt;

    /// <summary>Opens the store; nothing is asked of S3 yet.</summary>
    /// <param name="options">The bucket.</param>
    /// <param name="credentials">Access key and secret; null: what the environment, the profile or the machine's role gives.</param>
    /// <param name="time">The clock of waits and bounds.</param>
    public S3BlobStore(S3BlobOptions options, (string Id, string Secret, string? SessionToken)? credentials, TimeProvider time)
    {
        (_options, _time) = (options, time);
        Amazon.Runtime.AWSCredentials? given = credentials is not { } key ? null
            : key.SessionToken is null ? new Amazon.Runtime.BasicAWSCredentials(key.Id, key.Secret)
            : new Amazon.Runtime.SessionAWSCredentials(key.Id, key.Secret, key.SessionToken);
        var client = S3Clients.Create(options.Region, options.Endpoint?.GetLeftPart(UriPartial.Authority), options.PathStyle, given, retries: 0);
        Objects = new S3Objects(client, options, new S3Retry(time));
        var address = options.PublicEndpoint ?? options.Endpoint;
        _signer = S3Clients.Create(options.Region, address?.GetLeftPart(UriPartial.Authority), options.PathStyle, given, retries: 0);
    }

    /// <inheritdoc/>
    public int ListParts => 16;

    internal S3Objects Objects { get; }

    /// <inheritdoc/>
    public async ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        cancellationToken.ThrowIfCancellationRequested();
        _ = S3Layout.Upload(uploadKey);
        var upload = await FindAsync(uploadKey, offset, cancellationToken);
        if (!upload.TryCut(offset)) throw new UploadBodyMissingException(uploadKey, offset, upload.End);
        return new S3BlobWriter(this, upload, observer);
    }

    /// <inheritdoc/>
    public async ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        cancellationToken.ThrowIfCancellationRequested();
        _ = S3Layout.Upload(uploadKey);
        var upload = await FindAsync(uploadKey, length, cancellationToken);
        if (upload.End < length) throw new UploadBodyMissingException(uploadKey, length, upload.End);
        return S3BlobReader.OverExtents(Objects, _time, ExtentsOf(upload), length);
    }

    /// <inheritdoc/>
    /// <exception cref="FileNotFoundException">There is no such upload.</exception>
    public async ValueTask<string> PublishAsync(string uploadKey, Digest digest, long generation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _ = S3Layout.Upload(uploadKey);
        var upload = _uploads.TryGetValue(uploadKey, out var known) ? known : await LoadAsync(uploadKey, cancellationToken);
        if (upload is null) throw new FileNotFoundException("There is no such upload to publish.", uploadKey);
        if (upload.Pieces is not [{ Whole: true } only] || await IsNamedAsync(upload, only.Id, cancellationToken)) await ComposeAsync(upload, cancellationToken);
        var body = upload.Pieces[0];
        upload.Tried = body.Id;
        var location = S3Layout.Location(body.Id, digest, generation, body.Length);
        await Objects.PutAsync(location, [], cancellationToken);
        // From here on the body is published: what is left of the upload is expiry's when it cannot be removed now.
        upload.Pieces.Clear();
        _uploads.TryRemove(uploadKey, out _);
        try
        {
            foreach (var id in upload.Stale.Where(upload.Own.Contains).ToList())
            {
                if (!await IsPublishedAsync(id, cancellationToken)) await RemoveAsync(id, cancellationToken);
                upload.Stale.Remove(id);
            }

            // What another server made it may be publishing now, and only the database decides who was first: then the record stays, for expiry.
            if (upload.Stale.Count == 0) await Objects.DeleteAsync(S3Layout.Upload(uploadKey), cancellationToken);
        }
        catch (IOException)
        {
        }

        return location;
    }

    /// <inheritdoc/>
    public async ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _ = S3Layout.Upload(uploadKey);
        if (uploadKey.StartsWith(StrayKey, StringComparison.Ordinal) && uploadKey[StrayKey.Length..] is var stray && S3Layout.IsId(stray))
        {
            await AbortAllAsync(stray, cancellationToken);
            return;
        }

        var known = _uploads.TryRemove(uploadKey, out var upload);
        // Another server may have gone on with it, and a record tells of that.
        var stored = known && !upload!.Recorded ? null : await LoadAsync(uploadKey, cancellationToken);
        if (stored is null && !known) return;
        foreach (var id in (stored?.Ids() ?? []).Concat(upload?.Ids() ?? []).Distinct(StringComparer.Ordinal).ToList())
        {
            // A publish that could not remove the record: the body is no upload's any more.
            if (await IsPublishedAsync(id, cancellationToken)) continue;
            await RemoveAsync(id, cancellationToken);
        }

        if (stored is not null) await Objects.DeleteAsync(S3Layout.Upload(uploadKey), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken) =>
        OpenReadAsync(location, 0, S3Layout.Read(location).Size, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<IBlobReader?> OpenReadAsync(string location, long start, long behind, CancellationToken cancellationToken) =>
        await S3BlobReader.OpenAsync(Objects, _time, S3Layout.DataKey(S3Layout.Read(location).Id), start, behind, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var id = S3Layout.Read(location).Id;
        var names = await NamesAsync(id, cancellationToken);
        if (!names.Contains(location)) return false;
        // Two servers that published the same upload, of which one was too late, named the same bytes: they stay while one name does.
        if (names.Count == 1) await Objects.DeleteAsync(S3Layout.DataKey(id), cancellationToken);
        // The name goes last: while there are bytes, there is what tells of them.
        await Objects.DeleteAsync(location, cancellationToken);
        if (names.Count > 1 && (await NamesAsync(id, cancellationToken)).Count == 0) await Objects.DeleteAsync(S3Layout.DataKey(id), cancellationToken);
        return true;
    }

    /// <inheritdoc/>
    /// <exception cref="FileNotFoundException">There is no body at this location.</exception>
    public async ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var body = S3Layout.Read(location);
        var key = S3Layout.DataKey(body.Id);
        var length = await Objects.FindLengthAsync(key, cancellationToken) ?? throw new FileNotFoundException("There is no body to put into quarantine.", location);
        var target = S3Layout.Quarantine(body, _time.GetUtcNow());
        if (length == 0) await Objects.PutAsync(target, [], cancellationToken);
        else await S3Composer.ComposeAsync(Objects, _time, target, [new S3Extent(key, 0, length)], cancellationToken);
        await DeleteAsync(location, cancellationToken);
        return $"{S3BlobOptions.Scheme}{_options.Bucket}/{_options.Prefix}{target}";
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken) => ListBodiesAsync(S3Layout.Bodies, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(part, ListParts);
        return ListBodiesAsync($"{S3Layout.Bodies}{part.ToString("x", CultureInfo.InvariantCulture)}", cancellationToken);
    }

    /// <summary>The keys of all uploads that have bytes; also parts that no upload tells of, as uploads of their own.</summary>
    public async IAsyncEnumerable<StoredUpload> ListUploadsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (name, _, modifiedAt) in Objects.ListAsync(S3Layout.Uploads, 1000, cancellationToken))
        {
            var key = name[S3Layout.Uploads.Length..];
            if (!BlobLayout.IsUploadKey(key) || await LoadAsync(key, cancellationToken) is not { } upload) continue;
            yield return new StoredUpload(key, upload.End, modifiedAt);
        }

        var old = _time.GetUtcNow() - StrayAge;
        await foreach (var (name, _, begunAt) in Objects.ListUnfinishedAsync(S3Layout.Data, cancellationToken))
        {
            var id = name[(name.LastIndexOf('/') + 1)..];
            if (begunAt < old && S3Layout.IsId(id)) yield return new StoredUpload(StrayKey + id, 0, begunAt);
        }
    }

    /// <inheritdoc/>
    public async ValueTask ProbeAsync(CancellationToken cancellationToken)
    {
        await foreach (var _ in Objects.ListAsync(S3Layout.Uploads, 1, cancellationToken)) return;
    }

    /// <inheritdoc/>
    public string Place => _options.Endpoint is { } endpoint ? $"{_options} at {endpoint.GetLeftPart(UriPartial.Authority)}" : _options.ToString();

    /// <inheritdoc/>
    public async ValueTask<string?> ReadMarkAsync(CancellationToken cancellationToken) =>
        await Objects.GetSmallAsync(IMarkedStore.MarkName, cancellationToken) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;

    /// <inheritdoc/>
    public async ValueTask<bool> TryAddMarkAsync(string mark, CancellationToken cancellationToken)
    {
        try
        {
            return await Objects.TryPutNewAsync(IMarkedStore.MarkName, System.Text.Encoding.UTF8.GetBytes(mark), cancellationToken);
        }
        catch (IOException e) when (e.InnerException is Amazon.Runtime.AmazonServiceException { StatusCode: System.Net.HttpStatusCode.Conflict })
        {
            // Another server is putting one at this moment.
            return false;
        }
    }

    /// <inheritdoc/>
    public async ValueTask ReplaceMarkAsync(string mark, CancellationToken cancellationToken) =>
        await Objects.PutAsync(IMarkedStore.MarkName, System.Text.Encoding.UTF8.GetBytes(mark), cancellationToken);

    /// <inheritdoc/>
    public bool IsPublic(string location) => _options.Public;

    /// <inheritdoc/>
    public Uri? Presign(string location, TimeSpan lifetime)
    {
        var scheme = (_options.PublicEndpoint ?? _options.Endpoint)?.Scheme ?? Uri.UriSchemeHttps;
        return new Uri(_signer!.GetPreSignedURL(new Amazon.S3.Model.GetPreSignedUrlRequest
        {
            BucketName = _options.Bucket,
            Key = _options.Prefix + S3Layout.DataKey(S3Layout.Read(location).Id),
            Expires = (_time.GetUtcNow() + lifetime).UtcDateTime,
            Verb = Amazon.S3.HttpVerb.GET,
            Protocol = scheme == Uri.UriSchemeHttp ? Amazon.S3.Protocol.HTTP : Amazon.S3.Protocol.HTTPS,
        }));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Objects.Dispose();
        _signer?.Dispose();
    }

    /// <summary>Writes down that a piece is coming, before its bytes do.</summary>
    internal async Task RecordAsync(S3UploadRecord upload, S3Piece? piece, CancellationToken cancellationToken)
    {
        var key = S3Layout.Upload(upload.Key);
        if (!upload.Recorded && await Objects.TryPutNewAsync(key, upload.Write(piece), cancellationToken))
        {
            upload.Recorded = true;
            return;
        }

        // Taken for a new one, and it is not: its client began again here. What it left elsewhere goes with it.
        if (!upload.Recorded && await LoadAsync(upload.Key, cancellationToken) is { } stored)
            upload.Stale.UnionWith(stored.Ids().Where(id => id != piece?.Id && !upload.Pieces.Exists(own => own.Id == id)));
        upload.Recorded = true;
        await Objects.PutAsync(key, upload.Write(piece), cancellationToken);
    }

    private static List<S3Extent> ExtentsOf(S3UploadRecord upload) => [.. upload.Pieces.Select(static piece => new S3Extent(S3Layout.DataKey(piece.Id), piece.Start, piece.Length))];

    /// <summary>What is known of an upload with at least so many bytes; else what the bucket knows.</summary>
    private async ValueTask<S3UploadRecord> FindAsync(string key, long offset, CancellationToken cancellationToken)
    {
        Sweep();
        var now = _time.GetUtcNow();
        if (!_uploads.TryGetValue(key, out var upload) || upload.End < offset)
        {
            // Uploads begin without a look at the bucket: writing the record tells whether there is one.
            var stored = offset == 0 ? null : await LoadAsync(key, cancellationToken);
            if (stored is not null && upload is not null)
            {
                foreach (var id in upload.Ids())
                    if (!stored.Ids().Contains(id)) stored.Stale.Add(id);
                stored.Own.UnionWith(upload.Own);
                stored.Tried = upload.Tried;
            }

            upload = stored ?? upload ?? new S3UploadRecord(key);
            if (upload.End >= offset) _uploads[key] = upload;
        }

        upload.UsedAt = now;
        return upload;
    }

    /// <summary>The record of an upload with the lengths of its pieces; null when there is none.</summary>
    private async ValueTask<S3UploadRecord?> LoadAsync(string key, CancellationToken cancellationToken)
    {
        if (await Objects.GetSmallAsync(S3Layout.Upload(key), cancellationToken) is not { } bytes) return null;
        var upload = S3UploadRecord.TryRead(key, bytes) ?? throw new InvalidDataException($"The record of upload {key} is damaged.");
        for (var i = 0; i < upload.Pieces.Count; i++)
        {
            var piece = upload.Pieces[i];
            if (piece.Length < 0)
            {
                var length = await Objects.FindLengthAsync(S3Layout.DataKey(piece.Id), cancellationToken);
                if (length is not null) upload.Pieces[i] = piece = piece with { Length = length.Value };
            }

            if (piece.Length >= 0 && piece.Start == (i == 0 ? 0 : upload.Pieces[i - 1].End)) continue;
            // It was never completed, and nothing follows it.
            upload.Stale.UnionWith(upload.Pieces.Skip(i).Select(static lost => lost.Id));
            upload.Pieces.RemoveRange(i, upload.Pieces.Count - i);
        }

        return upload;
    }

    /// <summary>Makes one whole piece of what an upload has: of several, of one of which only the beginning counts, or of nothing.</summary>
    private async ValueTask ComposeAsync(S3UploadRecord upload, CancellationToken cancellationToken)
    {
        var whole = new S3Piece(upload.NewId(), 0, upload.End, Whole: true);
        var former = ExtentsOf(upload);
        upload.Stale.UnionWith(upload.Pieces.Select(static piece => piece.Id));
        // Named in the record before it is there; should this end here, the pieces still count.
        upload.Stale.Add(whole.Id);
        await RecordAsync(upload, null, cancellationToken);
        var key = S3Layout.DataKey(whole.Id);
        if (upload.End == 0) await Objects.PutAsync(key, [], cancellationToken);
        else await S3Composer.ComposeAsync(Objects, _time, key, former, cancellationToken);
        upload.Pieces.Clear();
        upload.Pieces.Add(whole);
        upload.Stale.Remove(whole.Id);
    }

    // A publish that failed may have been carried out, and scrub removes what it named: the bytes are copied then.
    private async ValueTask<bool> IsNamedAsync(S3UploadRecord upload, string id, CancellationToken cancellationToken) =>
        upload.Own.Contains(id) ? upload.Tried == id : await IsPublishedAsync(id, cancellationToken);

    private async ValueTask<List<string>> NamesAsync(string id, CancellationToken cancellationToken) =>
        await Objects.ListAsync(S3Layout.BodiesOf(id), 1000, cancellationToken).Select(static item => item.Key).ToListAsync(cancellationToken);

    private async ValueTask<bool> IsPublishedAsync(string id, CancellationToken cancellationToken)
    {
        await foreach (var _ in Objects.ListAsync(S3Layout.BodiesOf(id), 1, cancellationToken)) return true;
        return false;
    }

    private async ValueTask RemoveAsync(string id, CancellationToken cancellationToken)
    {
        await AbortAllAsync(id, cancellationToken);
        await Objects.DeleteAsync(S3Layout.DataKey(id), cancellationToken);
    }

    private async ValueTask AbortAllAsync(string id, CancellationToken cancellationToken)
    {
        await foreach (var (key, multipart, _) in Objects.ListUnfinishedAsync(S3Layout.DataKey(id), cancellationToken))
            await Objects.AbortAsync(key, multipart, cancellationToken);
    }

    private async IAsyncEnumerable<StoredBody> ListBodiesAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (key, _, modifiedAt) in Objects.ListAsync(prefix, 1000, cancellationToken))
            if (S3Layout.TryRead(key, out var body)) yield return new StoredBody(key, body.Digest, body.Generation, body.Size, modifiedAt);
    }

    // Uploads that ended on another server.
    private void Sweep()
    {
        var now = _time.GetUtcNow().Ticks;
        var last = Interlocked.Read(ref _sweptAt);
        if (now - last < TimeSpan.TicksPerHour || Interlocked.CompareExchange(ref _sweptAt, now, last) != last) return;
        foreach (var (key, upload) in _uploads)
            if (upload.UsedAt < _time.GetUtcNow() - Longest) _uploads.TryRemove(key, out _);
    }
}
