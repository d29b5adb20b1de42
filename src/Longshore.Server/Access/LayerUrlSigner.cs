using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>What a download URL gives access to.</summary>
/// <param name="Registry">The registry.</param>
/// <param name="Repository">The repository.</param>
/// <param name="Digest">The layer.</param>
internal readonly record struct LayerUrl(RegistryId Registry, RepositoryName Repository, Digest Digest);

/// <summary>
/// Signs the download URLs of ECR GetDownloadUrlForLayer, which work without credentials until they expire:
/// <c>/longshore/v1/layers/ACCOUNT/REGION/NAME@DIGEST?expires=UNIX&amp;key=N&amp;signature=…</c>. HMAC-SHA-256 under a server
/// key; good for one layer of one repository.
/// </summary>
internal sealed class LayerUrlSigner(ServerKeys keys, TimeProvider time)
{
    /// <summary>The path that all of them start with; what follows is the resource.</summary>
    public const string PathPrefix = "/longshore/v1/layers/";

    /// <summary>How long a URL is good: one hour, as ECR's.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private const string Purpose = "longshore layer url";

    /// <summary>Path and query of a URL that is good for <see cref="Lifetime"/>.</summary>
    public string Sign(in LayerUrl layer)
    {
        var resource = $"{layer.Registry.Account}/{layer.Registry.Region}/{layer.Repository}@{layer.Digest}";
        var expires = (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds();
        var keyId = keys.CurrentId;
        Span<byte> signature = stackalloc byte[32];
        if (!TryCompute(keyId, resource, expires, signature)) throw new InvalidOperationException("The current server key is missing.");
        return string.Create(CultureInfo.InvariantCulture, $"{PathPrefix}{resource}?expires={expires}&key={keyId}&signature={Base64Url.EncodeToString(signature)}");
    }

    /// <summary>Checks a URL. <see cref="ErrorCode.Denied"/> when it is not one of ours, was changed, or has expired.</summary>
    /// <param name="resource">The decoded path after <see cref="PathPrefix"/>.</param>
    /// <param name="expires">The parameter <c>expires</c>.</param>
    /// <param name="key">The parameter <c>key</c>.</param>
    /// <param name="signature">The parameter <c>signature</c>.</param>
    public Outcome<LayerUrl> Verify(string resource, string? expires, string? key, string? signature)
    {
        if (!long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var until)
            || !uint.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var keyId)
            || signature is not { Length: 43 } || !Base64Url.IsValid(signature) || !TryParse(resource, out var layer))
            return Refused;

        Span<byte> expected = stackalloc byte[32];
        Span<byte> given = stackalloc byte[32];
        if (!Base64Url.TryDecodeFromChars(signature, given, out var length) || length != 32) return Refused;
        if (!TryCompute(keyId, resource, until, expected) || !CryptographicOperations.FixedTimeEquals(expected, given)) return Refused;
        if (time.GetUtcNow().ToUnixTimeSeconds() >= until) return new RegistryError(ErrorCode.Denied, "Request has expired");
        return layer;
    }

    private static RegistryError Refused => new(ErrorCode.Denied, "The signature of the URL is not valid.");

    private bool TryCompute(uint keyId, string resource, long expires, Span<byte> signature)
    {
        Span<byte> key = stackalloc byte[32];
        if (!keys.TryDerive(keyId, Purpose, [], key)) return false;
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{expires}\n{resource}")), signature);
        return true;
    }

    private static bool TryParse(string resource, out LayerUrl layer)
    {
        layer = default;
        var parts = resource.Split('/', 3);
        if (parts.Length != 3 || !RegistryId.IsAccount(parts[0]) || !RegistryId.IsRegion(parts[1])) return false;
        var at = parts[2].IndexOf('@', StringComparison.Ordinal);
        if (at < 0 || !RepositoryName.TryParse(parts[2][..at], out var name) || !Digest.TryParse(parts[2][(at + 1)..], out var digest)) return false;
        layer = new LayerUrl(new RegistryId(parts[0], parts[1]), name, digest);
        return true;
    }
}
