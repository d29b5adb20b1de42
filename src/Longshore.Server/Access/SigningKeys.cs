using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Longshore.Server.Access;

/// <summary>
/// Derived signing keys of Signature Version 4, kept because a client signs all its requests of a day with the same one.
/// Only keys whose signature was verified are kept, so strangers cannot fill the cache; at the bound it starts afresh.
/// </summary>
internal sealed class SigningKeys
{
    /// <summary>Most keys kept: about 1 MiB.</summary>
    public const int Capacity = 4096;

    // The secret is part of the key: a changed secret must not find what the old one derived.
    private readonly ConcurrentDictionary<(string Secret, SignatureV4Credential Credential), byte[]> verified = new();

    /// <summary>The key for a credential: kept, or derived now.</summary>
    public byte[] Get(string secret, SignatureV4Credential credential) =>
        verified.TryGetValue((secret, credential), out var key) ? key : Derive(secret, credential);

    /// <summary>Keeps a key that has proved itself.</summary>
    public void Keep(string secret, SignatureV4Credential credential, byte[] key)
    {
        if (verified.ContainsKey((secret, credential))) return;
        if (verified.Count >= Capacity) verified.Clear();
        verified[(secret, credential)] = key;
    }

    /// <summary>The key derivation (AWS IAM User Guide, "Create a signed AWS API request", step 3).</summary>
    public static byte[] Derive(string secret, SignatureV4Credential credential)
    {
        var key = HMACSHA256.HashData(Encoding.UTF8.GetBytes("AWS4" + secret), Encoding.UTF8.GetBytes(credential.Date));
        key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(credential.Region));
        key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(credential.Service));
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(SignatureV4Credential.Terminator));
    }
}
