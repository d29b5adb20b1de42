using System.Security.Cryptography;

namespace Longshore.TestSupport.Oci;

/// <summary>The two digest algorithms of the OCI image specification.</summary>
public enum DigestAlgorithm
{
    Sha256,
    Sha512,
}

/// <summary>Digests as strings, independent of the product's own digest type.</summary>
public static class DigestAlgorithms
{
    /// <summary><c>algorithm:lower-case hex</c> of <paramref name="content"/>.</summary>
    public static string Compute(this DigestAlgorithm algorithm, ReadOnlySpan<byte> content) => algorithm switch
    {
        DigestAlgorithm.Sha512 => "sha512:" + Convert.ToHexStringLower(SHA512.HashData(content)),
        _ => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content)),
    };
}
