using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Longshore.Server.Access;

/// <summary>
/// Compares credentials in a time that depends on their length alone; their hash is seeded per process. So nothing is learnt from how long
/// a look-up takes. (The platform's own comparer stops at the first difference, and its dictionaries do not seed their hash.)
/// </summary>
internal sealed class SecretComparer : IEqualityComparer<string>
{
    /// <summary>The only one.</summary>
    public static SecretComparer Instance { get; } = new();

    /// <inheritdoc/>
    public bool Equals(string? x, string? y) =>
        CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(x.AsSpan()), MemoryMarshal.AsBytes(y.AsSpan()));

    /// <inheritdoc/>
    public int GetHashCode(string secret) => secret.GetHashCode(StringComparison.Ordinal);
}
