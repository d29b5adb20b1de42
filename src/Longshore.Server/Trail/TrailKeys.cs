using System.Security.Cryptography;
using Longshore.Server.Access;

namespace Longshore.Server.Trail;

/// <summary>Authenticates seals, marks and anchors with keys that the server keys give: who can write files but has no key cannot make one.</summary>
internal sealed class TrailKeys(ServerKeys keys)
{
    /// <summary>The number of the key to seal with.</summary>
    public uint CurrentId => keys.CurrentId;

    /// <summary>The authenticator of a text; null when there is no key of that number.</summary>
    public string? Mac(uint keyId, string text)
    {
        Span<byte> key = stackalloc byte[32];
        if (!keys.TryDerive(keyId, ServerKeys.TrailPurpose, [], key)) return null;
        Span<byte> mac = stackalloc byte[TrailLine.HashSize];
        HMACSHA256.HashData(key, System.Text.Encoding.UTF8.GetBytes(text), mac);
        CryptographicOperations.ZeroMemory(key);
        return TrailLine.Text(mac);
    }

    /// <summary>Whether a text carries the right authenticator.</summary>
    public bool Verify(uint keyId, string text, string? mac) =>
        mac is not null && Mac(keyId, text) is { } right
        && CryptographicOperations.FixedTimeEquals(System.Text.Encoding.ASCII.GetBytes(right), System.Text.Encoding.UTF8.GetBytes(mac));
}
