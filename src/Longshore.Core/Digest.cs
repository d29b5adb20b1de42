using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Longshore.Core;

/// <summary>The digest algorithms that the registry computes (OCI image specification, "registered algorithms").</summary>
public enum DigestAlgorithm
{
    /// <summary>SHA-256, 64 hexadecimal digits.</summary>
    Sha256,

    /// <summary>SHA-512, 128 hexadecimal digits.</summary>
    Sha512,
}

/// <summary>A content digest, <c>sha256:…</c> or <c>sha512:…</c> in lower-case hexadecimal.</summary>
public readonly record struct Digest
{
    private const string Sha256Prefix = "sha256:";
    private const string Sha512Prefix = "sha512:";

    private Digest(string value) => Value = value;

    /// <summary>The digest as text, algorithm included.</summary>
    public string Value { get; }

    /// <summary>The algorithm.</summary>
    public DigestAlgorithm Algorithm => Value.Length == Sha256Prefix.Length + 64 ? DigestAlgorithm.Sha256 : DigestAlgorithm.Sha512;

    /// <summary>The hexadecimal part.</summary>
    public ReadOnlySpan<char> Hex => Value.AsSpan(Sha256Prefix.Length);

    /// <summary>Parses a digest of a supported algorithm; upper-case hexadecimal is refused, as the image specification has it.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        if (text is null) return false;
        var expected = text.StartsWith(Sha256Prefix, StringComparison.Ordinal) ? 64
            : text.StartsWith(Sha512Prefix, StringComparison.Ordinal) ? 128 : -1;
        if (expected < 0 || text.Length != Sha256Prefix.Length + expected) return false;
        foreach (var c in text.AsSpan(Sha256Prefix.Length))
            if (!char.IsAsciiHexDigitLower(c)) return false;
        digest = new Digest(text);
        return true;
    }

    /// <summary>The digest of bytes in memory.</summary>
    public static Digest Compute(ReadOnlySpan<byte> bytes, DigestAlgorithm algorithm = DigestAlgorithm.Sha256) =>
        FromHash(algorithm, algorithm == DigestAlgorithm.Sha256 ? SHA256.HashData(bytes) : SHA512.HashData(bytes));

    /// <summary>Makes a digest of a finished hash. Throws when the length is not that of the algorithm.</summary>
    public static Digest FromHash(DigestAlgorithm algorithm, ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, algorithm == DigestAlgorithm.Sha256 ? 32 : 64);
        return new Digest((algorithm == DigestAlgorithm.Sha256 ? Sha256Prefix : Sha512Prefix) + Convert.ToHexStringLower(hash));
    }

    /// <inheritdoc/>
    public override string ToString() => Value;
}
