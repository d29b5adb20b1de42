using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Longshore.Server.Trail;

/// <summary>
/// The form of one line of a segment: a JSON object that ends in <c>,"h":"HASH"}</c>. HASH is base64url of SHA-256 over the hash of the line before
/// and all bytes of this line up to that ending: a line cannot be changed, moved or taken out without the chain breaking there.
/// </summary>
internal static class TrailLine
{
    /// <summary>Bytes of a hash.</summary>
    public const int HashSize = 32;

    /// <summary>Characters of a hash as it stands in a line.</summary>
    public const int HashText = 43;

    /// <summary>Bytes of the ending, without the line feed.</summary>
    public const int EndingSize = 6 + HashText + 2;

    /// <summary>Longest line, line feed included. What a call brings along is cut to fit.</summary>
    public const int MaxLine = 16 * 1024;

    /// <summary>The version of this format, in the head of each segment.</summary>
    public const int Version = 1;

    /// <summary>A call that changed nothing, or was refused.</summary>
    public const char Plain = 'r';

    /// <summary>The beginning of a call that changes something, written before it does.</summary>
    public const char Begin = 'b';

    /// <summary>The end of a begun call.</summary>
    public const char End = 'e';

    /// <summary>A beginning that was repeated at the head of the next segment, because its end had not come.</summary>
    public const char Carried = 'c';

    /// <summary>A begun call whose end the server did not live to write: whether it was done is not known.</summary>
    public const char Unknown = 'u';

    /// <summary>What the server itself did, or has to say: lifecycle runs, records that a full disk cost.</summary>
    public const char Service = 's';

    /// <summary>The head of a segment.</summary>
    public const char Head = 'h';

    /// <summary>An authenticated mark: all before it was on disk when it was written.</summary>
    public const char Mark = 'm';

    /// <summary>The seal, the last line of a segment.</summary>
    public const char Seal = 'z';

    private static readonly SearchValues<byte> HashCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    /// <summary>
    /// Ends a line: <paramref name="target"/> holds 32 bytes of room, then the line's bytes without their closing brace. The ending and a line feed
    /// are put behind them, and <paramref name="chain"/> becomes the line's hash.
    /// </summary>
    /// <returns>Bytes of the whole line, from after the 32 bytes on.</returns>
    public static int Finish(Span<byte> target, int length, Span<byte> chain)
    {
        chain.CopyTo(target);
        SHA256.HashData(target[..(HashSize + length)], chain);
        var ending = target[(HashSize + length)..];
        ",\"h\":\""u8.CopyTo(ending);
        Base64Url.EncodeToUtf8(chain, ending[6..], out _, out _);
        "\"}\n"u8.CopyTo(ending[(6 + HashText)..]);
        return length + EndingSize + 1;
    }

    /// <summary>Checks a line, without its line feed, against the chain, and moves the chain on. False leaves the chain alone.</summary>
    public static bool TryFollow(ReadOnlySpan<byte> line, Span<byte> chain)
    {
        Span<byte> told = stackalloc byte[HashSize], found = stackalloc byte[HashSize];
        if (!TryReadHash(line, told)) return false;
        Hash(chain, line[..^EndingSize], found);
        if (!found.SequenceEqual(told)) return false;
        found.CopyTo(chain);
        return true;
    }

    /// <summary>The hash that a line says it has.</summary>
    public static bool TryReadHash(ReadOnlySpan<byte> line, Span<byte> hash)
    {
        if (line.Length <= EndingSize || line.Length > MaxLine) return false;
        var ending = line[^EndingSize..];
        return ending.StartsWith(",\"h\":\""u8) && ending.EndsWith("\"}"u8)
            && !ending.Slice(6, HashText).ContainsAnyExcept(HashCharacters)
            && TryReadHashText(ending.Slice(6, HashText), hash);
    }

    /// <summary>Reads base64url of a hash.</summary>
    public static bool TryReadHashText(ReadOnlySpan<byte> text, Span<byte> hash) =>
        text.Length == HashText && Base64Url.DecodeFromUtf8(text, hash, out _, out var written) == OperationStatus.Done && written == HashSize;

    /// <summary>Reads base64url of a hash.</summary>
    public static byte[]? ReadHash(string? text)
    {
        var hash = new byte[HashSize];
        return text is { Length: HashText } && TryReadHashText(Encoding.ASCII.GetBytes(text), hash) ? hash : null;
    }

    /// <summary>A hash as lines have it.</summary>
    public static string Text(ReadOnlySpan<byte> hash) => Base64Url.EncodeToString(hash);

    /// <summary>The kind of a line: what follows <c>"k":"</c>, which stands first or right behind the sequence number.</summary>
    public static char KindOf(ReadOnlySpan<byte> line)
    {
        var at = line[..Math.Min(line.Length, 48)].IndexOf("\"k\":\""u8);
        return at >= 0 && at + 5 < line.Length ? (char)line[at + 5] : '\0';
    }

    /// <summary>The sequence number of a line; 0 for lines that have none.</summary>
    public static long SequenceOf(ReadOnlySpan<byte> line) =>
        line.StartsWith("{\"q\":"u8) && Utf8Parser.TryParse(line[5..], out long sequence, out _) ? sequence : 0;

    /// <summary>Microseconds since 1970, from the time of a call's line, which follows its kind; 0 for none.</summary>
    public static long TimeOf(ReadOnlySpan<byte> line)
    {
        var at = line[..Math.Min(line.Length, 96)].IndexOf("\"t\":"u8);
        return at >= 0 && Utf8Parser.TryParse(line[(at + 4)..], out long time, out _) ? time : 0;
    }

    /// <summary>The file of a segment while it is written, and until it is compressed.</summary>
    public static string FileName(long number) => string.Create(CultureInfo.InvariantCulture, $"segment-{number:D10}.log");

    private static void Hash(ReadOnlySpan<byte> chain, ReadOnlySpan<byte> content, Span<byte> hash)
    {
        var size = HashSize + content.Length;
        var rented = ArrayPool<byte>.Shared.Rent(size);
        chain.CopyTo(rented);
        content.CopyTo(rented.AsSpan(HashSize));
        SHA256.HashData(rented.AsSpan(0, size), hash);
        ArrayPool<byte>.Shared.Return(rented);
    }
}
