using System.Globalization;
using Longshore.Core;

namespace Longshore.Storage.Blobs;

/// <summary>The one place that turns upload keys and locations into paths, and refuses whatever is neither.</summary>
/// <remarks>Stored format: docs/stored-formats.md, "Bodies on disk".</remarks>
internal sealed class BlobLayout(string root)
{
    // <root>/
    //   uploads/<upload-key>                  bytes of unfinished uploads; key: [a-z0-9-]{1,64}
    //   sha256/<ab>/<hex>.<generation>        published bodies; <ab> = first two digits of <hex>, 64 of them
    //   sha512/<ab>/<hex>/<generation>        the same, 128 digits
    //   quarantine/<algorithm>-<hex>-<generation>-<UTC time>
    //   store-id                              what tells this store from others (FileMark)
    //
    // A location is the path below the root: "sha256/ab/<hex>.<generation>".

    private const int AlgorithmLength = 6;
    private const int HexStart = AlgorithmLength + 1 + 2 + 1;
    private const int MaxKeyLength = 64;

    /// <summary>The whole tree's directory, absolute.</summary>
    public string Root { get; } = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));

    /// <summary>Where unfinished uploads lie.</summary>
    public string Uploads => Path.Join(Root, "uploads");

    /// <summary>Where bodies lie that a person must look at.</summary>
    public string Quarantine => Path.Join(Root, "quarantine");

    /// <summary>The first parts of all locations.</summary>
    public static IReadOnlyList<string> Algorithms { get; } = ["sha256", "sha512"];

    /// <summary>Directories that can hold the directories of digests: 256 for each algorithm.</summary>
    public static int FanOutCount => 512;

    /// <summary>Which of them a digest belongs to, from 0.</summary>
    public static int FanOutIndex(Digest digest) =>
        byte.Parse(digest.Hex[..2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        + (digest.Algorithm == DigestAlgorithm.Sha256 ? 0 : 256);

    /// <summary>True for a key that can be a file name and nothing else.</summary>
    public static bool IsUploadKey(ReadOnlySpan<char> key)
    {
        if (key.Length is 0 or > MaxKeyLength) return false;
        foreach (var c in key)
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-') return false;
        return true;
    }

    /// <summary>True for text that <see cref="Location"/> can have made.</summary>
    public static bool IsLocation(ReadOnlySpan<char> text)
    {
        var hexLength = text.StartsWith("sha256/") ? 64 : text.StartsWith("sha512/") ? 128 : -1;
        if (hexLength < 0 || text.Length <= HexStart + hexLength + 1) return false;
        if (text[HexStart - 1] != '/' || text[HexStart + hexLength] != '.') return false;
        var hex = text.Slice(HexStart, hexLength);
        foreach (var c in hex)
            if (!char.IsAsciiHexDigitLower(c)) return false;
        return text.Slice(AlgorithmLength + 1, 2).SequenceEqual(hex[..2]) && IsGeneration(text[(HexStart + hexLength + 1)..]);
    }

    /// <summary>The location of a body, by digest and generation (0 and up).</summary>
    public static string Location(Digest digest, long generation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(generation);
        var algorithm = Algorithms[digest.Algorithm == DigestAlgorithm.Sha256 ? 0 : 1];
        return string.Create(CultureInfo.InvariantCulture, $"{algorithm}/{digest.Hex[..2]}/{digest.Hex}.{generation}");
    }

    /// <summary>The digest in a location that <see cref="IsLocation"/> knows.</summary>
    public static Digest DigestOf(string location) =>
        Digest.TryParse(string.Concat(location.AsSpan(0, AlgorithmLength), ":", location.AsSpan(HexStart, location.LastIndexOf('.') - HexStart)), out var digest)
            ? digest
            : throw new ArgumentException("This is no location of a body.", nameof(location));

    /// <summary>The generation in a location that <see cref="IsLocation"/> knows.</summary>
    public static long GenerationOf(string location) => long.Parse(location.AsSpan(location.LastIndexOf('.') + 1), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>The file of an upload. Throws <see cref="ArgumentException"/> when the key is none.</summary>
    public string Upload(string key) => IsUploadKey(key)
        ? string.Concat(Root, "/uploads/", key)
        : throw new ArgumentException("An upload key is 1 to 64 of a-z, 0-9 and '-'.", nameof(key));

    /// <summary>The file of a body. Throws <see cref="ArgumentException"/> when the location is none.</summary>
    public string Body(string location) => IsLocation(location)
        ? string.Concat(Root, "/", location)
        : throw new ArgumentException("This is no location of a body.", nameof(location));

    /// <summary>The file a body goes to when it is set aside; the time keeps two of one location apart.</summary>
    public string QuarantineFile(string location, DateTimeOffset now)
    {
        var hexAndGeneration = location[HexStart..].Replace('.', '-');
        var time = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'.'fffffff'Z'", CultureInfo.InvariantCulture);
        return Path.Join(Quarantine, $"{location[..AlgorithmLength]}-{hexAndGeneration}-{time}");
    }

    // Canonical decimal only: one body has one location.
    private static bool IsGeneration(ReadOnlySpan<char> text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _) && (text.Length == 1 || text[0] != '0');
}
