using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Longshore.Server.Access;

/// <summary>
/// The keys of a key file, which wrap the server keys in the database with AES-256-GCM. Stored form, which outlives releases:
/// <c>version (1 byte, 1) | key of the file (4 bytes, big-endian) | nonce (12) | ciphertext | tag (16)</c>; the row's name is authenticated.
/// </summary>
/// <param name="keys">By number; 32 bytes each, at least one.</param>
internal sealed class SealingKeys(IReadOnlyDictionary<uint, byte[]> keys)
{
    /// <summary>Length of a key, in bytes.</summary>
    public const int KeyBytes = 32;

    private const byte Version = 1;
    private const int NonceStart = 5;
    private const int NonceBytes = 12;
    private const int BodyStart = NonceStart + NonceBytes;
    private const int TagBytes = 16;

    /// <summary>All keys, by number.</summary>
    public IReadOnlyDictionary<uint, byte[]> Keys => keys;

    /// <summary>The number of the key that wraps.</summary>
    public uint Newest { get; } = keys.Keys.Max();

    /// <summary>The number of the key that wrapped a stored value; null for a bare key, as releases before key files stored them.</summary>
    public static uint? WrappedBy(byte[] stored) =>
        stored.Length == BodyStart + KeyBytes + TagBytes && stored[0] == Version ? BinaryPrimitives.ReadUInt32BigEndian(stored.AsSpan(1)) : null;

    /// <summary>Wraps a server key under the newest key.</summary>
    /// <param name="name">The name of its row.</param>
    /// <param name="serverKey">32 bytes.</param>
    public byte[] Wrap(string name, byte[] serverKey)
    {
        var stored = new byte[BodyStart + KeyBytes + TagBytes];
        stored[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(stored.AsSpan(1), Newest);
        RandomNumberGenerator.Fill(stored.AsSpan(NonceStart, NonceBytes));
        using var aes = new AesGcm(keys[Newest], TagBytes);
        aes.Encrypt(stored.AsSpan(NonceStart, NonceBytes), serverKey, stored.AsSpan(BodyStart, KeyBytes), stored.AsSpan(^TagBytes..), Encoding.UTF8.GetBytes(name));
        return stored;
    }

    /// <summary>The server key in a wrapped value; null when no key here opens it.</summary>
    public byte[]? Unwrap(string name, byte[] stored)
    {
        if (WrappedBy(stored) is not { } number || !keys.TryGetValue(number, out var key)) return null;
        var opened = new byte[KeyBytes];
        using var aes = new AesGcm(key, TagBytes);
        try
        {
            aes.Decrypt(stored.AsSpan(NonceStart, NonceBytes), stored.AsSpan(BodyStart, KeyBytes), stored.AsSpan(^TagBytes..), opened, Encoding.UTF8.GetBytes(name));
            return opened;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <summary>These keys and one more, which is the newest.</summary>
    public SealingKeys WithNewKey() => new(new Dictionary<uint, byte[]>(keys) { [Newest + 1] = RandomNumberGenerator.GetBytes(KeyBytes) });

    /// <summary>The newest key alone.</summary>
    public SealingKeys NewestAlone() => new(new Dictionary<uint, byte[]> { [Newest] = keys[Newest] });

    /// <summary>A first key.</summary>
    public static SealingKeys Generate() => new(new Dictionary<uint, byte[]> { [1] = RandomNumberGenerator.GetBytes(KeyBytes) });
}
