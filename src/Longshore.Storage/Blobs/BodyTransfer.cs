using System.Buffers;
using System.Security.Cryptography;
using Longshore.Core;

namespace Longshore.Storage.Blobs;

/// <summary>Copies a body from one store to another, hashing it on its way.</summary>
public static class BodyTransfer
{
    private const int CopyBuffer = 1 << 20;

    // What a medium answers that has lost the bytes.
    private const int InputOutputError = 5;

    /// <summary>Copies it. Durable when it returns; nothing is left of a copy that did not come to its end.</summary>
    /// <param name="from">The body.</param>
    /// <param name="to">The store that it goes to.</param>
    /// <param name="key">The key of the upload by which it goes there.</param>
    /// <param name="digest">What the bytes must have.</param>
    /// <param name="generation">Which of the bodies with this digest the copy is.</param>
    /// <param name="cancellationToken">Ends it between two pieces.</param>
    /// <returns>Where the copy is; null when the bytes cannot be read, or do not have the digest.</returns>
    public static async ValueTask<string?> CopyAsync(IBlobReader from, IBlobStore to, string key, Digest digest, long generation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        string? place = null;
        try
        {
            using var hash = IncrementalHash.CreateHash(digest.Algorithm == DigestAlgorithm.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512);
            await using (var writer = await to.OpenUploadAsync(key, 0, hash.AppendData, cancellationToken))
            {
                if (!await FillAsync(from, writer, cancellationToken)) return null;
                await writer.CompleteAsync(cancellationToken);
            }

            if (Digest.FromHash(digest.Algorithm, hash.GetHashAndReset()) != digest) return null;
            return place = await to.PublishAsync(key, digest, generation, cancellationToken);
        }
        finally
        {
            if (place is null) await to.DeleteUploadAsync(key, CancellationToken.None);
        }
    }

    private static async ValueTask<bool> FillAsync(IBlobReader from, IBlobWriter writer, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBuffer);
        try
        {
            for (var position = 0L; position < from.Length;)
            {
                int read;
                try
                {
                    read = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(CopyBuffer, from.Length - position)), position, cancellationToken);
                }
                catch (IOException e) when (e.HResult == InputOutputError)
                {
                    // One bad sector must not keep all other bodies from being copied.
                    return false;
                }

                if (read == 0) break;
                await writer.WriteAsync(new ReadOnlySequence<byte>(buffer, 0, read), cancellationToken);
                position += read;
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
