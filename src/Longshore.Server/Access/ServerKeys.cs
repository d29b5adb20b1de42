using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>
/// The keys that seal secrets and tokens and sign download URLs, kept in the table <c>settings</c> so that all servers of
/// one database share them: rows <c>access.server-key.N</c>, 32 random bytes each. The highest number is the current key;
/// the others stay, to open what they sealed.
/// </summary>
internal sealed class ServerKeys(IDatabase database, ILogger<ServerKeys> logger)
{
    private const string Prefix = "access.server-key.";
    private const int KeyBytes = 32;
    private volatile Ring? ring;

    /// <summary>The number of the key to seal and sign with.</summary>
    public uint CurrentId => Loaded.CurrentId;

    private Ring Loaded => ring ?? throw new InvalidOperationException("The server keys are not loaded yet.");

    /// <summary>Reads the keys, creating the first one when there is none. Idempotent; must complete before the server takes requests.</summary>
    public async ValueTask EnsureLoadedAsync(CancellationToken cancellationToken)
    {
        if (ring is null) await AddWhenAsync(static highest => highest == 0, cancellationToken);
    }

    /// <summary>Adds a key and makes it the current one. What older keys sealed and signed stays good.</summary>
    public ValueTask RotateAsync(CancellationToken cancellationToken) => AddWhenAsync(static _ => true, cancellationToken);

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

    private async ValueTask AddWhenAsync(Func<uint, bool> wanted, CancellationToken cancellationToken)
    {
        var fresh = RandomNumberGenerator.GetBytes(KeyBytes);
        // Reading and adding are one transaction: of two first starts, one makes the key and both use it.
        var (keys, added) = await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                // Bounded by the number of rotations.
                var rows = await session.QueryAsync(
                    "SELECT name, value FROM settings WHERE name LIKE @pattern",
                    static row => (Id: uint.Parse(row.GetString(0).AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture), Key: row.GetBytes(1)),
                    ("@pattern", Prefix + "%"));
                var found = rows.ToDictionary(row => row.Id, row => row.Key);
                var highest = found.Count == 0 ? 0 : found.Keys.Max();
                if (!wanted(highest)) return (found, 0u);
                await session.ExecuteAsync(
                    "INSERT INTO settings (name, value) VALUES (@name, @value)",
                    ("@name", Prefix + (highest + 1).ToString(CultureInfo.InvariantCulture)),
                    ("@value", fresh));
                found.Add(highest + 1, fresh);
                return (found, highest + 1);
            },
            cancellationToken);
        ring = new Ring(keys.Keys.Max(), keys);
        if (added != 0) logger.ServerKeyCreated(added);
    }

    private sealed class Ring(uint currentId, Dictionary<uint, byte[]> keys)
    {
        public uint CurrentId => currentId;

        public bool TryGet(uint id, [NotNullWhen(true)] out byte[]? key) => keys.TryGetValue(id, out key);
    }
}
