using System.Text;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>What a rotation did.</summary>
/// <param name="FileKey">The key of the file that is in use now.</param>
/// <param name="ServerKey">The server key that is in use now.</param>
/// <param name="Resealed">Secrets of access keys that were sealed again.</param>
/// <param name="Retired">Server keys that are gone.</param>
internal readonly record struct KeyRotationResult(uint FileKey, uint ServerKey, int Resealed, int Retired);

/// <summary>
/// New keys, and the end of old ones, while no server runs on the database. Every step leaves file and database such that a start, or the
/// same call again, goes on from there: keys come into the file before anything needs them and leave it when nothing does any more.
/// </summary>
internal sealed class KeyRotation(IDatabase database, KeyFile file, ServerKeys keys, SealedBox box)
{
    private const int Batch = 500;

    /// <summary>
    /// (1) A new key in the file, (2) all server keys wrapped by it, and a new server key. What was sealed before stays open.
    /// </summary>
    public async ValueTask<Outcome<KeyRotationResult>> RotateAsync(CancellationToken cancellationToken)
    {
        if (await keys.LoadAsync(cancellationToken) is { } wrong) return wrong;
        if (!file.Read().TryGet(out var sealing, out var error)) return error;
        // 1
        sealing = sealing.WithNewKey();
        if (file.Replace(sealing) is { } unwritten) return unwritten;
        // 2
        if (await keys.RotateAsync(cancellationToken) is { } failed) return failed;
        return new KeyRotationResult(sealing.Newest, keys.CurrentId, 0, 0);
    }

    /// <summary>
    /// The end of all keys but the newest: (1) secrets at rest are sealed again, (2) the old server keys go, and with them every token, session
    /// and download URL that they made, (3) the old keys of the file go.
    /// </summary>
    public async ValueTask<Outcome<KeyRotationResult>> RetireAsync(CancellationToken cancellationToken)
    {
        if (await keys.LoadAsync(cancellationToken) is { } wrong) return wrong;
        if (!file.Read().TryGet(out var sealing, out var error)) return error;
        if (await keys.RewrapAsync(cancellationToken) is { } failed) return failed;
        // 1
        var resealed = 0;
        for (string? last = ""; last is not null;)
        {
            var after = last;
            (var count, last) = await database.WriteAsync(Durability.Relaxed, session => ResealAsync(session, after), cancellationToken);
            resealed += count;
        }

        // 2: synced, and all that was written before with it.
        if (!(await keys.RetireAsync(cancellationToken)).TryGet(out var retired, out error)) return error;
        // 3
        if (sealing.Keys.Count > 1 && file.Replace(sealing.NewestAlone()) is { } unwritten) return unwritten;
        return new KeyRotationResult(sealing.Newest, keys.CurrentId, resealed, retired);
    }

    // A secret that does not open is left as it is: its key was refused before, and is refused after.
    private async ValueTask<(int Count, string? Last)> ResealAsync(DbSession session, string after)
    {
        var rows = await session.QueryAsync(
            "SELECT access_key_id, sealed_secret FROM access_keys WHERE access_key_id > @after ORDER BY access_key_id LIMIT @limit",
            static row => (Id: row.GetString(0), Sealed: row.GetBytes(1)),
            ("@after", after), ("@limit", (long)Batch));
        var count = 0;
        foreach (var (id, stored) in rows)
        {
            var context = Encoding.UTF8.GetBytes(id);
            if (SealedBox.KeyOf(stored) == keys.CurrentId || !box.TryOpen(PrincipalStore.SecretPurpose, stored, context, out var secret)) continue;
            await session.ExecuteAsync(
                "UPDATE access_keys SET sealed_secret = @sealed WHERE access_key_id = @id",
                ("@id", id), ("@sealed", box.Seal(PrincipalStore.SecretPurpose, secret, context)));
            count++;
        }

        return (count, rows.Count < Batch ? null : rows[^1].Id);
    }
}
