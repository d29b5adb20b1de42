using System.Collections.Concurrent;
using System.Security.Cryptography;
using Longshore.Core;

namespace Longshore.Server.Content;

/// <summary>
/// Which uploads a request is writing to at this moment, and how far their content has been hashed. Lives in memory:
/// after a restart the stored bytes are read again, so losing it costs time and nothing else.
/// </summary>
/// <remarks>
/// A claim keeps two requests of this process off one body. Requests on other nodes are kept off by the compare-and-set
/// on the upload's row.
/// </remarks>
internal sealed class UploadClaims
{
    /// <summary>Hash states kept at the most; an upload beyond that is hashed again at its end.</summary>
    private const int MaxKept = 10_000;

    private readonly ConcurrentDictionary<string, bool> claimed = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RunningHash> hashes = new(StringComparer.Ordinal);

    /// <summary>Claims an upload, or gives null when another request has it. Dispose to release.</summary>
    public Claim? TryClaim(string uploadId) => claimed.TryAdd(uploadId, true) ? new Claim(this, uploadId) : null;

    /// <summary>Forgets the hash of an upload that ended elsewhere (expiry).</summary>
    public void Forget(string uploadId)
    {
        if (hashes.TryRemove(uploadId, out var hash)) hash.Dispose();
    }

    /// <summary>One request's hold on an upload.</summary>
    internal sealed class Claim(UploadClaims owner, string uploadId) : IDisposable
    {
        /// <summary>Takes the running hash when it stands at this position in this algorithm; else null, and what there was is gone.</summary>
        public RunningHash? TakeHash(DigestAlgorithm? algorithm, long position)
        {
            if (!owner.hashes.TryRemove(uploadId, out var hash)) return null;
            if (hash.Length == position && (algorithm is null || hash.Algorithm == algorithm)) return hash;
            hash.Dispose();
            return null;
        }

        /// <summary>Keeps a hash for the request that goes on with this upload.</summary>
        public void KeepHash(RunningHash hash)
        {
            if (owner.hashes.Count >= MaxKept || !owner.hashes.TryAdd(uploadId, hash)) hash.Dispose();
        }

        public void Dispose() => owner.claimed.TryRemove(uploadId, out _);
    }
}

/// <summary>A hash under way and how many bytes went into it.</summary>
internal sealed class RunningHash(DigestAlgorithm algorithm) : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(algorithm == DigestAlgorithm.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512);

    /// <summary>What is computed.</summary>
    public DigestAlgorithm Algorithm => algorithm;

    /// <summary>Bytes hashed so far.</summary>
    public long Length { get; private set; }

    /// <summary>Takes in more bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(bytes);
        Length += bytes.Length;
    }

    /// <summary>The digest of everything appended; the hash begins anew.</summary>
    public Digest Finish()
    {
        Span<byte> bytes = stackalloc byte[64];
        var written = hash.GetHashAndReset(bytes);
        Length = 0;
        return Digest.FromHash(algorithm, bytes[..written]);
    }

    public void Dispose() => hash.Dispose();
}
