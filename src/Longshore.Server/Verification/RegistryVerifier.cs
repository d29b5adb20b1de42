using System.Buffers;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Verification;

/// <summary>
/// Looks at everything the registry keeps: 1. the database's structure; 2. every body, byte for byte, against its digest
/// and size; 3. every stored body and upload for one that no row names, or that its row gave up and that is there again;
/// 4. every manifest, those in the recycle bin too, against its digest and every reference it makes; 5. what keeps bodies: links, leases, and
/// that nothing references condemned ones. A condemned body is whole like any other until collection ends its row.
/// </summary>
/// <remarks>
/// Works page by page: memory does not grow with the registry. Without <c>repair</c> it only reads, and may run beside a
/// serving registry. With it nothing else may run on the data: orphans are removed, damaged bodies set aside and their
/// rows marked, so that the digest can be pushed again; wrong marks are taken away; nothing else is ever changed.
/// </remarks>
internal sealed class RegistryVerifier(IDatabase database, IBlobStore store, TimeProvider time, bool repair, Action<Finding> found, Action<VerifyProgress> progress)
{
    private const int Page = 200;
    private const int ImagesNamed = 10;

    /// <summary>A body or upload younger than this may belong to a push that is under way beside a verification that only reads.</summary>
    private static readonly TimeSpan InFlight = TimeSpan.FromHours(1);

    private long bodies;
    private long bodyBytes;
    private long manifests;
    private long storedBodies;
    private int findings;
    private int harmless;
    private int repaired;

    /// <summary>Runs all steps.</summary>
    public async Task<VerifySummary> RunAsync(CancellationToken cancellationToken)
    {
        progress(new VerifyProgress("database structure", 0, 0, ""));
        foreach (var problem in await database.CheckStructureAsync(cancellationToken))
            Report(new Finding(FindingKind.DatabaseDamaged, "database", problem, [], null));
        await VerifyBodiesAsync(cancellationToken);
        await FindOrphanBodiesAsync(cancellationToken);
        await FindOrphanUploadsAsync(cancellationToken);
        await VerifyManifestsAsync(cancellationToken);
        progress(new VerifyProgress("references", 0, 0, ""));
        await ReferenceCheck.CondemnedAsync(database, repair, Report, cancellationToken);
        await ReferenceCheck.LinksAsync(database, repair, Report, cancellationToken);
        return new VerifySummary(bodies, bodyBytes, manifests, storedBodies, findings, harmless, repaired);
    }

    private async Task VerifyBodiesAsync(CancellationToken cancellationToken)
    {
        var total = await database.ReadAsync(s => s.QueryFirstAsync("SELECT COALESCE(SUM(size), 0) FROM blobs WHERE state IN (0, 1)", static r => r.GetInt64(0)), cancellationToken);
        var after = 0L;
        while (true)
        {
            var rows = await database.ReadAsync(
                s => s.QueryAsync(
                    "SELECT id, digest, size, location FROM blobs WHERE id > @after AND state IN (0, 1) ORDER BY id LIMIT @limit",
                    static r => new BlobRow(r.GetInt64(0), ImageRows.DigestAt(r, 1), r.GetInt64(2), r.GetString(3)),
                    ("@after", after),
                    ("@limit", (long)Page)),
                cancellationToken);
            foreach (var row in rows)
            {
                await VerifyBodyAsync(row, total, cancellationToken);
                bodies++;
                after = row.Id;
            }

            if (rows.Count < Page) return;
        }
    }

    private async Task VerifyBodyAsync(BlobRow row, long total, CancellationToken cancellationToken)
    {
        await using var reader = await store.OpenReadAsync(row.Location, cancellationToken);
        if (reader is null)
        {
            // Beside a serving registry the row may have gone since it was read.
            if (await IsStillThereAsync(row, cancellationToken))
                await ReportBodyAsync(FindingKind.BodyMissing, row, $"The body of {row.Digest} ({row.Size} bytes) is not at {row.Location}.", setAside: false, cancellationToken);
            return;
        }

        if (reader.Length != row.Size)
        {
            await ReportBodyAsync(FindingKind.BodySizeWrong, row, $"The body of {row.Digest} has {reader.Length} bytes and should have {row.Size}.", setAside: true, cancellationToken);
            return;
        }

        Digest actual;
        try
        {
            actual = await HashAsync(reader, row.Digest.Algorithm, total, cancellationToken);
        }
        catch (IOException e)
        {
            // A bad sector is what a verification is there to name: it goes on with the next body.
            await ReportBodyAsync(FindingKind.BodyDamaged, row, $"The body of {row.Digest} at {row.Location} cannot be read: {e.Message}", setAside: true, cancellationToken);
            return;
        }

        if (actual != row.Digest)
            await ReportBodyAsync(FindingKind.BodyDamaged, row, $"The body of {row.Digest} at {row.Location} has digest {actual}.", setAside: true, cancellationToken);
    }

    private async Task<Digest> HashAsync(IBlobReader reader, DigestAlgorithm algorithm, long total, CancellationToken cancellationToken)
    {
        using var hash = new RunningHash(algorithm);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(buffer, hash.Length, cancellationToken);
                if (read == 0) return hash.Finish();
                hash.Append(buffer.AsSpan(0, read));
                bodyBytes += read;
                progress(new VerifyProgress("bodies", bodyBytes, total, "bytes"));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task VerifyManifestsAsync(CancellationToken cancellationToken)
    {
        var total = await database.ReadAsync(
            s => s.QueryFirstAsync("SELECT (SELECT COUNT(*) FROM manifests) + (SELECT COUNT(*) FROM recycled_images)", static r => r.GetInt64(0)),
            cancellationToken);
        await VerifyManifestsAsync("manifests", recycled: false, total, cancellationToken);
        await VerifyManifestsAsync("recycled_images", recycled: true, total, cancellationToken);
    }

    private async Task VerifyManifestsAsync(string table, bool recycled, long total, CancellationToken cancellationToken)
    {
        var after = 0L;
        while (true)
        {
            // One at a time: a manifest may have 4 MiB.
            var row = await database.ReadAsync(
                s => s.QueryFirstAsync(
                    $"""
                    SELECT m.id, m.repository_id, m.digest, m.media_type, m.size, m.bytes, r.account, r.region, r.name
                    FROM {table} m JOIN repositories r ON r.id = m.repository_id
                    WHERE m.id > @after ORDER BY m.id LIMIT 1
                    """,
                    r => new ManifestRow(
                        r.GetInt64(0), r.GetInt64(1), ImageRows.DigestAt(r, 2), r.GetString(3), r.GetInt64(4), r.GetBytes(5), $"{r.GetString(6)}/{r.GetString(7)}/{r.GetString(8)}", recycled),
                    ("@after", after)),
                cancellationToken);
            if (row is null) return;
            foreach (var problem in await ManifestCheck.RunAsync(database, row, cancellationToken)) Report(problem);
            after = row.Id;
            progress(new VerifyProgress("manifests", ++manifests, total, "manifests"));
        }
    }

    private async Task FindOrphanBodiesAsync(CancellationToken cancellationToken)
    {
        await foreach (var body in store.ListAsync(cancellationToken))
        {
            progress(new VerifyProgress("orphans", ++storedBodies, 0, "bodies"));
            if (!repair && body.ModifiedAt > time.GetUtcNow() - InFlight) continue;
            var row = await database.ReadAsync(
                s => s.QueryFirstAsync(
                    "SELECT id, digest, size, location, state FROM blobs WHERE digest = @digest",
                    static r => (Blob: new BlobRow(r.GetInt64(0), ImageRows.DigestAt(r, 1), r.GetInt64(2), r.GetString(3)), State: r.GetInt64(4)),
                    ("@digest", body.Digest.Value)),
                cancellationToken);
            if (row.Blob?.Location == body.Location)
            {
                if (row.State == BlobState.Quarantined) await VerifyReturnedAsync(row.Blob, cancellationToken);
                continue;
            }

            // Collection has ended its row and is about to unlink it, now or with the next start.
            if (!repair && await database.ReadAsync(s => LooseBodies.IsDoomedAsync(s, body.Location), cancellationToken)) continue;
            string? done = null;
            if (repair) done = await store.DeleteAsync(body.Location, cancellationToken) ? "removed" : null;
            Report(new Finding(FindingKind.OrphanBody, body.Location, $"No row names the body {body.Location} ({body.Length} bytes).", [], done));
        }
    }

    private async Task FindOrphanUploadsAsync(CancellationToken cancellationToken)
    {
        await foreach (var upload in store.ListUploadsAsync(cancellationToken))
        {
            if (!repair && upload.ModifiedAt > time.GetUtcNow() - InFlight) continue;
            if (await database.ReadAsync(s => UploadRows.HasBodyAsync(s, upload.UploadKey), cancellationToken)) continue;
            string? done = null;
            if (repair)
            {
                await store.DeleteUploadAsync(upload.UploadKey, cancellationToken);
                done = "removed";
            }

            Report(new Finding(FindingKind.OrphanUpload, upload.UploadKey, $"No row names the bytes of upload {upload.UploadKey} ({upload.Length} bytes).", [], done));
        }
    }

    /// <summary>
    /// A body that its row calls damaged or missing and that is there: its disk was not mounted during an earlier repair, or that
    /// repair was cut before it set the body aside. It is no orphan, whose bytes could go: whole, it serves again.
    /// </summary>
    private async Task VerifyReturnedAsync(BlobRow row, CancellationToken cancellationToken)
    {
        bool whole;
        try
        {
            await using var reader = await store.OpenReadAsync(row.Location, cancellationToken);
            if (reader is null) return;
            whole = reader.Length == row.Size && await HashAsync(reader, row.Digest.Algorithm, 0, cancellationToken) == row.Digest;
        }
        catch (IOException)
        {
            whole = false;
        }

        if (!whole)
        {
            await ReportBodyAsync(FindingKind.BodyDamaged, row, $"The body of {row.Digest} at {row.Location} is known to be damaged and was not set aside.", setAside: true, cancellationToken);
            return;
        }

        string? done = null;
        if (repair)
        {
            await database.WriteAsync(
                Durability.Synced,
                s => s.ExecuteAsync("UPDATE blobs SET state = @state WHERE id = @id", ("@state", BlobState.Live), ("@id", row.Id)),
                cancellationToken);
            done = "put back into service";
        }

        Report(new Finding(FindingKind.BodyReturned, row.Digest.Value, $"The body of {row.Digest} was marked as damaged or missing, and is whole at {row.Location}.", [], done));
    }

    private async ValueTask<bool> IsStillThereAsync(BlobRow row, CancellationToken cancellationToken) => await database.ReadAsync(
        s => s.QueryFirstAsync("SELECT 1 FROM blobs WHERE id = @id AND location = @location AND state IN (0, 1)", static r => r.GetInt64(0), ("@id", row.Id), ("@location", row.Location)),
        cancellationToken) == 1;

    private async Task ReportBodyAsync(FindingKind kind, BlobRow row, string message, bool setAside, CancellationToken cancellationToken)
    {
        var images = await database.ReadAsync(
            s => s.QueryAsync(
                """
                SELECT r.account, r.region, r.name, m.digest FROM manifest_blobs mb
                JOIN manifests m ON m.id = mb.manifest_id JOIN repositories r ON r.id = m.repository_id
                WHERE mb.blob_id = @blob
                UNION ALL
                SELECT r.account, r.region, r.name, m.digest FROM recycled_blobs rb
                JOIN recycled_images m ON m.id = rb.image_id JOIN repositories r ON r.id = m.repository_id
                WHERE rb.blob_id = @blob LIMIT @limit
                """,
                static r => $"{r.GetString(0)}/{r.GetString(1)}/{r.GetString(2)}@{r.GetString(3)}",
                ("@blob", row.Id),
                ("@limit", (long)ImagesNamed)),
            cancellationToken);
        string? done = null;
        if (repair)
        {
            // Row first: a body that is set aside must not be served, and a row without a body must not stand as live.
            await database.WriteAsync(
                Durability.Synced,
                s => s.ExecuteAsync("UPDATE blobs SET state = @state, condemned_at = NULL WHERE id = @id", ("@state", BlobState.Quarantined), ("@id", row.Id)),
                cancellationToken);
            done = setAside
                ? $"set aside as {await store.QuarantineAsync(row.Location, cancellationToken)}; push the blob again to heal the images"
                : "marked as missing; push the blob again to heal the images";
        }

        Report(new Finding(kind, row.Digest.Value, message, images, done));
    }

    private void Report(Finding finding)
    {
        findings++;
        if (finding.IsHarmless) harmless++;
        if (finding.Repaired is not null) repaired++;
        found(finding);
    }

    private sealed record BlobRow(long Id, Digest Digest, long Size, string Location);
}

/// <summary>A manifest as verification reads it, of an image or of one in the recycle bin.</summary>
internal sealed record ManifestRow(long Id, long RepositoryId, Digest Digest, string MediaType, long Size, byte[] Bytes, string Repository, bool IsRecycled);
