using System.Globalization;
using Longshore.Core;

namespace Longshore.Storage.Blobs;

/// <summary>The one place that makes keys of a bucket, and takes them apart. Stored format: docs/stored-formats.md, "Bodies in a bucket".</summary>
internal static class S3Layout
{
    // <prefix>
    //   uploads/<upload-key>                                         what an unfinished upload consists of (S3UploadRecord)
    //   data/<ab>/<id>                                               bytes: a body, or a piece of an upload; <id>: 32 hex digits at random
    //   bodies/<ab>/<id>.<algorithm>-<hex>.<generation>.<size>       empty; says that data/<ab>/<id> is a published body
    //   quarantine/<id>.<algorithm>-<hex>.<generation>.<UTC time>    bytes of a body that a person must look at
    //   store-id                                                     what tells this store from others
    //
    // A location is the key of the third kind: everything about a body is in it. <ab>: the first two digits of <id>.

    public const string Uploads = "uploads/";
    public const string Data = "data/";
    public const string Bodies = "bodies/";

    private const int IdLength = 32;

    /// <summary>A new id.</summary>
    public static string NewId() => Guid.NewGuid().ToString("N");

    /// <summary>The key of the bytes of an id.</summary>
    public static string DataKey(string id) => $"{Data}{id[..2]}/{id}";

    /// <summary>What the locations of an id begin with: one, or for a moment two.</summary>
    public static string BodiesOf(string id) => $"{Bodies}{id[..2]}/{id}.";

    /// <summary>The record of an upload. Throws <see cref="ArgumentException"/> when the key is none.</summary>
    public static string Upload(string key) => BlobLayout.IsUploadKey(key)
        ? Uploads + key
        : throw new ArgumentException("An upload key is 1 to 64 of a-z, 0-9 and '-'.", nameof(key));

    /// <summary>The location of a body.</summary>
    public static string Location(string id, Digest digest, long generation, long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(generation);
        return string.Create(CultureInfo.InvariantCulture, $"{BodiesOf(id)}{digest.Value.Replace(':', '-')}.{generation}.{size}");
    }

    /// <summary>Takes a location apart; false for text that <see cref="Location"/> cannot have made.</summary>
    public static bool TryRead(string location, out S3Body body)
    {
        body = default;
        if (!location.StartsWith(Bodies, StringComparison.Ordinal)) return false;
        var parts = location[Bodies.Length..].Split('.');
        if (parts.Length != 4 || parts[0].Length != 3 + IdLength || parts[0][2] != '/') return false;
        var id = parts[0][3..];
        if (!IsId(id) || !parts[0].AsSpan(0, 2).SequenceEqual(id.AsSpan(0, 2))) return false;
        if (!Digest.TryParse(parts[1].Replace('-', ':'), out var digest)) return false;
        if (!long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var generation)) return false;
        if (!long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var size)) return false;
        body = new S3Body(id, digest, generation, size);
        return Location(id, digest, generation, size) == location;
    }

    /// <summary>The same for what must be one. Throws <see cref="ArgumentException"/>.</summary>
    public static S3Body Read(string location) => TryRead(location, out var body) ? body : throw new ArgumentException("This is no location of a body.", nameof(location));

    /// <summary>Whether a text is an id.</summary>
    public static bool IsId(ReadOnlySpan<char> text)
    {
        if (text.Length != IdLength) return false;
        foreach (var c in text)
            if (!char.IsAsciiHexDigitLower(c)) return false;
        return true;
    }

    /// <summary>Where a body goes that is set aside.</summary>
    public static string Quarantine(S3Body body, DateTimeOffset now) => string.Create(
        CultureInfo.InvariantCulture, $"quarantine/{body.Id}.{body.Digest.Value.Replace(':', '-')}.{body.Generation}.{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}");
}

/// <summary>What a location says.</summary>
internal readonly record struct S3Body(string Id, Digest Digest, long Generation, long Size);
