using System.Buffers;
using Longshore.Core;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// Whose turn it is to write to an upload, where several servers share a database. <see cref="UploadClaims"/> keeps requests of one process apart; this keeps
/// servers apart, also from one that stands still in the middle of a write and wakes up minutes later.
/// </summary>
/// <remarks>
/// 1. A request marks the row before it writes, by compare-and-set; its last write takes the mark away. 2. Who finds a mark goes on at once: its writer's
/// server may be dead, and the client asks here now. But it cannot know that, so it takes the bytes that count over under another key, where nothing
/// that the former writer still does can reach them; that one's own compare-and-set then finds the row moved on. The bytes are hashed on their way.
/// With the embedded database there is one server, and nothing of this is done.
/// </remarks>
internal sealed class UploadTurns(IDatabase database, IBlobStore store, TimeProvider time, ContentOptions options)
{
    private const int CopyBuffer = 256 * 1024;

    /// <summary>Takes the turn. Null when somebody else touched the upload since its row was read.</summary>
    /// <param name="row">The upload.</param>
    /// <param name="claim">This process's hold on it, which gets the hash of bytes that were taken over.</param>
    /// <param name="cancellationToken">Heeded until the row is touched, and while bytes are taken over.</param>
    /// <returns>The row as it is now.</returns>
    /// <exception cref="UploadBodyMissingException">The bytes that count are not there.</exception>
    public async ValueTask<UploadRow?> TakeAsync(UploadRow row, UploadClaims.Claim claim, CancellationToken cancellationToken)
    {
        if (!database.IsShared) return row;
        var marked = await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.MarkAsync(session, row, time.GetUtcNow() + options.UploadExpiry), cancellationToken);
        if (!marked) return null;
        var mine = row with { Version = row.Version + 1, Writing = true };
        return row.Writing ? await TakeOverAsync(mine, claim, cancellationToken) : mine;
    }

    /// <summary>Gives the turn back after a request that failed, whose own bytes are cut off again; no failure is told: then the next one takes over.</summary>
    public async ValueTask GiveBackAsync(UploadRow row)
    {
        if (!database.IsShared) return;
        try
        {
            await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.UnmarkAsync(session, row), CancellationToken.None);
        }
        catch (Exception e) when (e is System.Data.Common.DbException or IOException)
        {
            // The database is away: the mark stays.
        }
    }

    private async ValueTask<UploadRow?> TakeOverAsync(UploadRow row, UploadClaims.Claim claim, CancellationToken cancellationToken)
    {
        // No other request ever had this version.
        var body = row.Version;
        var key = UploadRows.KeyOf(row.Id, body);
        var moved = false;
        RunningHash? hash = null;
        try
        {
            if (row.Received > 0) hash = await CopyAsync(row, key, cancellationToken);
            moved = await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.MoveAsync(session, row, body), cancellationToken);
            if (!moved) return null;
            claim.TakeHash(null, row.Received)?.Dispose();
            if (hash is not null) claim.KeepHash(hash);
            hash = null;
        }
        catch (UploadBodyMissingException)
        {
            // Its publisher got so far, or the machine lost power: the client starts anew.
            await database.WriteBesideAsync(Durability.Relaxed, session => UploadRows.EndAsync(session, row), CancellationToken.None);
            throw;
        }
        finally
        {
            hash?.Dispose();
            // Without a row that names them they are left over, and expiry finds what cannot be removed now.
            if (!moved) await DeleteAsync(key);
        }

        await DeleteAsync(row.Key);
        return row with { Version = row.Version + 1, Body = body };
    }

    private async ValueTask<RunningHash> CopyAsync(UploadRow row, string key, CancellationToken cancellationToken)
    {
        var hash = new RunningHash(DigestAlgorithm.Sha256);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBuffer);
        try
        {
            await using var reader = await store.ReadUploadAsync(row.Key, row.Received, cancellationToken);
            await using var writer = await store.OpenUploadAsync(key, 0, hash.Append, cancellationToken);
            for (var position = 0L; position < row.Received;)
            {
                var read = await reader.ReadAsync(buffer.AsMemory(0, (int)Math.Min(CopyBuffer, row.Received - position)), position, cancellationToken);
                if (read == 0) throw new UploadBodyMissingException(row.Id, row.Received, position);
                await writer.WriteAsync(new ReadOnlySequence<byte>(buffer, 0, read), cancellationToken);
                position += read;
            }

            await writer.CompleteAsync(cancellationToken);
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

        return hash;
    }

    private async ValueTask DeleteAsync(string key)
    {
        try
        {
            await store.DeleteUploadAsync(key, CancellationToken.None);
        }
        catch (IOException)
        {
        }
    }
}
