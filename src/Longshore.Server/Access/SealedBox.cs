using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Longshore.Server.Access;

/// <summary>
/// Seals bytes with AES-256-GCM under the server keys. Stored form, which outlives releases:
/// <c>version (1 byte, 1) | server key (4 bytes, big-endian) | salt (16) | nonce (12) | ciphertext | tag (16)</c>.
/// Each box has a key of its own, derived with its salt, so the number of boxes is not bounded by GCM's random nonces.
/// </summary>
internal sealed class SealedBox(ServerKeys keys)
{
    private const byte Version = 1;
    private const int SaltStart = 5;
    private const int SaltBytes = 16;
    private const int NonceStart = SaltStart + SaltBytes;
    private const int NonceBytes = 12;
    private const int BodyStart = NonceStart + NonceBytes;
    private const int TagBytes = 16;

    /// <summary>How many bytes a box is longer than what it holds.</summary>
    public const int Overhead = BodyStart + TagBytes;

    /// <summary>The number of the server key that a box was sealed with; null when it is no box.</summary>
    public static uint? KeyOf(ReadOnlySpan<byte> box) =>
        box.Length >= Overhead && box[0] == Version ? BinaryPrimitives.ReadUInt32BigEndian(box[1..]) : null;

    /// <summary>Seals bytes for a purpose; only the same purpose and context open them.</summary>
    /// <param name="purpose">What the box is for; ASCII.</param>
    /// <param name="plaintext">What to seal.</param>
    /// <param name="context">What the box belongs to, such as the row's key: authenticated, not stored.</param>
    public byte[] Seal(string purpose, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> context)
    {
        var box = new byte[plaintext.Length + Overhead];
        box[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(box.AsSpan(1), keys.CurrentId);
        RandomNumberGenerator.Fill(box.AsSpan(SaltStart, SaltBytes + NonceBytes));
        Span<byte> key = stackalloc byte[32];
        if (!keys.TryDerive(keys.CurrentId, purpose, box.AsSpan(SaltStart, SaltBytes), key))
            throw new InvalidOperationException("The current server key is missing.");
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(box.AsSpan(NonceStart, NonceBytes), plaintext, box.AsSpan(BodyStart, plaintext.Length), box.AsSpan(^TagBytes..), context);
        return box;
    }

    /// <summary>Opens a box; false when it is malformed, tampered with, for something else, or sealed by an unknown key.</summary>
    public bool TryOpen(string purpose, ReadOnlySpan<byte> box, ReadOnlySpan<byte> context, [NotNullWhen(true)] out byte[]? plaintext)
    {
        plaintext = null;
        if (box.Length < Overhead || box[0] != Version) return false;
        Span<byte> key = stackalloc byte[32];
        if (!keys.TryDerive(BinaryPrimitives.ReadUInt32BigEndian(box[1..]), purpose, box.Slice(SaltStart, SaltBytes), key)) return false;
        var opened = new byte[box.Length - Overhead];
        using var aes = new AesGcm(key, TagBytes);
        try
        {
            aes.Decrypt(box.Slice(NonceStart, NonceBytes), box[BodyStart..^TagBytes], box[^TagBytes..], opened, context);
        }
        catch (AuthenticationTagMismatchException)
        {
            // The only way that AesGcm tells a forged box.
            return false;
        }

        plaintext = opened;
        return true;
    }
}
