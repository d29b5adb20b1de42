using System.Globalization;
using System.Text;

namespace Longshore.Storage.Blobs;

/// <summary>A piece of an upload: what one request brought.</summary>
/// <param name="Id">Its bytes.</param>
/// <param name="Start">Where it begins in the upload.</param>
/// <param name="Length">Bytes that count; -1: as many as the object has.</param>
/// <param name="Whole">Whether the object has no more bytes than these.</param>
internal sealed record S3Piece(string Id, long Start, long Length, bool Whole)
{
    /// <summary>Where it ends.</summary>
    public long End => Start + Length;
}

/// <summary>
/// What an upload consists of: its pieces in order, and what no longer counts and goes with it. Kept in the bucket under the upload's key before any of its bytes are,
/// so that all bytes of unfinished uploads can be found, and another server can go on.
/// </summary>
internal sealed class S3UploadRecord(string key)
{
    private const string Head = "longshore-upload 1";

    /// <summary>The upload's key.</summary>
    public string Key { get; } = key;

    /// <summary>The pieces, each beginning where the one before ends.</summary>
    public List<S3Piece> Pieces { get; } = [];

    /// <summary>Ids that do not count any more.</summary>
    public HashSet<string> Stale { get; } = new(StringComparer.Ordinal);

    /// <summary>Ids that this server made. Others may be another server's, which publishes them at this moment. Not stored.</summary>
    public HashSet<string> Own { get; } = new(StringComparer.Ordinal);

    /// <summary>The id that was to be published, by a call that failed. Not stored.</summary>
    public string? Tried { get; set; }

    /// <summary>A new id of this server's.</summary>
    public string NewId()
    {
        var id = S3Layout.NewId();
        Own.Add(id);
        return id;
    }

    /// <summary>Whether the bucket may have a record.</summary>
    public bool Recorded { get; set; }

    /// <summary>When it was last used by this server.</summary>
    public DateTimeOffset UsedAt { get; set; }

    /// <summary>Bytes in all pieces.</summary>
    public long End => Pieces.Count == 0 ? 0 : Pieces[^1].End;

    /// <summary>Takes away what is behind an offset; false, and nothing changed, when there are fewer bytes.</summary>
    public bool TryCut(long offset)
    {
        if (End < offset) return false;
        while (Pieces.Count > 0 && Pieces[^1].Start >= offset)
        {
            Stale.Add(Pieces[^1].Id);
            Pieces.RemoveAt(Pieces.Count - 1);
        }

        if (End > offset) Pieces[^1] = Pieces[^1] with { Length = offset - Pieces[^1].Start, Whole = false };
        return true;
    }

    /// <summary>All ids that belong to the upload.</summary>
    public IEnumerable<string> Ids() => Pieces.Select(static piece => piece.Id).Concat(Stale).Distinct(StringComparer.Ordinal);

    /// <summary>As it is stored, with a piece that is about to be written.</summary>
    public byte[] Write(S3Piece? next)
    {
        var text = new StringBuilder(Head).Append('\n');
        foreach (var piece in next is null ? Pieces : Pieces.Append(next))
        {
            var length = piece.Length < 0 ? "-" : piece.Length.ToString(CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"{(piece.Whole ? '+' : '~')} {piece.Id} {piece.Start} {length}\n");
        }

        foreach (var id in Stale) text.Append(CultureInfo.InvariantCulture, $"- {id}\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Reads what <see cref="Write"/> made; null when it is something else.</summary>
    public static S3UploadRecord? TryRead(string key, ReadOnlySpan<byte> bytes)
    {
        var lines = Encoding.ASCII.GetString(bytes).Split('\n');
        if (lines[0] != Head || lines[^1].Length > 0) return null;
        var record = new S3UploadRecord(key) { Recorded = true };
        foreach (var line in lines[1..^1])
        {
            var fields = line.Split(' ');
            if (fields.Length < 2 || !S3Layout.IsId(fields[1])) return null;
            if (fields[0] == "-")
            {
                record.Stale.Add(fields[1]);
                continue;
            }

            if (fields.Length != 4 || !long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var start)) return null;
            var length = -1L;
            if (fields[3] != "-" && !long.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out length)) return null;
            record.Pieces.Add(new S3Piece(fields[1], start, length, fields[0] == "+"));
        }

        return record;
    }
}
