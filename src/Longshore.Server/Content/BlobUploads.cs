using System.Buffers;
using System.IO.Pipelines;
using Longshore.Core;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>Where an upload stands.</summary>
/// <param name="Id">Its id: a UUID in lower case.</param>
/// <param name="Received">Bytes taken so far.</param>
internal sealed record UploadStatus(string Id, long Received);

/// <summary>Uploads of bodies, for both faces: the distribution API's sessions and ECR's layer parts are the same thing.</summary>
/// <remarks>
/// Bytes go straight from the connection into the body's file while they are hashed; nothing is kept in memory but the
/// connection's own buffers. A request first claims the upload, then reads its row, and at its end moves the row on by
/// compare-and-set: what a failed request wrote behind the row's count is cut off at once, or after a crash by the next one.
/// Where several servers share a database, requests of the others are kept off by <see cref="UploadTurns"/>.
/// </remarks>
internal sealed class BlobUploads(
    IDatabase database,
    IBlobStore store,
    BlobPublisher publisher,
    UploadClaims claims,
    UploadTurns turns,
    TimeProvider time,
    ContentOptions options)
{
    /// <summary>Begins an upload. RepositoryNotFound.</summary>
    public async ValueTask<Outcome<UploadStatus>> StartAsync(RegistryId registry, RepositoryName name, CancellationToken cancellationToken)
    {
        var id = Guid.NewGuid().ToString();
        var now = time.GetUtcNow();
        var begun = await database.WriteBesideAsync(
            Durability.Relaxed,
            session => UploadRows.InsertAsync(session, registry, name, id, now, options.UploadExpiry),
            cancellationToken);
        return begun ? new UploadStatus(id, 0) : ContentErrors.RepositoryNotFound(registry, name);
    }

    /// <summary>Where an upload stands. RepositoryNotFound, BlobUploadUnknown.</summary>
    public async ValueTask<Outcome<UploadStatus>> GetAsync(RegistryId registry, RepositoryName name, string uploadId, CancellationToken cancellationToken) =>
        (await FindAsync(registry, name, uploadId, cancellationToken)).TryGet(out var row, out var error) ? new UploadStatus(uploadId, row.Received) : error;

    /// <summary>
    /// Appends a body. RepositoryNotFound, BlobUploadUnknown; RangeInvalid (with Detail "received") when <paramref name="start"/> is given and is not
    /// the number of bytes received, or when another request is writing to this upload; SizeInvalid when the body does not have <paramref name="length"/> bytes.
    /// After a failure the upload is as it was before.
    /// </summary>
    public ValueTask<Outcome<UploadStatus>> AppendAsync(
        RegistryId registry,
        RepositoryName name,
        string uploadId,
        long? start,
        long? length,
        PipeReader body,
        CancellationToken cancellationToken) => AppendAsync(
            registry,
            name,
            uploadId,
            row => start is null || start == row.Received ? null : ContentErrors.RangeInvalid(row.Received),
            static (row, _) => row.PartState,
            length,
            body,
            cancellationToken);

    /// <summary>
    /// ECR UploadLayerPart: appends a part whose first byte is <paramref name="firstByte"/>. RepositoryNotFound, BlobUploadUnknown, InvalidLayerPart
    /// (Detail "lastValidByteReceived").
    /// </summary>
    public async ValueTask<Outcome<UploadStatus>> AppendPartAsync(
        RegistryId registry,
        RepositoryName name,
        string uploadId,
        long firstByte,
        ReadOnlyMemory<byte> part,
        CancellationToken cancellationToken)
    {
        var outcome = await AppendAsync(
            registry,
            name,
            uploadId,
            row => firstByte == row.Received ? null : ContentErrors.InvalidLayerPart(row.Received),
            static (row, appended) => LayerParts.Next(row.PartState, appended),
            part.Length,
            PipeReader.Create(new ReadOnlySequence<byte>(part)),
            cancellationToken);
        // A part that races another one is a part out of order, in ECR's words.
        return outcome is { Succeeded: false, Error: { Code: ErrorCode.RangeInvalid, Detail: { } detail } }
            ? ContentErrors.InvalidLayerPart(long.Parse(detail["received"], System.Globalization.CultureInfo.InvariantCulture))
            : outcome;
    }

    /// <summary>
    /// Ends an upload, after appending <paramref name="body"/> when there is one. As AppendAsync; DigestInvalid when the content has another digest:
    /// then the upload is as it was before the call.
    /// </summary>
    public ValueTask<Outcome<BlobInfo>> CompleteAsync(
        RegistryId registry,
        RepositoryName name,
        string uploadId,
        Digest digest,
        long? start,
        long? length,
        PipeReader? body,
        CancellationToken cancellationToken) => CompleteAsync(
            registry,
            name,
            uploadId,
            digest,
            (row, _) => ValueTask.FromResult(start is null || start == row.Received ? null : ContentErrors.RangeInvalid(row.Received)),
            length,
            body,
            cancellationToken);

    /// <summary>
    /// ECR CompleteLayerUpload: RepositoryNotFound, BlobUploadUnknown, EmptyUpload, LayerPartTooSmall (a part other than the last was under 5 MiB),
    /// LayerAlreadyExists, DigestInvalid.
    /// </summary>
    public ValueTask<Outcome<BlobInfo>> CompletePartsAsync(RegistryId registry, RepositoryName name, string uploadId, Digest digest, CancellationToken cancellationToken) => CompleteAsync(
        registry,
        name,
        uploadId,
        digest,
        async (row, token) =>
        {
            if (row.Received == 0) return ContentErrors.EmptyUpload(uploadId);
            if (row.PartState == LayerParts.ShortPartFollowed) return ContentErrors.LayerPartTooSmall();
            var present = await database.ReadAsync(session => BlobShelf.FindAsync(session, registry, name, digest), token);
            return present is null or { IsArchived: true } ? null : ContentErrors.LayerAlreadyExists(registry, name, digest);
        },
        null,
        null,
        cancellationToken);

    /// <summary>Uploads a whole body in one request. RepositoryNotFound, DigestInvalid, SizeInvalid: then nothing is left.</summary>
    public async ValueTask<Outcome<BlobInfo>> PutAsync(RegistryId registry, RepositoryName name, Digest digest, long? length, PipeReader body, CancellationToken cancellationToken)
    {
        var repositoryId = await database.ReadAsync(session => session.FindIdAsync(registry, name), cancellationToken);
        if (repositoryId is null) return ContentErrors.RepositoryNotFound(registry, name);
        var key = Guid.NewGuid().ToString();
        // There is no row: the claim alone tells the expiry job that these bytes are not left over, however slowly they come.
        using var claim = claims.TryClaim(key);
        var kept = false;
        using var hash = new RunningHash(digest.Algorithm);
        var writer = await store.OpenUploadAsync(key, 0, hash.Append, cancellationToken);
        try
        {
            if (await TakeInAsync(body, writer, length, cancellationToken) is { } error) return error;
            var found = hash.Finish();
            if (found != digest) return ContentErrors.DigestMismatch(digest, found);
            var outcome = await publisher.PublishAsync(
                key,
                writer,
                digest,
                writer.Length,
                async session => await session.FindIdAsync(registry, name) is { } id ? id : ContentErrors.RepositoryNotFound(registry, name),
                cancellationToken);
            kept = outcome.Succeeded;
            return outcome;
        }
        finally
        {
            await writer.DisposeAsync();
            if (!kept) await store.DeleteUploadAsync(key, CancellationToken.None);
        }
    }

    /// <summary>Gives an upload up. RepositoryNotFound, BlobUploadUnknown; RangeInvalid while another request is writing to it.</summary>
    public async ValueTask<Outcome<Done>> CancelAsync(RegistryId registry, RepositoryName name, string uploadId, CancellationToken cancellationToken)
    {
        using var claim = claims.TryClaim(uploadId);
        if (!(await FindAsync(registry, name, uploadId, cancellationToken)).TryGet(out var row, out var error)) return error;
        if (claim is null) return ContentErrors.UploadBusy(row.Received);
        bool ended;
        try
        {
            ended = await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.EndAsync(session, row), cancellationToken);
        }
        catch (StorageFullException)
        {
            // Giving up must work on a full disk too: the upload's own bytes make the room that its row's end needs.
            await store.DeleteUploadAsync(row.Key, CancellationToken.None);
            ended = await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.EndAsync(session, row), cancellationToken);
        }

        if (!ended) return ContentErrors.UploadUnknown(registry, name, uploadId);
        claim.TakeHash(null, row.Received)?.Dispose();
        await store.DeleteUploadAsync(row.Key, CancellationToken.None);
        return Done.Value;
    }

    /// <summary>
    /// Makes a body of another repository of this registry visible in <paramref name="name"/>. Null when that cannot be: no such body there, or
    /// <paramref name="mayRead"/> says no; without <paramref name="from"/> any repository the caller may read will do. RepositoryNotFound for the target.
    /// </summary>
    /// <param name="registry">The registry of both repositories.</param>
    /// <param name="name">The target.</param>
    /// <param name="digest">The body.</param>
    /// <param name="from">The source, or null.</param>
    /// <param name="referencedOnly">Whether an image of the source must name the body, as ECR wants it.</param>
    /// <param name="mayRead">Whether the caller may read a repository's bodies.</param>
    /// <param name="cancellationToken">Heeded until the write begins.</param>
    public async ValueTask<Outcome<BlobInfo?>> MountAsync(
        RegistryId registry,
        RepositoryName name,
        Digest digest,
        RepositoryName? from,
        bool referencedOnly,
        Func<RepositoryName, ValueTask<bool>> mayRead,
        CancellationToken cancellationToken)
    {
        // Asked before the write: the answer may need a read of its own, and the writer waits for nobody.
        var source = from ?? await FindReadableAsync(registry, digest, referencedOnly, mayRead, cancellationToken);
        if (from is { } named && !await mayRead(named)) source = null;
        return await database.WriteBesideAsync<Outcome<BlobInfo?>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindIdAsync(registry, name) is not { } target) return ContentErrors.RepositoryNotFound(registry, name);
                var blob = await session.QueryFirstAsync(
                    "SELECT id, size, location FROM blobs WHERE digest = @digest AND state = 0 /*lock FOR KEY SHARE*/",
                    static row => (Id: row.GetInt64(0), Size: row.GetInt64(1), Location: row.GetString(2)),
                    ("@digest", digest.Value));
                if (blob.Location is null || source is not { } held || !await HoldsAsync(session, registry, blob.Id, held, referencedOnly)) return (BlobInfo?)null;
                await publisher.LinkAsync(session, target, blob.Id);
                return new BlobInfo(digest, blob.Size, blob.Location);
            },
            cancellationToken);
    }

    private static async ValueTask<bool> HoldsAsync(DbSession session, RegistryId registry, long blobId, RepositoryName source, bool referencedOnly) =>
        await session.QueryFirstAsync(
            """
            SELECT 1 FROM repositories r JOIN repository_blobs l ON l.repository_id = r.id AND l.blob_id = @blob
            WHERE r.account = @account AND r.region = @region AND r.name = @name
              AND (@any = 1 OR EXISTS (SELECT 1 FROM manifest_blobs m WHERE m.blob_id = l.blob_id AND m.repository_id = r.id))
            """,
            static row => row.GetInt64(0),
            ("@any", !referencedOnly),
            ("@blob", blobId),
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@name", source.Value)) == 1;

    /// <summary>
    /// Without a source, a few of the repositories that hold the body are asked about: a body held by very many is a base layer, and a caller
    /// who may read none of the first is told to upload, which is always right.
    /// </summary>
    private async ValueTask<RepositoryName?> FindReadableAsync(
        RegistryId registry, Digest digest, bool referencedOnly, Func<RepositoryName, ValueTask<bool>> mayRead, CancellationToken cancellationToken)
    {
        const int Asked = 20;
        var names = await database.ReadAsync(
            session => session.QueryAsync(
                """
                SELECT r.name FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id JOIN repositories r ON r.id = l.repository_id
                WHERE b.digest = @digest AND b.state = 0 AND r.account = @account AND r.region = @region
                  AND (@any = 1 OR EXISTS (SELECT 1 FROM manifest_blobs m WHERE m.blob_id = l.blob_id AND m.repository_id = r.id))
                LIMIT @limit
                """,
                static row => row.GetString(0),
                ("@any", !referencedOnly),
                ("@digest", digest.Value),
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@limit", (long)Asked)),
            cancellationToken);
        foreach (var text in names)
            if (RepositoryName.TryParse(text, out var name) && await mayRead(name)) return name;
        return null;
    }

    private async ValueTask<Outcome<UploadStatus>> AppendAsync(
        RegistryId registry,
        RepositoryName name,
        string uploadId,
        Func<UploadRow, RegistryError?> check,
        Func<UploadRow, long, long> partState,
        long? length,
        PipeReader body,
        CancellationToken cancellationToken)
    {
        using var claim = claims.TryClaim(uploadId);
        if (!(await FindAsync(registry, name, uploadId, cancellationToken)).TryGet(out var row, out var error)) return error;
        if (claim is null) return ContentErrors.UploadBusy(row.Received);
        if (check(row) is { } refused) return refused;
        RunningHash? hash = null;
        var (taken, kept) = (false, false);
        try
        {
            if (await turns.TakeAsync(row, claim, cancellationToken) is not { } turn) return ContentErrors.UploadBusy(row.Received);
            (row, taken) = (turn, true);
            hash = claim.TakeHash(null, row.Received) ?? (row.Received == 0 ? new RunningHash(DigestAlgorithm.Sha256) : null);
            long received;
            await using (var writer = await OpenAsync(row, hash, cancellationToken))
            {
                if (await TakeInAsync(body, writer, length, cancellationToken) is { } broken) return broken;
                received = writer.Length;
            }

            var moved = await database.WriteBesideAsync(
                Durability.Relaxed,
                session => UploadRows.AdvanceAsync(session, row, received, partState(row, received - row.Received), time.GetUtcNow() + options.UploadExpiry),
                CancellationToken.None);
            kept = true;
            if (!moved) return ContentErrors.UploadUnknown(registry, name, uploadId);
            if (hash is not null) claim.KeepHash(hash);
            hash = null;
            return new UploadStatus(uploadId, received);
        }
        catch (Exception e) when (IsBodyGone(e))
        {
            kept = true;
            return await GiveUpAsync(registry, name, row);
        }
        finally
        {
            hash?.Dispose();
            if (taken && !kept)
            {
                await CutBackAsync(row);
                await turns.GiveBackAsync(row);
            }
        }
    }

    private async ValueTask<Outcome<BlobInfo>> CompleteAsync(
        RegistryId registry,
        RepositoryName name,
        string uploadId,
        Digest digest,
        Func<UploadRow, CancellationToken, ValueTask<RegistryError?>> check,
        long? length,
        PipeReader? body,
        CancellationToken cancellationToken)
    {
        using var claim = claims.TryClaim(uploadId);
        if (!(await FindAsync(registry, name, uploadId, cancellationToken)).TryGet(out var row, out var error)) return error;
        if (claim is null) return ContentErrors.UploadBusy(row.Received);
        if (await check(row, cancellationToken) is { } refused) return refused;
        IBlobWriter? writer = null;
        RunningHash? hash = null;
        var (taken, kept, ended) = (false, true, false);
        try
        {
            if (await turns.TakeAsync(row, claim, cancellationToken) is not { } turn) return ContentErrors.UploadBusy(row.Received);
            (row, taken) = (turn, true);
            hash = claim.TakeHash(digest.Algorithm, row.Received) ?? await HashStoredAsync(row, digest.Algorithm, cancellationToken);
            var size = row.Received;
            if (body is not null)
            {
                writer = await OpenAsync(row, hash, cancellationToken);
                kept = false;
                if (await TakeInAsync(body, writer, length, cancellationToken) is { } broken) return broken;
                size = writer.Length;
            }

            var found = hash.Finish();
            if (found != digest) return ContentErrors.DigestMismatch(digest, found);
            // From here on the bytes may be published: then there is nothing to cut.
            kept = true;
            var outcome = await publisher.PublishAsync(
                row.Key,
                writer,
                digest,
                size,
                async session => await UploadRows.EndAsync(session, row) ? row.RepositoryId : ContentErrors.UploadUnknown(registry, name, uploadId),
                cancellationToken);
            ended = outcome.Succeeded;
            return outcome;
        }
        catch (Exception e) when (IsBodyGone(e))
        {
            ended = true;
            return await GiveUpAsync(registry, name, row);
        }
        finally
        {
            // The writer first: it may be hashing yet.
            if (writer is not null) await writer.DisposeAsync();
            hash?.Dispose();
            if (!kept) await CutBackAsync(row);
            if (taken && !ended) await turns.GiveBackAsync(row);
        }
    }

    /// <summary>
    /// Takes away what a request wrote that failed. The next request would cut it anyway; but there may be none, and on a disk that is full
    /// others wait for the room.
    /// </summary>
    private async ValueTask CutBackAsync(UploadRow row)
    {
        try
        {
            if (row.Received == 0) await store.DeleteUploadAsync(row.Key, CancellationToken.None);
            else await (await store.OpenUploadAsync(row.Key, row.Received, null, CancellationToken.None)).DisposeAsync();
        }
        catch (Exception e) when (e is IOException or StorageFullException or UploadBodyMissingException)
        {
            // The request's own failure is what the client is told.
        }
    }

    private ValueTask<Outcome<UploadRow>> FindAsync(RegistryId registry, RepositoryName name, string uploadId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return database.ReadAsync<Outcome<UploadRow>>(
            async session =>
            {
                if (await UploadRows.FindAsync(session, registry, name, uploadId, now) is { } row) return row;
                return await session.FindIdAsync(registry, name) is null
                    ? ContentErrors.RepositoryNotFound(registry, name)
                    : ContentErrors.UploadUnknown(registry, name, uploadId);
            },
            cancellationToken);
    }

    private ValueTask<IBlobWriter> OpenAsync(UploadRow row, RunningHash? hash, CancellationToken cancellationToken) =>
        store.OpenUploadAsync(row.Key, row.Received, hash is null ? null : hash.Append, cancellationToken);

    /// <summary>Hashes what earlier requests stored: after a restart, or for an algorithm that was not foreseen.</summary>
    private async ValueTask<RunningHash> HashStoredAsync(UploadRow row, DigestAlgorithm algorithm, CancellationToken cancellationToken)
    {
        var hash = new RunningHash(algorithm);
        if (row.Received == 0) return hash;
        var buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
        try
        {
            await using var reader = await store.ReadUploadAsync(row.Key, row.Received, cancellationToken);
            while (hash.Length < row.Received)
            {
                var wanted = (int)Math.Min(buffer.Length, row.Received - hash.Length);
                var read = await reader.ReadAsync(buffer.AsMemory(0, wanted), hash.Length, cancellationToken);
                if (read == 0) throw new UploadBodyMissingException(row.Id, row.Received, hash.Length);
                hash.Append(buffer.AsSpan(0, read));
            }

            return hash;
        }
        catch
        {
            hash.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Lost with the machine's power; or taken over by another server while this one stood still, which finds the row moved on too.
    private static bool IsBodyGone(Exception e) => e is UploadBodyMissingException or FileNotFoundException;

    /// <summary>Ends an upload whose bytes are gone: the client starts anew.</summary>
    private async ValueTask<RegistryError> GiveUpAsync(RegistryId registry, RepositoryName name, UploadRow row)
    {
        await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.EndAsync(session, row), CancellationToken.None);
        await store.DeleteUploadAsync(row.Key, CancellationToken.None);
        return ContentErrors.UploadUnknown(registry, name, row.Id);
    }

    /// <summary>Moves a request's body into the upload, whose writer hashes it. An error when it is not as long as announced.</summary>
    private static async ValueTask<RegistryError?> TakeInAsync(PipeReader body, IBlobWriter writer, long? length, CancellationToken cancellationToken)
    {
        var begin = writer.Length;
        while (true)
        {
            var result = await body.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            if (length is { } announced && writer.Length - begin + buffer.Length > announced)
            {
                var found = writer.Length - begin + buffer.Length;
                body.AdvanceTo(buffer.End);
                return ContentErrors.BodyLength(announced, found);
            }

            try
            {
                if (!buffer.IsEmpty) await writer.WriteAsync(buffer, cancellationToken);
            }
            finally
            {
                // Also after a failure: the server can only read a body to its end, and so get the answer to a client that
                // still sends, when the reader was left in order.
                body.AdvanceTo(buffer.End);
            }

            if (result.IsCompleted) break;
        }

        if (length is { } wanted && writer.Length - begin != wanted) return ContentErrors.BodyLength(wanted, writer.Length - begin);
        await writer.CompleteAsync(cancellationToken);
        return null;
    }
}
