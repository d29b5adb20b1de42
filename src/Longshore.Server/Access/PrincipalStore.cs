using System.Collections.Concurrent;
using System.Data.Common;
using System.Text;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>What was done about the root key at start.</summary>
internal enum RootKeyChange
{
    /// <summary>Nothing: the account has its root key.</summary>
    None,

    /// <summary>A key was generated: this is the only time that its secret is shown.</summary>
    Generated,

    /// <summary>The operator's key was added.</summary>
    Added,

    /// <summary>The operator's key was there with another secret, or disabled: it has the given secret now and is enabled.</summary>
    Updated,
}

/// <summary>What PrincipalStore.EnsureRootAsync did.</summary>
/// <param name="Change">What was done.</param>
/// <param name="Credentials">The key given or generated; null when none was given and none was needed.</param>
internal sealed record RootSetup(RootKeyChange Change, RootCredentials? Credentials);

/// <summary>
/// Principals and their access keys, as authentication sees them; <c>Iam/</c> administers them. Keys are served from a snapshot in memory
/// that every write, here and there, throws away.
/// </summary>
/// <remarks>
/// One process has a data directory today, so its own writes are all there are. With several servers over one database, a
/// snapshot must also end by age (seconds): a key disabled on one server would stay good on the others until then.
/// </remarks>
internal sealed class PrincipalStore(
    IDatabase database, ServerKeys keys, SealedBox box, AccessVersion version, TimeProvider time, ILogger<PrincipalStore> logger)
{
    /// <summary>Most keys held in memory; at the bound the snapshot starts afresh.</summary>
    public const int SnapshotCapacity = 16_384;

    /// <summary>What the sealed secrets of access keys are sealed for; their context is the key's id.</summary>
    public const string SecretPurpose = "longshore access key secret";

    private volatile Snapshot snapshot = new(new object());

    /// <summary>Changes with every write: what was concluded from the store is good while this is the same object.</summary>
    public object Version => version.Current;

    /// <summary>A usable key by its id; null when there is none, or it or its owner is disabled.</summary>
    public ValueTask<AccessKey?> FindKeyAsync(string accessKeyId, CancellationToken cancellationToken)
    {
        var current = Current();
        return current.Keys.TryGetValue(accessKeyId, out var key) ? new(key) : LoadAsync(current, accessKeyId, cancellationToken);
    }

    private Snapshot Current()
    {
        var (current, now) = (snapshot, version.Current);
        if (!ReferenceEquals(current.Version, now)) snapshot = current = new Snapshot(now);
        return current;
    }

    // Loads into the snapshot that was current when the read began: one made void by a write meanwhile takes the stale key along.
    // Unknown ids are not kept: strangers could fill the memory with them.
    private async ValueTask<AccessKey?> LoadAsync(Snapshot current, string accessKeyId, CancellationToken cancellationToken)
    {
        var row = await database.ReadAsync(
            session => session.QueryFirstAsync(
                """
                SELECT k.sealed_secret, p.id, p.account, p.kind, p.name, p.unique_id, p.path
                FROM access_keys k JOIN principals p ON p.id = k.principal_id
                WHERE k.access_key_id = @id AND k.disabled_at IS NULL AND p.disabled_at IS NULL
                """,
                static row => new KeyRow(row.GetBytes(0), row.GetInt64(1), ReadPrincipal(row, 1)),
                ("@id", accessKeyId)),
            cancellationToken);
        if (row?.Principal is null) return null;
        if (!TryUnseal(accessKeyId, row.SealedSecret, out var secret))
        {
            logger.SecretUnreadable(accessKeyId);
            return null;
        }

        var key = new AccessKey(accessKeyId, secret, row.PrincipalId, row.Principal);
        if (current.Keys.Count >= SnapshotCapacity) current.Keys.Clear();
        current.Keys.TryAdd(accessKeyId, key);
        return key;
    }

    /// <summary>
    /// Makes sure that an account has a root principal with a usable key. Call at start, before requests are taken; loads the
    /// server keys too. A key given by the operator always wins: it is added, or its stored secret replaced and the key
    /// enabled again, so that the environment is a way back in; other root keys stay as they are. Without one, a key is
    /// generated when the root has no usable key.
    /// </summary>
    /// <param name="account">The account, twelve digits.</param>
    /// <param name="given">The operator's key, or null.</param>
    /// <param name="keepGenerated">
    /// Keeps a generated key for the operator, before it is stored: a crash between the two leaves a key that opens nothing,
    /// and the next start makes another, rather than a root whose key nobody has seen.
    /// </param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>What was done; an error when the given key id belongs to another principal.</returns>
    public async ValueTask<Outcome<RootSetup>> EnsureRootAsync(
        string account, RootCredentials? given, Func<RootCredentials, CancellationToken, Task> keepGenerated, CancellationToken cancellationToken)
    {
        if (!RegistryId.IsAccount(account)) return new RegistryError(ErrorCode.InvalidParameter, "An account id is twelve digits.");
        if (await keys.LoadAsync(cancellationToken) is { } wrong) return wrong;
        var offered = given ?? RootCredentials.Generate();
        if (given is null)
        {
            if (await HasUsableRootKeyAsync(account, cancellationToken)) return new RootSetup(RootKeyChange.None, null);
            await keepGenerated(offered, cancellationToken);
        }

        var sealedSecret = box.Seal(SecretPurpose, Encoding.UTF8.GetBytes(offered.SecretAccessKey), Encoding.UTF8.GetBytes(offered.AccessKeyId));
        var now = time.GetUtcNow().ToDatabase();
        var (created, change) = await database.WriteAsync<(bool Created, RootKeyChange? Change)>(
            Durability.Synced,
            async session =>
            {
                var created = await session.ExecuteAsync(
                    """
                    INSERT INTO principals (account, kind, name, name_key, unique_id, created_at) VALUES (@account, 'root', 'root', 'root', @account, @now)
                    ON CONFLICT (account, kind, name) DO NOTHING
                    """,
                    ("@account", account), ("@now", now)) > 0;
                var root = await session.QueryFirstAsync(
                    "SELECT id FROM principals WHERE account = @account AND kind = 'root' AND name = 'root'",
                    static row => row.GetInt64(0), ("@account", account));
                var stored = await session.QueryFirstAsync(
                    "SELECT principal_id, sealed_secret, disabled_at FROM access_keys WHERE access_key_id = @id",
                    static row => new StoredKey(row.GetInt64(0), row.GetBytes(1), row.GetInt64OrNull(2) is not null),
                    ("@id", offered.AccessKeyId));
                if (stored is null)
                {
                    await session.ExecuteAsync(
                        "INSERT INTO access_keys (access_key_id, principal_id, sealed_secret, created_at) VALUES (@id, @root, @secret, @now)",
                        ("@id", offered.AccessKeyId), ("@root", root), ("@secret", sealedSecret), ("@now", now));
                    return (created, given is null ? RootKeyChange.Generated : RootKeyChange.Added);
                }

                if (stored.PrincipalId != root) return (created, null);
                if (!stored.Disabled && TryUnseal(offered.AccessKeyId, stored.SealedSecret, out var secret) && secret == offered.SecretAccessKey)
                    return (created, RootKeyChange.None);
                await session.ExecuteAsync(
                    "UPDATE access_keys SET sealed_secret = @secret, disabled_at = NULL WHERE access_key_id = @id",
                    ("@id", offered.AccessKeyId), ("@secret", sealedSecret));
                return (created, RootKeyChange.Updated);
            },
            cancellationToken);
        Invalidate();
        if (created) logger.RootCreated(account);
        if (change is not { } done)
            return new RegistryError(ErrorCode.InvalidParameter, $"Access key {offered.AccessKeyId} belongs to another principal and cannot be the root key of account {account}.");
        if (done != RootKeyChange.None) logger.RootKeyChanged(offered.AccessKeyId, account, done);
        return new RootSetup(done, offered);
    }

    /// <summary>The same, for callers that keep a generated key only once it is stored.</summary>
    public ValueTask<Outcome<RootSetup>> EnsureRootAsync(string account, RootCredentials? given, CancellationToken cancellationToken) =>
        EnsureRootAsync(account, given, static (_, _) => Task.CompletedTask, cancellationToken);

    private async ValueTask<bool> HasUsableRootKeyAsync(string account, CancellationToken cancellationToken) =>
        await database.ReadAsync(
            session => session.QueryFirstAsync(
                """
                SELECT COUNT(*) FROM access_keys k JOIN principals p ON p.id = k.principal_id
                WHERE p.account = @account AND p.kind = 'root' AND p.disabled_at IS NULL AND k.disabled_at IS NULL
                """,
                static row => row.GetInt64(0), ("@account", account)),
            cancellationToken) > 0;

    /// <summary>Disables an access key: signatures and registry tokens made with it are refused from now on.</summary>
    /// <returns>False when there is no such enabled key.</returns>
    public async ValueTask<bool> DisableKeyAsync(string accessKeyId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToDatabase();
        var changed = await database.WriteAsync(
            Durability.Synced,
            session => session.ExecuteAsync(
                "UPDATE access_keys SET disabled_at = @now WHERE access_key_id = @id AND disabled_at IS NULL", ("@id", accessKeyId), ("@now", now)),
            cancellationToken);
        Invalidate();
        if (changed > 0) logger.AccessKeyDisabled(accessKeyId);
        return changed > 0;
    }

    /// <summary>Disables a principal: all its keys and registry tokens are refused from now on.</summary>
    /// <returns>False when there is no such enabled principal.</returns>
    public async ValueTask<bool> DisablePrincipalAsync(AccessKey ownerOf, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToDatabase();
        var changed = await database.WriteAsync(
            Durability.Synced,
            session => session.ExecuteAsync(
                "UPDATE principals SET disabled_at = @now WHERE id = @id AND disabled_at IS NULL", ("@id", ownerOf.PrincipalId), ("@now", now)),
            cancellationToken);
        Invalidate();
        if (changed > 0) logger.PrincipalDisabled(ownerOf.Principal.Arn);
        return changed > 0;
    }

    private void Invalidate() => version.Bump();

    // The key id is the box's context: a secret copied to another row does not open.
    private bool TryUnseal(string accessKeyId, byte[] sealedSecret, out string secret)
    {
        var opened = box.TryOpen(SecretPurpose, sealedSecret, Encoding.UTF8.GetBytes(accessKeyId), out var plaintext);
        secret = opened ? Encoding.UTF8.GetString(plaintext!) : "";
        return opened;
    }

    /// <summary>A principal from id, account, kind, name, unique id and path; null for kinds that have no access keys of their own.</summary>
    private static Principal? ReadPrincipal(DbDataReader row, int first)
    {
        var (id, account, name, uniqueId, path) = (row.GetInt64(first), row.GetString(first + 1), row.GetString(first + 3), row.GetString(first + 4), row.GetString(first + 5));
        return row.GetString(first + 2) switch
        {
            "root" => new Principal(PrincipalKind.Root, account, $"arn:aws:iam::{account}:root", uniqueId) { Id = id, Name = name },
            "user" => new Principal(PrincipalKind.User, account, $"arn:aws:iam::{account}:user{path}{name}", uniqueId) { Id = id, Name = name },
            _ => null,
        };
    }

    private sealed class Snapshot(object version)
    {
        public object Version => version;

        public ConcurrentDictionary<string, AccessKey> Keys { get; } = new(StringComparer.Ordinal);
    }

    private sealed record KeyRow(byte[] SealedSecret, long PrincipalId, Principal? Principal);

    private sealed record StoredKey(long PrincipalId, byte[] SealedSecret, bool Disabled);
}
