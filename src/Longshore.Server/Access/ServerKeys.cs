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
    private const string Prefix = "access.server-key.";
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

    /// <summary>Adds a key and makes it the current one. What older keys sealed and signed stays good.</summary>
    /// <returns>Null, or what is wrong with the key file.</returns>
    public async ValueTask<RegistryError?> RotateAsync(CancellationToken cancellationToken) =>
        file.Read().TryGet(out var sealing, out var error) ? await UpdateAsync(sealing, static _ => true, rewrap: true, cancellationToken) : error;

    /// <summary>Wraps all keys by the newest key of the file.</summary>
    /// <returns>Null, or what is wrong with the key file.</returns>
    public async ValueTask<RegistryError?> RewrapAsync(CancellationToken cancellationToken) =>
        file.Read().TryGet(out var sealing, out var error) ? await UpdateAsync(sealing, static _ => false, rewrap: true, cancellationToken) : error;

    /// <summary>Removes all keys but the current one: what they sealed and signed opens no more.</summary>
    /// <returns>How many went.</returns>
    public async ValueTask<int> RetireAsync(CancellationToken cancellationToken)
    {
        var current = CurrentId;
        var retired = Ids.Where(id => id != current).ToList();
        await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                foreach (var id in retired) await session.ExecuteAsync("DELETE FROM settings WHERE name = @name", ("@name", NameOf(id)));
                return 0;
            },
            cancellationToken);
        ring = Loaded.CurrentAlone();
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
        if (!Loaded.TryGet(keyId, out var key)) return false;
        Span<byte> input = stackalloc byte[256];
        var length = Encoding.ASCII.GetBytes(purpose, input);
        input[length++] = 0;
        salt.CopyTo(input[length..]);
        HMACSHA256.HashData(key, input[..(length + salt.Length)], derived);
        return true;
    }

    private static string NameOf(uint id) => Prefix + id.ToString(CultureInfo.InvariantCulture);

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
        var (keys, added, wrapped, error) = await database.WriteAsync<(Dictionary<uint, byte[]>?, uint, int, RegistryError?)>(
            Durability.Synced,
            async session =>
            {
                var found = new Dictionary<uint, byte[]>();
                var wrapped = 0;
                foreach (var (id, stored) in await ReadRowsAsync(session))
                {
                    var by = SealingKeys.WrappedBy(stored);
                    var key = by is null && stored.Length == SealingKeys.KeyBytes ? stored : sealing.Unwrap(NameOf(id), stored);
                    if (key is null) return (null, 0, 0, Mismatch(sealing, by));
                    found.Add(id, key);
                    if (by is null || (rewrap && by != sealing.Newest))
                    {
                        await session.ExecuteAsync("UPDATE settings SET value = @value WHERE name = @name", ("@name", NameOf(id)), ("@value", sealing.Wrap(NameOf(id), key)));
                        wrapped++;
                    }
                }

                var highest = found.Count == 0 ? 0 : found.Keys.Max();
                if (!add(highest)) return (found, 0, wrapped, null);
                var name = NameOf(highest + 1);
                await session.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", ("@name", name), ("@value", sealing.Wrap(name, fresh)));
                found.Add(highest + 1, fresh);
                return (found, highest + 1, wrapped, null);
            },
            cancellationToken);
        if (error is not null) return error;
        ring = new Ring(keys!.Keys.Max(), keys);
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
    private static ValueTask<List<(uint Id, byte[] Value)>> ReadRowsAsync(DbSession session) => session.QueryAsync(
        "SELECT name, value FROM settings WHERE name LIKE @pattern",
        static row => (uint.Parse(row.GetString(0).AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture), row.GetBytes(1)),
        ("@pattern", Prefix + "%"));

    private sealed class Ring(uint currentId, Dictionary<uint, byte[]> keys)
    {
        public uint CurrentId => currentId;

        public IEnumerable<uint> Ids => keys.Keys;

        public bool TryGet(uint id, [NotNullWhen(true)] out byte[]? key) => keys.TryGetValue(id, out key);

        public Ring CurrentAlone() => new(currentId, new Dictionary<uint, byte[]> { [currentId] = keys[currentId] });
    }
}
