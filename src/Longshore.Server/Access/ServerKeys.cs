using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>
/// The keys that seal secrets and tokens and sign download URLs, kept in the table <c>settings</c> so that all servers of
/// one database share them: rows <c>access.server-key.N</c>, 32 random bytes each, wrapped by a key of the key file
/// (<see cref="SealingKeys"/>). The highest number is the current key; the others stay, to open what they sealed.
/// </summary>
internal sealed class ServerKeys(IDatabase database, KeyFile file, ILogger<ServerKeys> logger)
{
    /// <summary>
    /// The purpose of keys that seal the trail. What they sealed must be verifiable for as long as it is kept, so those keys, which open nothing,
    /// outlive the server key that they were derived from.
    /// </summary>
    public const string TrailPurpose = "longshore trail seal";

    private const string Prefix = "access.server-key.";
    private const string TrailPrefix = "access.trail-key.";
    private volatile Ring? ring;

    /// <summary>The number of the key to seal and sign with.</summary>
    public uint CurrentId => Loaded.CurrentId;

    /// <summary>The numbers of all keys.</summary>
    public IEnumerable<uint> Ids => Loaded.Ids;

    private Ring Loaded => ring ?? throw new InvalidOperationException("The server keys are not loaded yet.");

    /// <summary>
    /// Reads the keys, creating the first one when there is none, and wrapping those that an older release left bare. Idempotent; must
    /// complete before the server takes requests.
    /// </summary>
    /// <returns>Null, or why not: the key file is missing and the database has keys that it wrapped, or it is the wrong one, or unsafe.</returns>
    public async ValueTask<RegistryError?> LoadAsync(CancellationToken cancellationToken)
    {
        if (ring is not null) return null;
        if (!(await OpenFileAsync(cancellationToken)).TryGet(out var sealing, out var error)) return error;
        return await UpdateAsync(sealing, static highest => highest == 0, rewrap: false, cancellationToken);
    }

    /// <summary>Reads the keys and changes nothing: for commands that look at a data directory, also beside a running server.</summary>
    /// <returns>Null, or why not: the key file is missing, the wrong one, or unsafe; or there are no keys.</returns>
    public async ValueTask<RegistryError?> ReadAsync(CancellationToken cancellationToken)
    {
        var stored = await database.ReadAsync(ReadRowsAsync, cancellationToken);
        if (stored.Count == 0) return new RegistryError(ErrorCode.InvalidParameter, "The database has no server keys: no server was ever started on it.");
        if (!file.Read().TryGet(out var sealing, out var error)) return error;
        var (keys, trail) = (new Dictionary<uint, byte[]>(), new Dictionary<uint, byte[]>());
        foreach (var (name, value) in stored)
        {
            var by = SealingKeys.WrappedBy(value);
            var key = by is null && value.Length == SealingKeys.KeyBytes ? value : sealing.Unwrap(name, value);
            if (key is null) return Mismatch(sealing, by);
            var isTrail = name.StartsWith(TrailPrefix, StringComparison.Ordinal);
            (isTrail ? trail : keys).Add(uint.Parse(name.AsSpan((isTrail ? TrailPrefix : Prefix).Length), NumberStyles.None, CultureInfo.InvariantCulture), key);
        }

        ring = new Ring(keys.Keys.Max(), keys, trail);
        return null;
    }

    /// <summary>Adds a key and makes it the current one. What older keys sealed and signed stays good.</summary>
    /// <returns>Null, or what is wrong with the key file.</returns>
    public async ValueTask<RegistryError?> RotateAsync(CancellationToken cancellationToken) =>
        file.Read().TryGet(out var sealing, out var error) ? await UpdateAsync(sealing, static _ => true, rewrap: true, cancellationToken) : error;

    /// <summary>Wraps all keys by the newest key of the file.</summary>
    /// <returns>Null, or what is wrong with the key file.</returns>
    public async ValueTask<RegistryError?> RewrapAsync(CancellationToken cancellationToken) =>
        file.Read().TryGet(out var sealing, out var error) ? await UpdateAsync(sealing, static _ => false, rewrap: true, cancellationToken) : error;

    /// <summary>
    /// For a database whose key file is lost: removes the keys that no key of the file opens, and what they sealed with them, and adds a new one.
    /// Makes the file when there is none.
    /// </summary>
    /// <returns>How many went; an error that the key file has.</returns>
    public async ValueTask<Outcome<int>> ReplaceLostAsync(CancellationToken cancellationToken)
    {
        if (!(file.Exists ? file.Read() : file.Create()).TryGet(out var sealing, out var error)) return error;
        var fresh = RandomNumberGenerator.GetBytes(SealingKeys.KeyBytes);
        var lost = await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var (lost, highest) = (0, 0u);
                foreach (var (name, stored) in await ReadRowsAsync(session))
                {
                    if (name.StartsWith(Prefix, StringComparison.Ordinal))
                        highest = Math.Max(highest, uint.Parse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture));
                    if (SealingKeys.WrappedBy(stored) is null || sealing.Unwrap(name, stored) is not null) continue;
                    await session.ExecuteAsync("DELETE FROM settings WHERE name = @name", ("@name", name));
                    lost++;
                }

                if (lost == 0) return 0;
                // A number that was never in use: what the lost keys sealed is told from what the new one seals.
                var added = NameOf(Prefix, highest + 1);
                await session.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", ("@name", added), ("@value", sealing.Wrap(added, fresh)));
                return lost;
            },
            cancellationToken);
        return await LoadAsync(cancellationToken) is { } wrong ? wrong : lost;
    }

    /// <summary>
    /// Removes all keys but the current one: what they sealed and signed opens no more. Only the keys of the trail that were derived from them stay.
    /// </summary>
    /// <returns>How many went; an error that the key file has.</returns>
    public async ValueTask<Outcome<int>> RetireAsync(CancellationToken cancellationToken)
    {
        if (!file.Read().TryGet(out var sealing, out var error)) return error;
        var current = CurrentId;
        var retired = Ids.Where(id => id != current).ToList();
        var trail = new Dictionary<uint, byte[]>();
        foreach (var id in retired)
        {
            var key = new byte[SealingKeys.KeyBytes];
            TryDerive(id, TrailPurpose, [], key);
            trail.Add(id, key);
        }

        await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                foreach (var id in retired)
                {
                    var name = NameOf(TrailPrefix, id);
                    await session.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", ("@name", name), ("@value", sealing.Wrap(name, trail[id])));
                    await session.ExecuteAsync("DELETE FROM settings WHERE name = @name", ("@name", NameOf(Prefix, id)));
                }

                return 0;
            },
            cancellationToken);
        ring = Loaded.Retire(trail);
        return retired.Count;
    }

    /// <summary>
    /// A key for one purpose and salt, derived from a server key (HMAC-SHA-256 as the PRF): uses can neither be swapped nor
    /// wear out each other's nonces. False when there is no server key of that number.
    /// </summary>
    /// <param name="keyId">The server key's number.</param>
    /// <param name="purpose">What the derived key is for; ASCII.</param>
    /// <param name="salt">Sets apart uses of one purpose; may be empty.</param>
    /// <param name="derived">Takes 32 bytes.</param>
    public bool TryDerive(uint keyId, string purpose, ReadOnlySpan<byte> salt, Span<byte> derived)
    {
        if (!Loaded.TryGet(keyId, out var key))
        {
            if (purpose != TrailPurpose || !salt.IsEmpty || !Loaded.TryGetTrail(keyId, out key)) return false;
            key.CopyTo(derived);
            return true;
        }

        Span<byte> input = stackalloc byte[256];
        var length = Encoding.ASCII.GetBytes(purpose, input);
        input[length++] = 0;
        salt.CopyTo(input[length..]);
        HMACSHA256.HashData(key, input[..(length + salt.Length)], derived);
        return true;
    }

    private static string NameOf(string prefix, uint id) => prefix + id.ToString(CultureInfo.InvariantCulture);

    // A new file is made only for a database that no file has sealed yet: over any other one it would hide that the right file is lost.
    private async ValueTask<Outcome<SealingKeys>> OpenFileAsync(CancellationToken cancellationToken)
    {
        if (file.Exists) return file.Read();
        var stored = await database.ReadAsync(ReadRowsAsync, cancellationToken);
        var needed = stored.Select(static row => SealingKeys.WrappedBy(row.Value)).OfType<uint>().Distinct().Order().ToList();
        if (needed.Count > 0)
        {
            return file.Refuse(
                $"is missing, and the secrets of this database open with it alone (key {string.Join(", ", needed)}): restore the file, or name it with --key-file");
        }

        var made = file.Create();
        if (made.Succeeded) logger.KeyFileCreated(file.Path);
        return made;
    }

    private async ValueTask<RegistryError?> UpdateAsync(SealingKeys sealing, Func<uint, bool> add, bool rewrap, CancellationToken cancellationToken)
    {
        var fresh = RandomNumberGenerator.GetBytes(SealingKeys.KeyBytes);
        // Reading and adding are one transaction: of two first starts, one makes the key and both use it.
        var (made, added, wrapped, error) = await database.WriteAsync<(Ring?, uint, int, RegistryError?)>(
            Durability.Synced,
            async session =>
            {
                var (keys, trail, wrapped) = (new Dictionary<uint, byte[]>(), new Dictionary<uint, byte[]>(), 0);
                foreach (var (name, stored) in await ReadRowsAsync(session))
                {
                    var by = SealingKeys.WrappedBy(stored);
                    var key = by is null && stored.Length == SealingKeys.KeyBytes ? stored : sealing.Unwrap(name, stored);
                    if (key is null) return (null, 0, 0, Mismatch(sealing, by));
                    var isTrail = name.StartsWith(TrailPrefix, StringComparison.Ordinal);
                    var id = uint.Parse(name.AsSpan((isTrail ? TrailPrefix : Prefix).Length), NumberStyles.None, CultureInfo.InvariantCulture);
                    (isTrail ? trail : keys).Add(id, key);
                    if (by is not null && (!rewrap || by == sealing.Newest)) continue;
                    await session.ExecuteAsync("UPDATE settings SET value = @value WHERE name = @name", ("@name", name), ("@value", sealing.Wrap(name, key)));
                    wrapped++;
                }

                var highest = keys.Count == 0 ? 0 : keys.Keys.Max();
                if (!add(highest)) return (new Ring(highest, keys, trail), 0, wrapped, null);
                var added = NameOf(Prefix, highest + 1);
                await session.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", ("@name", added), ("@value", sealing.Wrap(added, fresh)));
                keys.Add(highest + 1, fresh);
                return (new Ring(highest + 1, keys, trail), highest + 1, wrapped, null);
            },
            cancellationToken);
        if (error is not null) return error;
        ring = made;
        if (wrapped > 0) logger.ServerKeysWrapped(wrapped, sealing.Newest, file.Path);
        if (added != 0) logger.ServerKeyCreated(added);
        return null;
    }

    private RegistryError Mismatch(SealingKeys sealing, uint? wrappedBy) => file.Refuse(wrappedBy switch
    {
        { } number when !sealing.Keys.ContainsKey(number) => $"has no key {number}, which the secrets of this database are sealed with: it is an older copy, or of another database",
        { } number => $"does not open the secrets of this database: its key {number} is of another database. All servers of one database need the same file",
        null => "is good, but a server key in the database is damaged: restore the database",
    });

    // Bounded by the number of rotations.
    private static ValueTask<List<(string Name, byte[] Value)>> ReadRowsAsync(DbSession session) => session.QueryAsync(
        "SELECT name, value FROM settings WHERE name LIKE @keys OR name LIKE @trail",
        static row => (row.GetString(0), row.GetBytes(1)),
        ("@keys", Prefix + "%"), ("@trail", TrailPrefix + "%"));

    private sealed class Ring(uint currentId, Dictionary<uint, byte[]> keys, Dictionary<uint, byte[]> trail)
    {
        public uint CurrentId => currentId;

        public IEnumerable<uint> Ids => keys.Keys;

        public bool TryGet(uint id, [NotNullWhen(true)] out byte[]? key) => keys.TryGetValue(id, out key);

        public bool TryGetTrail(uint id, [NotNullWhen(true)] out byte[]? key) => trail.TryGetValue(id, out key);

        public Ring Retire(Dictionary<uint, byte[]> retired) =>
            new(currentId, new Dictionary<uint, byte[]> { [currentId] = keys[currentId] }, trail.Concat(retired).ToDictionary());
    }
}
